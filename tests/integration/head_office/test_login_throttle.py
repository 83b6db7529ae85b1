"""The login throttle and the bound on password hashing (hazards 52 and 57)."""

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import check_password, get_hasher, identify_hasher, make_password
from django.db import connection
from django.test import Client
from django.utils import timezone
from tests.integration.head_office.conftest import another_session
from tests.integration.head_office.office import Office

from etalase.head_office import login_throttle
from etalase.head_office.login_throttle import ACCOUNTS_FAILED_AT_ONCE, counted_address
from etalase.head_office.models import Account
from etalase.settings.head_office import head_office_settings
from etalase.settings.head_office_web import FIXED

pytestmark = pytest.mark.urls("etalase.head_office.urls")

TOKEN, REFRESH, ADMIN = "/api/v1/token/", "/api/v1/token/refresh/", "/admin/login/"
RIGHT = "a store's own password"


def login(username: str = "avril", password: str = RIGHT, *, address: str = "192.0.2.1", **headers: str) -> Any:
    body = json.dumps({"username": username, "password": password})
    return Client().post(TOKEN, body, content_type="application/json", REMOTE_ADDR=address, headers=headers)


def admin_login(username: str = "admin", password: str = RIGHT, *, address: str = "192.0.2.1") -> Any:
    return Client().post(ADMIN, {"username": username, "password": password}, REMOTE_ADDR=address)


@pytest.fixture
def chain(office: Office) -> Office:
    """Creates three stores and an admin."""
    for name in ("bandung", "cirebon"):
        Account.objects.create_user(name, password=RIGHT, store=office.store)
    Account.objects.create_user("admin", password=RIGHT, is_staff=True, is_superuser=True)
    return office


@pytest.fixture
def behind_a_proxy(settings: Any) -> Iterator[None]:
    settings.ETALASE_HEAD_OFFICE = settings.ETALASE_HEAD_OFFICE.model_copy(update={"PROXY_COUNT": 1})
    head_office_settings.cache_clear()
    yield
    head_office_settings.cache_clear()


# Addresses


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:0201", "192.0.2.1"),
        ("64:ff9b::192.0.2.1", "192.0.2.1"),
        ("2002:c000:0201::5", "192.0.2.1"),
        ("2001:db8:0:1::1", "2001:db8:0:1::"),
        ("2001:DB8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1::"),
        ("2001:db8:0:2::1", "2001:db8:0:2::"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::2", "fe80::2"),
        ("::1", "::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("", None),
        ("unix:", None),
        ("192.0.2.1:4711", None),
        ("192.0.2.1\0", None),
        ("0300.0.2.1", None),
    ],
)
def test_failures_count_by_ipv4_address_or_ipv6_network(text: str, counted: str | None) -> None:
    assert counted_address(text) == counted


@pytest.mark.parametrize(
    "addresses",
    [
        ["192.0.2.9", "::ffff:192.0.2.9", "64:ff9b::c000:209"],
        ["2001:db8::1", "2001:db8::2", "2001:db8::ffff:1:2:3", "2001:DB8:0:0:1::"],
    ],
    ids=["an IPv4 address in IPv6's clothes", "addresses of one /64"],
)
def test_another_address_of_the_same_network_does_not_evade_the_throttle(chain: Office, addresses: list[str]) -> None:
    answers = [login(password="wrong", address=addresses[n % len(addresses)]).status_code for n in range(12)]
    assert answers == [401] * 9 + [429] * 3
    assert [login(address=address).status_code for address in addresses] == [429] * len(addresses)
    assert login(address="2001:db8:0:1::1").status_code == 200


def test_failures_with_a_future_time_lock_nobody_out(chain: Office) -> None:
    """Such failures remain from a clock that was a year ahead."""
    for _ in range(10):
        login(password="wrong")
    assert login().status_code == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() + timedelta(days=365))
    assert login().status_code == 200


@pytest.mark.usefixtures("behind_a_proxy")
def test_a_forwarded_address_is_normalised_like_a_direct_one(chain: Office) -> None:
    seen = [{"X-Forwarded-For": f"198.51.100.1, 2001:db8::{n}"} for n in range(11)]
    assert [login(password="wrong", **headers).status_code for headers in seen] == [401] * 9 + [429] * 2
    assert login(**{"X-Forwarded-For": "2001:db8:0:1::1"}).status_code == 200


# Many accounts from one address


@pytest.mark.parametrize("door", [login, admin_login], ids=["API", "admin"])
def test_an_address_with_failures_of_many_accounts_is_locked_in_api_and_admin(chain: Office, door: Any) -> None:
    failed = [door(f"guess-{n}", "Menu2026").status_code for n in range(ACCOUNTS_FAILED_AT_ONCE)]
    assert set(failed) <= {200, 401}  # the admin shows its form again
    for answer in (login(), login("unknown"), admin_login()):
        assert answer.status_code == 429
        assert 14 * 60 < int(answer.headers["Retry-After"]) <= 15 * 60
    assert login(address="192.0.2.2").status_code == 200
    assert admin_login(address="192.0.2.2").status_code == 302


def test_stores_behind_one_nat_are_not_locked_by_failures_of_others(chain: Office) -> None:
    for number in range(60):
        login("bandung", "an old password", **{"User-Agent": str(number)})
    for number in range(ACCOUNTS_FAILED_AT_ONCE - 2):
        login(f"bad-store-{number}", "an old password")
    assert login("bandung").status_code == 429
    assert login("cirebon").status_code == 200
    assert login("avril").status_code == 200


def test_attempts_during_a_lock_do_not_count(chain: Office) -> None:
    for _ in range(10):
        login(password="wrong")
    before = login().headers["Retry-After"]
    for _ in range(5):
        login(password="wrong")
    assert int(login().headers["Retry-After"]) <= int(before)


# Password hashing


def test_passwords_are_hashed_with_argon2id_and_old_hashes_upgraded_at_login(office: Office, settings: Any) -> None:
    settings.PASSWORD_HASHERS = FIXED["PASSWORD_HASHERS"]
    hasher: Any = get_hasher()
    assert identify_hasher(make_password("x")).algorithm == "argon2"
    assert (hasher.memory_cost, hasher.time_cost, hasher.parallelism) == (19456, 2, 1)
    old = make_password(RIGHT, hasher="pbkdf2_sha256")
    Account.objects.filter(username="avril").update(password=old)
    assert login().status_code == 200
    now = Account.objects.get(username="avril").password
    assert identify_hasher(now).algorithm == "argon2"
    assert check_password(RIGHT, now)


@pytest.fixture
def all_turns_taken() -> Iterator[None]:
    """Takes all hashing slots, as other processes would."""
    with another_session() as other:
        for turn in range(login_throttle.HASHES_AT_ONCE):
            other.execute("SELECT pg_advisory_xact_lock(%s, %s)", [login_throttle._HASHING, turn])
        yield


@pytest.mark.usefixtures("all_turns_taken")
def test_with_all_hashing_slots_taken_a_login_gets_503_and_feeds_are_served(
    chain: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_throttle, "WAIT_SECONDS", 0.1)
    for answer in (login(), login(password="wrong"), admin_login()):
        assert answer.status_code == 503
        assert 1 <= int(answer.headers["Retry-After"]) <= 5
    assert "checking many passwords" in login().json()["detail"]
    assert Client().get("/healthz").status_code == 200
    from axes.models import AccessAttempt

    assert not AccessAttempt.objects.exists(), "not looked at is no failure"


def test_a_login_waits_for_a_hashing_slot(chain: Office) -> None:
    with another_session() as other:
        for turn in range(login_throttle.HASHES_AT_ONCE):
            other.execute("SELECT pg_advisory_xact_lock(%s, %s)", [login_throttle._HASHING, turn])
        ends = threading.Timer(0.2, other.commit)
        ends.start()
        answer = login()
        ends.join()
    assert answer.status_code == 200


def test_of_many_parallel_logins_few_wait_and_none_blocks_a_thread_for_long(
    chain: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashing: list[int] = []
    most = 0

    def slowly(*_: Any, **__: Any) -> bool:
        nonlocal most
        hashing.append(1)
        most = max(most, len(hashing))
        time.sleep(0.05)
        hashing.pop()
        return False

    monkeypatch.setattr("django.contrib.auth.base_user.check_password", slowly)
    statuses: list[int] = []

    def one(number: int) -> None:
        try:
            statuses.append(login(address=f"192.0.2.{number}", password="wrong").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= login_throttle.HASHES_AT_ONCE
    assert set(statuses) <= {401, 503}
    assert 401 in statuses
    assert login(address="192.0.2.200").status_code in {200, 401}, "every turn was given back"


def test_an_unknown_account_takes_as_long_as_a_wrong_password(chain: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    Account.objects.create_user("closed", password=RIGHT, is_active=False)
    hashed: list[str] = []
    hasher: Any = type(get_hasher())
    encode = hasher.encode

    def counted(self: Any, password: str, salt: str) -> str:
        hashed.append(password)
        result: str = encode(self, password, salt)
        return result

    monkeypatch.setattr(hasher, "encode", counted)
    for username in ("avril", "closed", "unknown"):
        hashed.clear()
        assert login(username, "wrong").status_code == 401
        assert hashed == ["wrong"], username
