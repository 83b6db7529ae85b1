"""The sync API over HTTP: authorisation, valid requests, and the errors for invalid ones."""

import io
import json
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken
from tests.integration.head_office.office import Office

from etalase.head_office import feed
from etalase.head_office.api import tokens
from etalase.head_office.api.parsers import counted
from etalase.head_office.api.urls import Schema
from etalase.head_office.audit import Person
from etalase.head_office.joining.invitations import invite
from etalase.head_office.models import Account, Company, Store
from etalase.joining import new_code, new_nonce
from etalase.settings.head_office import MIB

pytestmark = pytest.mark.urls("etalase.head_office.urls")

PHOTOS, PRODUCTS, STORES = "/api/v1/sync/product-photos/", "/api/v1/sync/products/", "/api/v1/sync/stores/"
REPORT = "/api/v1/sync/report/"
TOKEN, REFRESH = "/api/v1/token/", "/api/v1/token/refresh/"
JOIN = "/api/v1/join/"


def post(path: str, body: Any, *, token: str | None = None, raw: bytes | None = None, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    content_type = more.pop("content_type", "application/json")
    data = raw if raw is not None else json.dumps(body)
    return Client().post(path, data, content_type=content_type, headers=headers | more.pop("headers", {}), **more)


@pytest.fixture
def account(office: Office) -> Account:
    return Account.objects.get(username="avril")


@pytest.fixture
def admin() -> Account:
    return Account.objects.create_superuser("admin", password="an admin's own password")


@pytest.fixture
def ask(office: Office) -> dict[str, Any]:
    return {"company_id": str(office.company.id), "store_id": str(office.store.id)}


def access(account: Account) -> str:
    return str(RefreshToken.for_user(account).access_token)


# Authorisation


def test_the_guides_requests_work_as_printed(office: Office, ask: dict[str, Any]) -> None:
    photo = office.photo(office.product())
    pair = post(TOKEN, {"username": "avril", "password": "a store's own password"})
    assert pair.status_code == 200
    assert {*pair.json()} == {"access", "refresh"}
    page = post(PHOTOS, ask, token=pair.json()["access"])
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "application/json"
    assert [p["id"] for p in page.json()["photos"]] == [str(photo.id)]


def test_tokens_have_the_documented_lifetimes(account: Account) -> None:
    refresh = RefreshToken.for_user(account)
    assert refresh.lifetime == timedelta(days=30)
    assert refresh.access_token.lifetime == timedelta(minutes=60)


def _forged(account: Account) -> str:
    head, payload, signature = access(account).split(".")
    return f"{head}.{payload}.{signature[:-6]}AAAAAA"


def _expired(account: Account) -> str:
    token = AccessToken.for_user(account)
    token.set_exp(from_time=timezone.now() - timedelta(hours=2))
    return str(token)


def _another_head_offices(account: Account) -> str:
    import jwt

    claims = jwt.decode(access(account), options={"verify_signature": False})
    return jwt.encode(claims, "another head office's secret key, also long", algorithm="HS256")


def _unsigned(account: Account) -> str:
    import jwt

    return jwt.encode(jwt.decode(access(account), options={"verify_signature": False}), None, algorithm="none")


@pytest.mark.parametrize(
    "token",
    [
        lambda _: None,
        lambda _: "x",
        lambda _: "ü",
        _forged,
        _expired,
        _another_head_offices,
        _unsigned,
        lambda account: str(RefreshToken.for_user(account)),
    ],
    ids=["none", "nonsense", "not ASCII", "forged", "expired", "another head office's", "unsigned", "a refresh token"],
)
@pytest.mark.parametrize("path", [PHOTOS, PRODUCTS, STORES])
def test_a_request_without_a_valid_token_gets_401(account: Account, ask: dict[str, Any], token: Any, path: str) -> None:
    answer = post(path, ask, token=token(account))
    assert answer.status_code == 401
    assert answer.json()["detail"]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "end",
    [
        lambda account: account.delete(),
        lambda _: Account.objects.update(is_active=False),
        lambda account: (account.set_password("another long password"), account.save()),
    ],
    ids=["deleted", "deactivated", "password changed"],
)
def test_a_deactivated_account_loses_access_at_once(account: Account, ask: dict[str, Any], end: Any) -> None:
    pair = post(TOKEN, {"username": "avril", "password": "a store's own password"}).json()
    end(account)
    assert post(PHOTOS, ask, token=pair["access"]).status_code == 401
    assert post(REFRESH, {"refresh": pair["refresh"]}).status_code == 401
    assert post(TOKEN, {"username": "avril", "password": "a store's own password"}).status_code == 401


def test_a_refresh_token_is_spent_by_its_use(account: Account, ask: dict[str, Any]) -> None:
    pair = post(TOKEN, {"username": "avril", "password": "a store's own password"}).json()
    fresh = post(REFRESH, {"refresh": pair["refresh"]})
    assert {*fresh.json()} == {"access", "refresh"}
    assert post(PHOTOS, ask, token=fresh.json()["access"]).status_code == 200
    again = post(REFRESH, {"refresh": fresh.json()["refresh"]})
    assert again.status_code == 200
    assert post(REFRESH, {"refresh": fresh.json()["refresh"]}).status_code == 401


def test_an_unknown_and_a_foreign_store_get_the_same_response_byte_for_byte(
    office: Office, account: Account, ask: dict[str, Any]
) -> None:
    elsewhere = Store.objects.create(company=Company.objects.create(name="Elsewhere"), code="1", name="Elsewhere")
    neighbour = office.another_store()
    questions = [
        {"company_id": str(uuid4()), "store_id": str(uuid4())},
        {**ask, "company_id": str(uuid4())},
        {**ask, "store_id": str(uuid4())},
        {**ask, "store_id": str(neighbour.id)},
        {"company_id": str(elsewhere.company_id), "store_id": str(elsewhere.id)},
        {"company_id": str(elsewhere.company_id), "store_id": str(office.store.id)},
    ]
    for path in (PHOTOS, PRODUCTS):
        answers = [post(path, question, token=access(account)) for question in questions]
        assert {answer.status_code for answer in answers} == {404}
        assert len({(answer.content, str(sorted(answer.headers.items()))) for answer in answers}) == 1


def test_an_account_without_a_store_may_read_none(ask: dict[str, Any]) -> None:
    nobody = Account.objects.create_user("nobody", password="a password")
    assert post(PHOTOS, ask, token=access(nobody)).status_code == 404
    assert post(STORES, {}, token=access(nobody)).json()["stores"] == []


def test_moving_an_account_to_another_store_takes_effect_with_its_old_token(
    office: Office, account: Account, ask: dict[str, Any]
) -> None:
    token, other = access(account), office.another_store()
    Account.objects.filter(id=account.id).update(store=other)
    assert post(PHOTOS, ask, token=token).status_code == 404
    assert post(PHOTOS, {**ask, "store_id": str(other.id)}, token=token).status_code == 200


def test_an_admin_may_read_any_store_with_its_own_company(office: Office, admin: Account, ask: dict[str, Any]) -> None:
    elsewhere = Store.objects.create(company=Company.objects.create(name="Elsewhere"), code="1", name="Elsewhere")
    theirs = {"company_id": str(elsewhere.company_id), "store_id": str(elsewhere.id)}
    for question, status in ((ask, 200), (theirs, 200), ({**ask, "store_id": str(elsewhere.id)}, 404)):
        assert post(PHOTOS, question, token=access(admin)).status_code == status


def test_the_store_list_has_the_stores_that_the_account_may_read(office: Office, account: Account, admin: Account) -> None:
    other = office.another_store()
    for ask in (lambda token: post(STORES, {}, token=token), _get_stores):
        (mine,) = ask(access(account)).json()["stores"]
        assert mine == {
            "id": str(office.store.id),
            "code": "AVRIL-001",
            "name": "AVR-SUNDA",
            "company_id": str(office.company.id),
            "company_name": "FoodLife",
        }
        assert {s["id"] for s in ask(access(admin)).json()["stores"]} == {str(office.store.id), str(other.id)}


def _get_stores(token: str, query: str = "") -> Any:
    return Client().get(STORES + query, headers={"Authorization": f"Bearer {token}"})


def test_the_store_list_is_paged(office: Office, admin: Account) -> None:
    others = [office.another_store(f"S{n}") for n in range(4)]
    first = _get_stores(access(admin), "?limit=3").json()
    second = _get_stores(access(admin), f"?limit=3&offset={first['next_offset']}").json()
    assert [s["id"] for s in first["stores"] + second["stores"]] == [str(s.id) for s in (office.store, *others)]
    assert (first["total"], first["has_more"], second["has_more"], second["next_offset"]) == (5, True, False, None)
    assert _get_stores(access(admin), f"?company_id={uuid4()}").json()["stores"] == []
    for query in ("?limit=0", "?limit=x", "?limit=" + "9" * 5000, "?offset=-1", "?company_id=x"):
        assert _get_stores(access(admin), query).status_code == 400


# Requests


@pytest.mark.parametrize("limit", [0, -1, 10**9, 10**30, "x", "5", True, 1.5, None, [], {}])
def test_a_limit_out_of_range_gets_an_error_with_value_and_range(account: Account, ask: dict[str, Any], limit: Any) -> None:
    answer = post(PHOTOS, {**ask, "limit": limit}, token=access(account))
    assert answer.status_code == 400
    sentence = answer.json()["detail"]
    assert sentence.startswith("limit: ")
    assert answer.json()["limit"] == [sentence.removeprefix("limit: ")]
    assert json.dumps(limit, separators=(",", ":"))[:40] in sentence
    assert "from 1 to 1000" in sentence


@pytest.mark.parametrize("offset", [-1, 2**63, "x", True, None])
def test_an_offset_out_of_range_gets_an_error(account: Account, ask: dict[str, Any], offset: Any) -> None:
    answer = post(PHOTOS, {**ask, "offset": offset}, token=access(account))
    assert (answer.status_code, "offset" in answer.json()) == (400, True)


@pytest.mark.parametrize("limit", [1, 1000])
def test_the_smallest_and_largest_limit_are_accepted(account: Account, ask: dict[str, Any], limit: int) -> None:
    assert post(PHOTOS, {**ask, "limit": limit}, token=access(account)).status_code == 200


@pytest.mark.parametrize(
    "since",
    [
        "nonsense",
        "",
        "2026-02-03",
        "2026-02-03T00:00:00",
        "2026-13-03T00:00:00Z",
        0,
        1.5e9,
        True,
        [],
        "0001-01-01T00:00:00+14:00",
    ],
)
def test_an_invalid_updated_since_gets_an_error(account: Account, ask: dict[str, Any], since: Any) -> None:
    answer = post(PHOTOS, {**ask, "updated_since": since}, token=access(account))
    assert (answer.status_code, "updated_since" in answer.json()) == (400, True)


@pytest.mark.parametrize(
    "since",
    [None, "2026-02-03T00:00:00Z", "2026-02-03T07:26:11.813339+00:00", "2026-02-03T14:26:11+07:00", "9999-12-31T23:59:59Z"],
)
def test_updated_since_accepts_any_utc_offset(account: Account, ask: dict[str, Any], since: Any) -> None:
    assert post(PHOTOS, {**ask, "updated_since": since}, token=access(account)).status_code == 200


def test_microseconds_and_offsets_of_updated_since_are_kept(office: Office, account: Account, ask: dict[str, Any]) -> None:
    photo = office.photo(office.product())
    photo.refresh_from_db()
    local = photo.updated_at.astimezone(timezone.get_fixed_timezone(420))
    for moment, reported in ((local, 1), (local + timedelta(microseconds=1), 0)):
        answer = post(PHOTOS, {**ask, "updated_since": moment.isoformat()}, token=access(account))
        assert len(answer.json()["photos"]) == reported


@pytest.mark.parametrize("field", ["company_id", "store_id"])
@pytest.mark.parametrize("value", ["absent", None, "", "x", 5, ["a"]])
def test_a_missing_or_invalid_store_or_company_id_gets_an_error(
    account: Account, ask: dict[str, Any], field: str, value: Any
) -> None:
    question = {name: content for name, content in {**ask, field: value}.items() if content != "absent"}
    answer = post(PHOTOS, question, token=access(account))
    assert (answer.status_code, {*answer.json()}) == (400, {"detail", field})


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b'{"company_id": ', 400),
        (b"", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'"text"', 400),
        (b'{"limit": NaN}', 400),
        (b'{"a": "\xff"}', 400),
        (b'{"a": "\x00"}', 400),
        (b'{"a":' * 10_000, 400),
        (b"[" * 60_000, 400),
        (b"{" + b" " * 64 * 1024 + b"}", 413),
        (b"x" * (10 * MIB), 413),
    ],
    ids=["cut", "empty", "list", "null", "text", "NaN", "not UTF-8", "NUL", "deep objects", "deep lists", "64 KiB", "10 MiB"],
)
def test_an_invalid_request_body_is_refused(account: Account, raw: bytes, status: int) -> None:
    answer = post(PHOTOS, None, raw=raw, token=access(account))
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_nesting_just_below_the_parsers_limit_is_refused(account: Account, ask: dict[str, Any]) -> None:
    token = access(account)
    for depth in range(700, 1000, 20):
        raw = json.dumps(ask)[:-1].encode() + b', "limit": ' + b"[" * depth + b"]" * depth + b"}"
        assert post(PHOTOS, None, raw=raw, token=token).status_code == 400, depth


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
@pytest.mark.parametrize("path", [PHOTOS, TOKEN])
def test_a_body_that_is_not_json_gets_415(account: Account, content_type: str, path: str) -> None:
    answer = post(path, None, raw=b"a=1", content_type=content_type, token=access(account))
    assert answer.status_code == 415
    assert answer.json()["detail"]


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_another_method_gets_405(account: Account, method: str) -> None:
    answer = getattr(Client(), method)(PHOTOS, headers={"Authorization": f"Bearer {access(account)}"})
    assert answer.status_code == 405
    assert answer.json()["detail"]


def test_an_unknown_address_gets_404_in_json() -> None:
    answer = Client().get("/api/v1/nothing/")
    assert (answer.status_code, answer.json()) == (404, {"detail": "There is nothing under this address."})


def test_a_database_outage_gets_503(account: Account, ask: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    token = access(account)

    def away() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(feed, "read_horizon", away)
    answer = post(PHOTOS, ask, token=token)
    assert (answer.status_code, answer.json()["detail"]) == (503, "Head office's database does not answer. Try again later.")


def test_a_chunked_body_is_read_and_a_large_one_refused() -> None:
    def call(body: bytes) -> str:
        message: list[str] = []
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": TOKEN,
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "CONTENT_TYPE": "application/json",
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input": io.BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.url_scheme": "http",
            "REMOTE_ADDR": "192.0.2.1",
        }
        list(counted(WSGIHandler(), max_bytes=MIB)(environ, lambda status, _headers: message.append(status)))
        return message[0]

    assert call(b'{"username": "nobody", "password": "x"}').startswith("401")
    assert call(b"x" * (MIB + 1)).startswith("413")


# Login throttle


def login(password: str, *, username: str = "avril", address: str = "192.0.2.1", **more: Any) -> Any:
    return post(TOKEN, {"username": username, "password": password}, REMOTE_ADDR=address, **more)


def test_failed_logins_are_throttled_per_account_and_address(office: Office) -> None:
    right = "a store's own password"
    Account.objects.create_user("neighbour", password=right, store=office.store)
    refused = [login("wrong", headers={"User-Agent": str(n)}).status_code for n in range(12)]
    assert refused == [401] * 9 + [429] * 3
    answer = login(right)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60
    assert answer.json()["detail"].startswith("Too many failed logins")
    assert login(right, username="neighbour").status_code == 200, "a neighbour behind the same NAT"
    assert login(right, address="192.0.2.2").status_code == 200, "the store itself, from its own address"


def test_the_login_throttle_expires(office: Office, settings: Any) -> None:
    for _ in range(10):
        login("wrong")
    from axes.models import AccessAttempt

    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=16))
    assert login("a store's own password").status_code == 200


def test_a_successful_login_resets_the_throttle(office: Office) -> None:
    for _ in range(3):
        for _ in range(9):
            assert login("wrong").status_code == 401
        assert login("a store's own password").status_code == 200


def test_forwarded_addresses_are_trusted_only_from_our_own_proxies(office: Office, settings: Any) -> None:
    for number in range(10):
        login("wrong", headers={"X-Forwarded-For": f"198.51.100.{number}"})
    assert login("a store's own password").status_code == 429, "a header that anybody can send opens no door"
    settings.ETALASE_HEAD_OFFICE = settings.ETALASE_HEAD_OFFICE.model_copy(update={"PROXY_COUNT": 1})
    from etalase.settings.head_office import head_office_settings

    head_office_settings.cache_clear()
    try:
        behind = {"X-Forwarded-For": "192.0.2.1, 198.51.100.7"}
        assert login("a store's own password", headers=behind).status_code == 200
    finally:
        head_office_settings.cache_clear()


def test_a_failed_login_does_not_reveal_whether_the_account_exists(office: Office) -> None:
    Account.objects.create_user("closed", password="a password", is_active=False)
    answers = [login("wrong", username=name) for name in ("avril", "closed", "unknown")]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "avril"},
        {"username": "a" * 151, "password": "x"},
        {"username": "a\0", "password": "x"},
        {"username": "avril", "password": "x" * 257},
        {"username": ["avril"], "password": {}},
    ],
)
def test_an_invalid_login_gets_400_with_the_field(office: Office, body: dict[str, Any]) -> None:
    answer = post(TOKEN, body)
    assert answer.status_code == 400
    assert {*answer.json()} & {"username", "password"}


def test_the_login_of_the_admin_is_throttled(admin: Account) -> None:
    for _ in range(10):
        answer = Client().post("/admin/login/", {"username": "admin", "password": "wrong"})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]


# Documents


def test_the_openapi_document_and_its_page_need_no_other_host() -> None:
    page = Client().get("/api/v1/docs/")
    assert page.status_code == 200
    assert "https://" not in page.content.decode()
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    document = Client().get("/api/v1/schema/?format=json").json()
    assert {*document["paths"]} == {
        f"/api/v1/{path}/"
        for path in (
            *("join", "token", "token/refresh", "sync/product-photos", "sync/products", "sync/report", "sync/stores"),
            *("fleet/stores", "fleet/stores/{store_id}", "fleet/photos/{photo_id}", "fleet/coverage", "fleet/incidents"),
            *("fleet/orders", "fleet/orders/{order_id}", "fleet/orders/{order_id}/cancel"),
        )
    }


def test_the_openapi_document_is_rendered_once_for_any_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """drf-spectacular imports its extensions at the first request; parallel first requests once got 500."""
    times: list[str] = []
    make: Any = SchemaGenerator.get_schema

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        times.append("made")
        return make(self, *args, **kwargs)

    monkeypatch.setattr(SchemaGenerator, "get_schema", counted)
    monkeypatch.setattr(Schema, "rendered", {})
    queries = ["", "?version=%0a", "?version=%00", "?lang=id", "?lang=zz"] * 3
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda query: Client().get(f"/api/v1/schema/{query}"), queries))
    assert {answer.status_code for answer in answers} == {200}
    assert len({(answer.content, answer.headers["Content-Disposition"]) for answer in answers}) == 1
    assert times == ["made"]


def test_the_openapi_document_has_exactly_the_fields_of_the_responses(
    office: Office, account: Account, ask: dict[str, Any]
) -> None:
    office.photo(office.product())
    document = Client().get("/api/v1/schema/?format=json").json()
    token = access(account)
    for path, rows, name in (
        (PHOTOS, "photos", "PhotoPageAnswer"),
        (PRODUCTS, "products", "ProductPageAnswer"),
        (STORES, "stores", "StorePageAnswer"),
    ):
        schema = document["components"]["schemas"][name]
        page = post(path, ask if path != STORES else {}, token=token).json()
        assert {*page} == {*schema["required"]}
        row = document["components"]["schemas"][schema["properties"][rows]["items"]["$ref"].rpartition("/")[2]]
        # The others are for requests with a preference.
        assert {*page[rows][0]} == {*row["required"]} <= {*row["properties"]}


def test_the_openapi_document_has_exactly_the_statuses_of_the_responses(
    office: Office, account: Account, ask: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = Client().get("/api/v1/schema/?format=json").json()
    token, right = access(account), {"username": "avril", "password": "a store's own password"}
    answered: dict[tuple[str, str], set[int]] = defaultdict(set)

    def note(path: str, answer: Any) -> Any:
        answered[path, "post"].add(answer.status_code)
        return answer

    pair = note(TOKEN, post(TOKEN, right)).json()
    note(REFRESH, post(REFRESH, {"refresh": pair["refresh"]}))
    admin = access(Account.objects.create_superuser("boss", password="a boss's own password"))
    report = json.loads((Path(__file__).parents[2] / "wire" / "report.json").read_text())
    note(REPORT, post(REPORT, {**ask, **report}, token=token))
    note(REPORT, post(REPORT, {**ask, **report}, token=admin))
    note(PHOTOS, post(PHOTOS, {**ask, "report": report}, token=admin))
    for path in (PHOTOS, PRODUCTS, STORES, REPORT):
        note(path, post(path, ask, token=token))
        note(path, post(path, {**ask, "limit": 0}, token=token))
        note(path, post(path, ask))
        if path != STORES:
            note(path, post(path, {**ask, "store_id": str(uuid4())}, token=token))
    for path, wrong in ((TOKEN, {**right, "password": "x"}), (REFRESH, {"refresh": "x"})):
        note(path, post(path, wrong))
        note(path, post(path, {}))
    wrong_code = {"code": new_code(), "nonce": new_nonce()}
    (invited,) = invite([office.store], by=Person(None, "x"))
    code = {"code": invited.code, "nonce": new_nonce()}
    for body in ({}, wrong_code, {**code, "store_id": str(uuid4())}, code):
        note(JOIN, post(JOIN, body))
    for _ in range(30):
        note(JOIN, post(JOIN, {**wrong_code, "code": new_code()}))
    for path in (JOIN, TOKEN, REFRESH, PHOTOS, PRODUCTS, STORES, REPORT):
        note(path, post(path, None, raw=b"x" * (MIB + 1), token=token))
        note(path, post(path, None, raw=b"x", content_type="text/plain", token=token))
        note(path, Client().post(path, b"{}", content_type="application/json", headers={"Accept": "text/csv"}))
    answered[STORES, "get"].add(Client().get(STORES, headers={"Accept": "text/csv"}).status_code)
    for _ in range(10):
        note(TOKEN, login("wrong"))
    for query in ("", "?limit=0"):
        answered[STORES, "get"].add(_get_stores(token, query).status_code)
    answered[STORES, "get"].add(Client().get(STORES).status_code)

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", away)
    fresh = str(tokens.RefreshToken.for_user(account))
    for path, body in (
        (JOIN, code),
        (TOKEN, right),
        (REFRESH, {"refresh": fresh}),
        (PHOTOS, ask),
        (PRODUCTS, ask),
        (STORES, {}),
        (REPORT, ask),
    ):
        note(path, post(path, body, token=token))
    answered[STORES, "get"].add(_get_stores(token).status_code)

    documented = {
        (path, method): {int(status) for status in operation["responses"]}
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if "/fleet/" not in path  # test_fleet_api.py
    }
    assert documented == answered


def test_no_response_of_the_api_may_be_cached(account: Account, ask: dict[str, Any]) -> None:
    right = {"username": "avril", "password": "a store's own password"}
    pair = post(TOKEN, right)
    answers = [pair, post(REFRESH, {"refresh": pair.json()["refresh"]}), post(TOKEN, {}), post(PHOTOS, ask)]
    answers += [post(path, ask, token=access(account)) for path in (PHOTOS, PRODUCTS, STORES)]
    answers += [_get_stores(access(account)), Client().get("/api/v1/nothing/"), *(login("wrong") for _ in range(11))]
    assert {answer.headers["Cache-Control"] for answer in answers} == {"no-store"}


def test_responses_forbid_sniffing_and_healthz_responds(office: Office) -> None:
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
