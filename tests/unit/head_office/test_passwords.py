"""Guessable passwords and the published ones of the guide are refused."""

import secrets

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from etalase.head_office.models import Account, Company, Store
from etalase.head_office.passwords import MIN_SCORE, score
from etalase.settings.reading import PUBLISHED_SECRETS, is_published

COMPANY = Company(name="FoodLife Nusantara")
STORE = Store(company=COMPANY, code="AVRIL-001", name="AVR-SUNDA")


@pytest.mark.parametrize(
    "password",
    [
        "menu2026",
        "Menu2026!!",
        "m3nu-2026-m3nu",
        "menumenumenu2026",
        "fotoproduk2026",
        "kasir12345678",
        "Rahasia2026!",
        "rahasiabanget123",
        "NasiGoreng2026",
        "sate_ayam_1234",
        "P4ssw0rd2026",
        "jakarta17081945",
        "bismillah1234567",
        "qwertyasdfgh1",
        "avril-001-2026",
        "AvrSunda2026!",
        "foodlifenusantara1",
        "AVRIL001AVRIL001",
        "081234567890",
        "aaaaaaaaaaaaaa",
        "abababababab1",
        "etalase etalase",
        "ＭＥＮＵ２０２６menu",
        "x" * 257 + "abcdefg",
        "passwordpassword",
        "kucingkucing",
        "abcdefghijkl",
        "zyxwvutsrq1",
        "asdfghjklzxcvbnm",
        "semangat2026",
        "Terserah-12345!",
    ],
)
def test_a_guessable_password_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password, Account(username="avril", store=STORE))


@pytest.mark.parametrize(
    "password",
    ["kucing lompat jendela biru", "a good one 99", "a store's own password", "Tq7-vRx2-mKp9", "soto hujan gitar lampu"],
)
def test_a_strong_password_is_accepted(password: str) -> None:
    validate_password(password, Account(username="avril", store=STORE))


def test_generated_passwords_are_strong() -> None:
    assert all(score(secrets.token_urlsafe(18)) >= MIN_SCORE for _ in range(2000))


@pytest.mark.parametrize("secret", sorted(PUBLISHED_SECRETS))
def test_a_secret_of_the_guide_is_recognised_in_any_case_and_with_spaces(secret: str) -> None:
    for dressed in (secret, secret.upper(), secret.title(), f"{secret} ", f"\t{secret}\n", f"{secret}\u200b", f"\xa0{secret}"):
        assert is_published(dressed)
    assert not is_published(f"{secret}x")
    assert not is_published(None)
