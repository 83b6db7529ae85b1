"""Checks bad responses of head office's feed: refused with a reason, and not used at all (hazards 10, 30 and 33)."""

import base64
import gzip
import itertools
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from tests.daily import daily
from tests.integration.sync.conftest import Edge
from tests.simulator import Response, Simulator, picture

from etalase.edge.sync.feed.client import HeadOffice
from etalase.edge.sync.feed.session import expires_at
from etalase.edge.sync.services import Services

TOKEN, REFRESH, PHOTOS = "/api/v1/token/", "/api/v1/token/refresh/", "/api/v1/sync/product-photos/"
OTHER = "00000000-0000-0000-0000-000000000001"
JSON = {"Content-Type": "application/json"}


def page_with(**changes: Any) -> Callable[[Simulator, dict[str, Any]], Response]:
    """Responds with a valid page with ``changes``."""

    def response(ho: Simulator, request: dict[str, Any]) -> Response:
        return Response(body=json.dumps({**ho.page(request), **changes}).encode(), headers=JSON)

    return response


def page_without(name: str) -> Callable[[Simulator, dict[str, Any]], Response]:
    """Responds with a valid page without one field."""

    def response(ho: Simulator, request: dict[str, Any]) -> Response:
        return Response(body=json.dumps({k: v for k, v in ho.page(request).items() if k != name}).encode(), headers=JSON)

    return response


def cut(ho: Simulator, request: dict[str, Any]) -> Response:
    """Responds with the first half of a valid page."""
    body = json.dumps(ho.page(request)).encode()
    return Response(body=body[: len(body) // 2], headers=JSON)


def broken_connection(ho: Simulator, request: dict[str, Any]) -> Response:
    """Responds with a valid page over a connection that breaks."""
    body = json.dumps(ho.page(request)).encode()
    return Response(body=body[: len(body) // 2], headers=JSON, length=len(body))


def always(response: Response) -> Callable[[Simulator, dict[str, Any]], Response]:
    """Responds with ``response`` to every request."""
    return lambda ho, request: response


NO_PAGES = {
    "500": (always(Response(500, b"Server Error")), "responded with 500"),
    "503": (always(Response(503, b"", {"Retry-After": "0"})), "responded with 503"),
    "429 that never ends": (always(Response(429, b"", {"Retry-After": "86400"})), "responded with 429"),
    "odd Retry-After": (always(Response(503, b"", {"Retry-After": "\u00b2"})), "responded with 503"),
    "403": (always(Response(403, b'{"detail":"no"}', JSON)), "responded with 403"),
    "404": (always(Response(404, b'{"detail":"Not found."}', JSON)), "STORE_ID"),
    "redirect": (always(Response(302, b"", {"Location": "http://127.0.0.1:1/login"})), "responded with 302"),
    "HTML with 200": (always(Response(200, b"<!DOCTYPE html><title>Wi-Fi login</title>")), "Wi-Fi login"),
    "nothing with 200": (always(Response(200, b"")), "begins with"),
    "an empty object": (always(Response(200, b"{}")), "missing"),
    "an empty list": (always(Response(200, b"[]")), "array"),
    "nested": (always(Response(200, b'{"photos":' + b"[" * 50_000)), "begins with"),
    "cut JSON": (cut, "truncated"),
    "torn connection": (broken_connection, PHOTOS),
    "no photos": (page_without("photos"), "photos"),
    "another store's filter": (page_with(filter={"company_id": OTHER, "store_id": OTHER}), OTHER),
    "another store": (page_with(store={"id": OTHER, "code": "X", "name": "X"}), OTHER),
    "has_more without next_offset": (page_with(has_more=True, next_offset=None), "next_offset"),
    "next_offset leads back": (page_with(has_more=True, next_offset=0), "never end"),
}


@pytest.mark.parametrize("full", daily([False, True], True), ids=["incremental", "full"])
def test_an_invalid_feed_page_changes_nothing_and_is_reported(edge: Edge, full: bool) -> None:
    photo = edge.ho.put("sate", picture("old"))
    edge.sync()
    checkpoint, before = edge.checkpoint(), edge.row_versions()
    edge.ho.put("sate", picture("new"), photo=photo)
    for name, (response, says) in NO_PAGES.items():
        edge.ho.on_page = partial(response, edge.ho)

        report = edge.sync(full=full)

        assert (report.outcome, report.exit_status) == ("failed", 4), name
        assert says in str(report.error), name
        assert (edge.checkpoint(), edge.row_versions()) == (checkpoint, before), name
    edge.check_every_row_shows_its_bytes()

    edge.ho.on_page = None
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_a_later_invalid_page_keeps_the_earlier_pages_published(edge: Edge) -> None:
    ids = [edge.ho.put(f"dish {n}", picture(n)) for n in range(9)]
    edge.ho.max_page = 3
    edge.ho.on_page = lambda request: Response(200, b"<html>") if request["offset"] == 6 else None

    report = edge.sync()

    assert (report.exit_status, report.fetched) == (4, 6)
    assert set(edge.rows()) == set(ids[:6])
    assert edge.checkpoint() is None
    edge.check_every_row_shows_its_bytes()

    edge.ho.on_page = None
    edge.ho.image_requests.clear()
    assert edge.sync().exit_status == 0
    assert len(edge.ho.image_requests) == 3
    edge.check_equals_head_office()


def test_a_later_invalid_page_removes_no_photo(edge: Edge) -> None:
    ids = [edge.ho.put(f"dish {n}", picture(n)) for n in range(9)]
    edge.sync()
    edge.ho.max_page = 3
    edge.ho.on_page = lambda request: Response(500) if request["offset"] == 3 else None
    edge.ho.delete(ids[0])
    assert edge.sync(full=True).exit_status == 4
    assert edge.sync().exit_status == 0
    assert set(edge.rows()) == set(ids[1:])


def test_a_list_of_changes_that_turns_into_a_full_list_is_not_mixed_with_it(edge: Edge) -> None:
    ids = [edge.ho.put(f"dish {n}", picture(n)) for n in range(9)]
    edge.sync()
    checkpoint = edge.checkpoint()
    edge.ho.max_page = 3
    for n in range(9):
        edge.ho.put(f"dish {n}", picture(n + 100), photo=ids[n])
    edge.ho.on_page = lambda request: page_with(full=True)(edge.ho, request) if request["offset"] == 3 else None
    report = edge.sync()
    assert (report.exit_status, edge.checkpoint()) == (4, checkpoint)
    assert "with the full list" in str(report.error)


def test_the_pages_after_a_full_one_are_requested_without_updated_since(edge: Edge) -> None:
    ids = [edge.ho.put(f"dish {n}", picture(n)) for n in range(9)]
    edge.sync()
    edge.ho.delete(ids[0])
    edge.ho.max_page, edge.ho.feed_requests = 3, []
    edge.ho.on_page = lambda request: page_with(full=True)(edge.ho, {**request, "updated_since": None})
    assert edge.sync().exit_status == 0
    assert ["updated_since" in request for request in edge.ho.feed_requests] == [True, False, False]
    assert set(edge.rows()) == set(ids[1:])


def test_an_empty_page_between_others_is_skipped(edge: Edge) -> None:
    for n in range(9):
        edge.ho.put(f"dish {n}", picture(n))
    edge.ho.max_page = 3
    edge.ho.change_page = lambda page: page.update(photos=[]) if page["next_offset"] == 6 else None
    report = edge.sync()
    assert (report.outcome, report.fetched, report.feed_proved_complete) == ("success", 6, False)


def test_endless_empty_pages_end_the_run(edge: Edge) -> None:
    edge.ho.change_page = lambda page: page.update(photos=[], has_more=True, next_offset=len(edge.ho.feed_requests) * 2)
    assert edge.sync(inject=lambda services: setattr(services.head_office, "max_empty_pages", 5)).exit_status == 4
    assert len(edge.ho.feed_requests) == 6


@pytest.mark.parametrize("access", ["12|abcDEF", "user:1abc:sig", "a" * 9000])
def test_any_text_that_fits_a_header_is_a_token(edge: Edge, access: str) -> None:
    edge.ho.put("sate", picture(1))
    edge.ho.access_token = access
    assert edge.sync().outcome == "success"
    assert edge.sync().kind == "incremental"


def test_pages_that_only_repeat_earlier_photos_end_the_run(edge: Edge) -> None:
    for n in range(4):
        edge.ho.put(f"dish {n}", picture(n))
    first = edge.ho.page({"limit": 2, "company_id": "", "store_id": ""})["photos"]
    edge.ho.change_page = lambda page: page.update(photos=first, has_more=True, next_offset=len(edge.ho.feed_requests) * 2)
    report = edge.sync()
    assert report.exit_status == 4
    assert "repeats" in str(report.error)
    assert len(edge.ho.feed_requests) == 2


def test_a_dripping_page_ends_at_its_deadline(edge: Edge) -> None:
    sent = itertools.count(1)

    def drips() -> Iterator[bytes]:
        while next(sent) < 2000:
            time.sleep(0.05)
            yield b" " * 100

    edge.ho.on_page = lambda request: Response(pieces=drips())
    assert edge.sync(TRIES=1, HO_TIMEOUT_SECONDS=0.5).exit_status == 4
    assert next(sent) < 2000


@pytest.mark.parametrize("how", ["endless", "gzip bomb"])
def test_an_endless_page_is_not_read_into_memory(edge: Edge, how: str) -> None:
    def small(services: Services) -> None:
        assert isinstance(services.head_office, HeadOffice)
        services.head_office.session.max_response_bytes = 100_000

    bomb = Response(body=gzip.compress(b" " * 5_000_000), headers={"Content-Encoding": "gzip"})
    edge.ho.on_page = lambda request: Response(pieces=itertools.repeat(b" " * 1000)) if how == "endless" else bomb
    report = edge.sync(inject=small)
    assert report.exit_status == 4
    assert "100000 bytes" in str(report.error)
    assert len(edge.ho.feed_requests) == 1


PAGE = json.dumps({"photos": [], "deleted_ids": []}).encode()


@pytest.mark.parametrize(
    ("coding", "body"),
    [("gzip", gzip.compress(PAGE)[:-12]), ("gzip", PAGE), ("gzip", b""), ("zstd", PAGE), ("gzip, gzip", gzip.compress(PAGE))],
    ids=["cut", "not compressed", "empty", "another coding", "twice"],
)
def test_a_damaged_compressed_page_changes_nothing(edge: Edge, coding: str, body: bytes) -> None:
    edge.ho.put("sate", picture(1))
    assert edge.sync().exit_status == 0
    checkpoint = edge.checkpoint()
    edge.ho.on_page = lambda request: Response(body=body, headers={"Content-Encoding": coding})
    assert edge.sync(TRIES=1).exit_status == 4
    edge.check_equals_head_office()
    assert edge.checkpoint() == checkpoint


def test_a_proxy_from_the_environment_is_not_used(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    edge.ho.put("sate", picture(1))
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_a_transient_error_of_the_feed_is_retried(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    troubles = iter([Response(503, b"", {"Retry-After": "1"}), Response(429, b"")])
    edge.ho.on_page = lambda request: next(troubles, None)
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


# Tokens (hazards 33 and 57)


def test_one_login_serves_several_runs(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    edge.sync()
    edge.sync()
    assert edge.ho.requests.count(TOKEN) == 1


def test_a_token_that_expires_during_a_run_costs_one_refresh(edge: Edge) -> None:
    for n in range(9):
        edge.ho.put(f"dish {n}", picture(n))
    edge.ho.max_page = 3

    def end_token(request: dict[str, Any]) -> None:
        if request["offset"] == 3:
            edge.ho.access_token = "second-token"

    edge.ho.on_page = end_token
    assert edge.sync().exit_status == 0
    assert edge.ho.requests.count(REFRESH) == 1
    assert edge.ho.requests.count(TOKEN) == 1
    edge.check_equals_head_office()


def test_a_refused_refresh_causes_a_login(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    edge.sync()
    edge.ho.access_token, edge.ho.refresh_token = "second-token", "second-refresh-token"
    edge.ho.requests.clear()
    assert edge.sync().exit_status == 0
    assert edge.ho.requests == [PHOTOS, REFRESH, TOKEN, PHOTOS]
    assert edge.sync().exit_status == 0
    assert edge.ho.requests.count(TOKEN) == 1


def test_a_wrong_password_is_tried_once_and_named_as_a_setting(edge: Edge) -> None:
    report = edge.sync(HO_PASSWORD="another password")
    assert report.exit_status == 4
    assert "HO_PASSWORD" in str(report.error)
    assert "another password" not in str(report.error)
    assert edge.ho.requests == [TOKEN]


@pytest.mark.parametrize("access", ["", "line\nbreak", "nul\0", "é"])
def test_an_invalid_token_ends_the_run_with_a_reason(edge: Edge, access: str) -> None:
    edge.ho.access_token = access
    report = edge.sync()
    assert report.exit_status == 4
    assert "/api/v1/token/" in str(report.error)


def test_no_message_contains_a_token(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    edge.ho.put("sate", picture(1))
    edge.ho.on_page = lambda request: Response(500, b"oops")
    report = edge.sync()
    for secret in (edge.ho.access_token, edge.ho.refresh_token, edge.ho.password):
        assert secret not in str(report.error)
        assert secret not in caplog.text
        assert secret not in json.dumps(report.as_json())


# Another store's edge (invariant I6)


@pytest.mark.parametrize("name", ["STORE_ID", "COMPANY_ID"])
def test_a_database_belongs_to_one_store(edge: Edge, name: str) -> None:
    edge.ho.put("sate", picture(1))
    edge.sync()
    before = edge.row_versions()
    edge.ho.requests.clear()
    changes: dict[str, Any] = {name: OTHER}
    report = edge.sync(**changes)
    assert report.exit_status == 2
    assert "STORE_ID" in str(report.error)
    assert (edge.row_versions(), edge.ho.requests) == (before, [])


def test_pages_in_random_order_are_read_again_until_the_list_is_complete(edge: Edge) -> None:
    for n in range(40):
        edge.ho.put(f"dish {n}", picture(n, 300))
    edge.ho.shuffle, edge.ho.max_page = True, 20
    report = edge.sync()
    assert (report.fetched, report.feed_proved_complete) == (40, True)


def test_changes_in_random_order_are_read_again_until_they_are_complete(edge: Edge) -> None:
    photos = [edge.ho.put(f"dish {n}", picture(n, 300)) for n in range(40)]
    edge.sync()
    for n, photo in enumerate(photos):
        edge.ho.put(f"dish {n}", picture(f"new {n}", 300), photo=photo)
    edge.ho.shuffle, edge.ho.max_page = True, 20
    report = edge.sync()
    assert (report.kind, report.fetched) == ("incremental", 40)
    edge.check_equals_head_office()


@pytest.mark.parametrize(("max_page", "requests"), [(20, 1), (2, 4)])
def test_a_total_of_all_photos_costs_a_second_read_only_for_changes_on_several_pages(
    edge: Edge, max_page: int, requests: int
) -> None:
    photos = [edge.ho.put(f"dish {n}", picture(n, 300)) for n in range(9)]
    edge.sync()
    for n in range(3):
        edge.ho.put(f"dish {n}", picture(f"new {n}", 300), photo=photos[n])
    edge.ho.max_page, edge.ho.change_page = max_page, lambda page: page.update(total=9)
    edge.ho.requests.clear()
    report = edge.sync()
    assert (report.kind, report.fetched, edge.ho.requests.count(PHOTOS)) == ("incremental", 3, requests)


def jwt(**claims: Any) -> str:
    """Returns a token with these claims, as SimpleJWT makes it."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJIUzI1NiJ9.{body}.signature"


def test_a_token_that_announces_its_expiry_costs_no_refused_request(edge: Edge) -> None:
    edge.ho.access_token = jwt(exp=time.time() + 3600)
    edge.sync()
    edge.hours_later = 1.1
    edge.ho.access_token = jwt(exp=time.time() + 7200)
    edge.ho.requests.clear()
    edge.sync()
    assert [path for path in edge.ho.requests if path.startswith("/api")] == [REFRESH, PHOTOS]


def test_a_wrong_clock_costs_one_token_per_run(edge: Edge) -> None:
    edge.ho.max_page = 1
    for n in range(4):
        edge.ho.put(f"dish {n}", picture(n))
    edge.hours_later = 100
    edge.ho.access_token = jwt(exp=time.time() + 3600)
    assert edge.sync().outcome == "success"
    edge.ho.requests.clear()
    assert edge.sync(full=True).outcome == "success"
    assert edge.ho.requests.count(REFRESH) == 1


@pytest.mark.parametrize(
    ("token", "ends"),
    [
        (jwt(exp=1700000000), 1700000000.0),
        (jwt(exp="1e400"), float("inf")),
        (jwt(), float("inf")),
        (jwt(exp=None), float("inf")),
        ("first-token", float("inf")),
        ("a.b.c", float("inf")),
        ("a.!!!!.c", float("inf")),
        (f"a.{base64.urlsafe_b64encode(b'[]').decode()}.c", float("inf")),
        (f"a.{base64.urlsafe_b64encode(b'[' * 10_000).decode()}.c", float("inf")),
        (jwt(exp=[[]]), float("inf")),
        (jwt(exp=10**400), float("inf")),
        (jwt(exp=-(10**30)), -1e30),
    ],
)
def test_only_a_valid_expiry_claim_of_a_token_is_believed(token: str, ends: float) -> None:
    assert expires_at(token) == ends


def test_an_unreadable_token_response_is_not_quoted(edge: Edge, caplog: pytest.LogCaptureFixture) -> None:
    edge.ho.access_token = "not a token \u00e9 secret"
    report = edge.sync()
    kept = str(edge.query("SELECT error FROM etalase_sync_run"))
    assert (report.exit_status, "/api/v1/token/" in kept) == (4, True)
    for text in (str(report.error), caplog.text, kept):
        assert edge.ho.refresh_token not in text
        assert "secret" not in text
