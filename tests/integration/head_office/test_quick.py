"""The quick answers of the feed differ from the view's in nothing but their speed (ADR 0034)."""

import gzip
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework_simplejwt.tokens import RefreshToken
from tests.integration.head_office.conftest import another_session
from tests.integration.head_office.office import Office

from etalase.head_office.api import quick, views
from etalase.head_office.api.responses import json_response
from etalase.head_office.models import Account

pytestmark = pytest.mark.urls("etalase.head_office.urls")

PHOTOS, PRODUCTS = "/api/v1/sync/product-photos/", "/api/v1/sync/products/"
SLOW = "application/json; charset=utf-8"  # that the view alone reads


def token_of(account: Account) -> str:
    return str(RefreshToken.for_user(account).access_token)


def post(
    office: Office, token: str, *, path: str = PHOTOS, content_type: str = "application/json", coding: str = "", **meta: Any
) -> Any:
    body = {"company_id": str(office.company.id), "store_id": str(office.store.id)}
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": coding}
    return Client().post(path, json.dumps(body), content_type=content_type, headers=headers, **meta)


@pytest.fixture
def views_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns a list to which each answer of a view is added."""
    calls: list[str] = []

    def noted(content: Any, **more: Any) -> Any:
        calls.append("view")
        return json_response(content, **more)

    monkeypatch.setattr(views, "json_response", noted)
    return calls


@pytest.mark.parametrize("path", [PHOTOS, PRODUCTS])
def test_a_quick_answer_has_the_headers_of_the_views(office: Office, path: str, views_calls: list[str]) -> None:
    token = token_of(Account.objects.get())
    quick_one = post(office, token, path=path)
    assert not views_calls
    slow_one = post(office, token, path=path, content_type=SLOW)
    assert views_calls
    assert (quick_one.status_code, dict(quick_one.headers)) == (slow_one.status_code, dict(slow_one.headers))
    assert quick_one.json().keys() == slow_one.json().keys()


@pytest.mark.parametrize("content_type", ["application/json", SLOW])
@pytest.mark.parametrize("path", [PHOTOS, PRODUCTS])
def test_a_large_page_is_compressed_for_a_client_that_accepts_it(office: Office, path: str, content_type: str) -> None:
    token = token_of(Account.objects.get())
    for number in range(10):
        office.photo(office.product(str(number), name="NASI GORENG KAMBING SPESIAL"))
    office.page()  # so that the count is kept, and two answers differ in nothing but their time
    for coding, is_packed in {"gzip": True, "br, gzip;q=0.5": True, "": False, "gzip;q=0": False, "br": False}.items():
        answer = post(office, token, path=path, content_type=content_type, coding=coding)
        body = gzip.decompress(answer.content) if is_packed else answer.content
        assert len(json.loads(body)["photos" if path == PHOTOS else "products"]) == 10
        assert answer.headers.get("Content-Encoding") == ("gzip" if is_packed else None)
        assert (answer["Vary"], int(answer["Content-Length"])) == ("Accept-Encoding", len(answer.content))
        assert (len(answer.content) < len(body) / 2) == is_packed


def test_a_small_page_is_sent_as_it_is(office: Office) -> None:
    answer = post(office, token_of(Account.objects.get()), coding="gzip")
    assert (answer.headers.get("Content-Encoding"), answer.headers.get("Vary")) == (None, None)
    assert answer.json()["photos"] == []


@pytest.mark.parametrize("length", ["", "0", "x", "-1", "²", "9" * 5000])
def test_an_odd_length_is_left_to_the_view(office: Office, length: str) -> None:
    response = post(office, token_of(Account.objects.get()), CONTENT_LENGTH=length)
    assert response.status_code in {400, 413}


def deactivate(account: Account) -> None:
    Account.objects.update(is_active=False)


def change_password(account: Account) -> None:
    account.set_password("another password of theirs")
    account.save()


def move(account: Account) -> None:
    Account.objects.update(store=None)


ENDS: dict[str, tuple[Callable[[Account], Any], int]] = {
    "deactivated": (deactivate, 401),
    "password changed": (change_password, 401),
    "deleted": (lambda account: account.delete(), 401),
    "of no store": (move, 404),
    "store deleted": (lambda account: account.store and account.store.delete(), 404),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_remembered_token_opens_nothing_that_its_account_may_no_longer_read(office: Office, end: str) -> None:
    account = Account.objects.get()
    token = token_of(account)
    assert post(office, token).status_code == 200
    change, status = ENDS[end]
    change(account)
    assert post(office, token).status_code in {status, 401}


def test_a_remembered_token_expires(office: Office, monkeypatch: pytest.MonkeyPatch, views_calls: list[str]) -> None:
    token = token_of(Account.objects.get())
    assert post(office, token).status_code == 200
    assert not views_calls
    monkeypatch.setattr(quick, "time", SimpleNamespace(time=lambda: time.time() + 3601))
    assert post(office, token).status_code == 200
    assert views_calls, "which reads the clock that this test leaves alone"


def test_a_session_that_postgresql_has_ended_costs_no_request(office: Office, views_calls: list[str]) -> None:
    token = token_of(Account.objects.get())
    assert post(office, token).status_code == 200
    with another_session() as session:
        session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert post(office, token).status_code == 200
    assert not views_calls
    assert connection.is_usable()
