"""Checks head offices that deviate from the guide: an odd row affects at most one photo (hazard 63)."""

import json
from typing import Any

import pytest
from tests.daily import daily
from tests.django_settings import COMPANY_ID, STORE_ID
from tests.integration.sync.conftest import Edge
from tests.simulator import Response, picture

from etalase.edge.sync.result import RunResult
from etalase.edge.sync.verify import verify

DEEP = "[" * 10_000 + "]" * 10_000
DISHES = 5


class Absent:
    """Marks a field as missing."""


def list_with_fields(edge: Edge, photo: str, **fields: Any) -> None:
    """Makes head office list the photo with these fields."""

    wire = edge.ho.photos[photo]
    edge.ho.photos[photo] = {name: value for name, value in {**wire, **fields}.items() if value is not Absent}


def replace_in_pages(edge: Edge, text: str, instead: str) -> None:
    """Makes head office write ``instead`` in place of ``text``."""
    edge.ho.on_page = lambda request: Response(body=json.dumps(edge.ho.page(request)).replace(text, instead, 1).encode())


def notice_codes(report: RunResult) -> list[str]:
    """Returns the codes of the run's notices."""
    return [notice["code"] for notice in report.notices]


@pytest.fixture
def menu(edge: Edge) -> list[str]:
    """Lists some photos at head office that the edge does not have."""
    return [edge.ho.put(f"dish {n}", picture(n)) for n in range(DISHES)]


MENDED: dict[str, dict[str, Any]] = {
    "naive": {"updated_at": "2026-02-03T04:14:24"},
    "no time": {"updated_at": None},
    "Unix time": {"updated_at": 1770092064},
    "no flag": {"is_primary": None},
    "1": {"is_primary": 1},
    "size in quotes": {"size": "2000"},
    "size with a fraction of zero": {"size": 2000.0},
    "version in quotes": {"version": "2"},
    "a sort order between two": {"sort_order": 1.5},
    "no filename": {"filename": Absent},
    "a number as SKU": {"product_sku": 5018970},
    "half an emoji": {"product_name": "SATE \ud83d", "filename": "sate \ud83d.jpg"},
}


@pytest.mark.parametrize("how", daily(MENDED, "naive", "no flag", "size in quotes", "half an emoji"))
def test_an_odd_but_clear_value_is_read_and_noticed_once_per_run(edge: Edge, menu: list[str], how: str) -> None:
    list_with_fields(edge, menu[2], **MENDED[how])
    for full in (False, True):
        report = edge.sync(full=full)
        assert (report.outcome, report.failed, edge.reasons()) == ("success", 0, {})
        assert notice_codes(report) == ["rows_mended"] or not full
        for name in MENDED[how]:
            assert name in report.notices[0]["told"]
    assert set(edge.rows()) == set(menu)
    edge.check_every_row_shows_its_bytes()
    # A mended value is not a difference in later runs: nothing is written again.
    before = edge.row_versions()
    assert edge.sync(full=True).updated == 0
    assert edge.row_versions() == before


UNUSABLE: dict[str, dict[str, Any]] = {
    "no product": {"product_id": None},
    "no address": {"image_url": None},
    "size": {"size": "big"},
    "flag": {"is_primary": "yes"},
    "key": {"object_key": "products/\ud83d.jpg"},
    "deep": {"filename": "DEEP"},
    "NaN": {"size": float("nan")},
    "huge": {"version": 10**100},
    "milliseconds": {"version": 1_770_092_064_000},
}


@pytest.mark.parametrize("how", daily(UNUSABLE, "no product", "deep", "milliseconds"))
def test_an_unusable_row_is_a_failure_of_one_photo_and_keeps_its_place(edge: Edge, menu: list[str], how: str) -> None:
    good = dict(edge.ho.photos[menu[2]])
    list_with_fields(edge, menu[2], **UNUSABLE[how])
    if how == "deep":
        replace_in_pages(edge, '"DEEP"', DEEP)
    report = edge.sync()
    assert (report.outcome, report.fetched, report.failed, report.exit_status) == ("partial", DISHES - 1, 1, 1)
    (failure,) = report.failures
    (name,) = UNUSABLE[how]
    assert (failure["photo_id"], failure["reason"]) == (menu[2], "bad_field")
    assert f"{name} is " in failure["detail"]
    assert report.feed_proved_complete

    # After the repair at head office, every photo is published.
    edge.ho.photos[menu[2]] = good
    edge.ho.on_page = None
    assert edge.sync(full=True).outcome == "success"
    assert edge.reasons() == {}
    edge.check_equals_head_office()

    # A published photo stays, and only its changes are on the retry list.
    list_with_fields(edge, menu[2], **UNUSABLE[how])
    if how == "deep":
        replace_in_pages(edge, '"DEEP"', DEEP)
    report = edge.sync(full=True)
    assert (report.outcome, report.failed, len(edge.rows())) == ("success", 0, DISHES)
    assert edge.removals() == {}
    edge.check_every_row_shows_its_bytes()


NASTY = ["a\0b", "\ud83d", "x" * 3000, "\x1b[31m", "", " ", "\u202e"]
TEXTS = ["checksum", "object_key", "filename", "content_type", "product_sku", "product_name", "image_url"]


def test_no_text_in_any_field_ends_a_run_or_affects_another_photo(edge: Edge, menu: list[str]) -> None:
    for number, (field, text) in enumerate((field, text) for field in TEXTS for text in NASTY):
        list_with_fields(edge, edge.ho.put(f"odd {number}", picture(number + 100)), **{field: text})
    for full in (False, True, False):
        report = edge.sync(full=full)
        assert report.error is None
        assert set(menu) <= set(edge.rows())
        # Each photo is published or on the retry list.
        assert set(edge.ho.photos) == set(edge.rows()) | set(edge.reasons())


@pytest.mark.parametrize("raw", daily(["7", "null", DEEP, json.dumps({"sku": "x"}), "nonsense"], "7", DEEP))
def test_a_row_without_an_id_proves_nothing_complete_and_leaves_the_retry_list_with_its_list(
    edge: Edge, menu: list[str], raw: str
) -> None:
    edge.sync()
    gone = edge.ho.photos.pop(menu[0])
    edge.ho.photos["odd"] = {**gone, "id": "MARK", "updated_at": edge.ho.now.isoformat()}
    edge.ho.on_page = lambda request: Response(
        body=json.dumps(
            {**(page := edge.ho.page(request)), "photos": [p if p["id"] != "MARK" else "MARK" for p in page["photos"]]}
        )
        .replace('"MARK"', raw)
        .encode()
    )
    for full in (False, True, False):
        report = edge.sync(full=full)
        assert (report.outcome, len(edge.rows()), edge.removals()) == ("partial", DISHES, {})
        assert "rows_without_id" in notice_codes(report) or not full
        assert list(edge.reasons().values()) == ["bad_field"]
    assert report.owed == 1

    del edge.ho.photos["odd"]
    report = edge.sync(full=True)
    assert (edge.reasons(), set(edge.rows())) == ({}, set(menu[1:]))
    assert report.outcome == "success"


def test_changing_rows_without_an_id_do_not_pile_up_on_the_retry_list(edge: Edge, menu: list[str]) -> None:
    for n in range(4):
        list_with_fields(edge, menu[0], id=None, object_key=f"products/{n}.jpg")
        edge.sync(full=True)
        assert len(edge.reasons()) == 1


def test_one_bad_id_among_deletions_does_not_block_the_others(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    edge.ho.delete(menu[0])
    edge.ho.deleted_ids += ["7", None, {"id": 1}]  # type: ignore[list-item]
    report = edge.sync()
    assert (report.outcome, report.deleted, set(edge.rows())) == ("success", 1, set(menu[1:]))
    assert notice_codes(report) == ["deletions_unread"]
    assert edge.sync().outcome == "success"


def test_verify_and_dry_run_accept_odd_rows_too(edge: Edge, menu: list[str]) -> None:
    list_with_fields(edge, menu[1], image_url=None)
    list_with_fields(edge, menu[2], updated_at=None)
    edge.ho.photos["x"] = {"id": None, "updated_at": edge.ho.now.isoformat()}
    report = edge.sync(dry_run=True)
    assert report.error is None
    assert report.forecast is not None
    assert report.forecast["photos_to_fetch"] == DISHES - 1
    assert edge.count("etalase_pending_photo") == 0
    edge.sync()
    with edge.services() as services:
        found = verify(services, deep=False)
    assert (found.error, found.proved_complete) == (None, False)
    assert [difference.what for difference in found.differences] == ["not_usable", "not_usable"]
    assert edge.sync(trigger="retry").outcome == "partial"


# The envelope


@pytest.mark.parametrize("name", ["total", "has_more"])
def test_a_list_without_a_total_is_never_proved_complete(edge: Edge, menu: list[str], name: str) -> None:
    edge.ho.change_page = lambda page: page.pop(name) and None
    assert edge.sync().outcome == "success"
    edge.check_equals_head_office()
    # Hourly runs stay short: nothing is compared again before the night.
    assert edge.sync(trigger="schedule").kind == "incremental"
    del edge.ho.photos[menu[0]]
    report = edge.sync(full=True)
    assert (report.feed_proved_complete, len(edge.rows()), edge.removals()) == (False, DISHES, {})
    edge.query("DELETE FROM product_photo WHERE id = %s", menu[1])
    assert notice_codes(edge.sync(trigger="schedule")) == ["rows_vanished"]


@pytest.mark.parametrize("empty", [None, {}])
def test_an_empty_list_as_null_stops_no_hourly_run_and_removes_nothing(edge: Edge, menu: list[str], empty: object) -> None:
    edge.sync()
    edge.ho.now = edge.ho.now.replace(year=2027)  # nothing changed since
    edge.sync()
    edge.ho.change_page = lambda page: None if page["photos"] else page.update(photos=empty)
    report = edge.sync()
    assert (report.kind, report.outcome, notice_codes(report)) == ("incremental", "success", ["page_mended"])
    edge.ho.photos.clear()
    report = edge.sync(full=True)
    assert (report.outcome, len(edge.rows())) == ("held", DISHES)


def test_a_store_named_only_by_its_id_is_compared(edge: Edge, menu: list[str]) -> None:
    edge.ho.change_page = lambda page: page.update(filter=None, store=STORE_ID)
    assert notice_codes(edge.sync()) == ["page_mended"]
    edge.ho.change_page = lambda page: page.update(filter=None, store=COMPANY_ID)
    report = edge.sync()
    assert (report.exit_status, COMPANY_ID in str(report.error)) == (4, True)


def test_pages_without_has_more_are_followed_while_they_list_new_photos(edge: Edge, menu: list[str]) -> None:
    edge.ho.max_page = 2

    def change(page: dict[str, Any]) -> None:
        del page["has_more"]
        page["next_offset"] = edge.ho.feed_requests[-1]["offset"] + 2

    edge.ho.change_page = change
    assert edge.sync().fetched == DISHES
    assert len(edge.ho.feed_requests) <= DISHES


def test_a_list_without_a_store_has_its_removals_held(edge: Edge, menu: list[str]) -> None:
    edge.ho.change_page = lambda page: page.update(filter=None, store=None)
    report = edge.sync()
    assert (report.outcome, notice_codes(report)) == ("success", ["feed_unnamed"])
    edge.check_equals_head_office()
    edge.ho.delete(menu[0])
    del edge.ho.photos[menu[1]]
    assert edge.sync().outcome == "held"
    assert edge.sync(full=True).outcome == "held"
    assert edge.removals() == {menu[0]: "held", menu[1]: "held"}
    assert len(edge.rows()) == DISHES


def test_if_one_page_names_its_store_all_pages_must(edge: Edge, menu: list[str]) -> None:
    edge.ho.max_page = 2
    edge.ho.change_page = lambda page: page.update(filter=None, store=None) if edge.ho.feed_requests[-1]["offset"] else None
    report = edge.sync()
    assert (report.exit_status, report.fault) == (4, "head_office_odd")
    assert edge.checkpoint() is None


def test_a_list_without_a_timestamp_is_read_in_full_each_time_and_every_run_completes(edge: Edge, menu: list[str]) -> None:
    edge.ho.change_page = lambda page: page.update(sync_timestamp=None)
    for _ in range(2):
        report = edge.sync()
        assert (report.kind, report.outcome, report.as_json()["checkpoint"]) == ("full", "success", None)
        assert notice_codes(report) == ["no_checkpoint"]
    edge.ho.put("dish 9", picture(9))
    assert edge.sync().fetched == 1
    edge.check_equals_head_office()
    # Once head office sends the timestamp again, runs are short again.
    edge.ho.change_page = None
    edge.sync()
    assert edge.sync().kind == "incremental"
    # The checkpoint from before the gap stays valid.
    edge.ho.change_page = lambda page: page.update(sync_timestamp="now")
    kept = edge.checkpoint()
    assert [edge.sync().kind, edge.checkpoint()] == ["incremental", kept]


def test_a_naive_timestamp_is_sent_back_unchanged(edge: Edge, menu: list[str]) -> None:
    def naive(page: dict[str, Any]) -> None:
        page["sync_timestamp"] = edge.ho.now.replace(tzinfo=None).isoformat()

    edge.ho.change_page = naive
    edge.sync()
    checkpoint = edge.checkpoint()
    assert checkpoint == edge.ho.now.replace(tzinfo=None).isoformat()
    edge.ho.feed_requests.clear()
    assert edge.sync().kind == "incremental"
    assert [request["updated_since"] for request in edge.ho.feed_requests] == [checkpoint]


@pytest.mark.parametrize("status", [400, 422])
def test_a_checkpoint_that_head_office_refuses_is_not_sent_for_ever(edge: Edge, menu: list[str], status: int) -> None:
    edge.sync()
    edge.ho.on_page = lambda request: Response(status, b'{"detail":"updated_since"}') if "updated_since" in request else None
    report = edge.sync()
    assert (report.kind, report.outcome, notice_codes(report)) == ("full", "success", ["checkpoint_refused"])


@pytest.mark.parametrize("how", ["byte order mark", "UTF-16", "terse"])
def test_a_terse_feed_in_another_encoding_is_read(edge: Edge, menu: list[str], how: str) -> None:
    def page(request: dict[str, Any]) -> Response:
        content = edge.ho.page(request)
        if how == "terse":
            del content["deleted_ids"], content["next_offset"], content["store"]
        text = json.dumps(content)
        return Response(body=text.encode({"byte order mark": "utf-8-sig", "UTF-16": "utf-16"}.get(how, "utf-8")))

    edge.ho.on_page = page
    report = edge.sync()
    assert (report.outcome, report.notices, report.feed_proved_complete) == ("success", [], True)
    edge.check_equals_head_office()


def test_products_changed_at_may_be_any_text(edge: Edge, menu: list[str]) -> None:
    edge.ho.change_page = lambda page: page.update(products_changed_at="a\0b \ud83d")
    assert edge.sync().outcome == "success"


# The list of products


def products_page(edge: Edge, **changes: Any) -> Response:
    """Responds with head office's list of products, each listed twice, with ``changes``."""
    edge.ho.change_page = None
    page = edge.ho.page({**edge.ho.feed_requests[-1], "offset": 0})
    photos = page.pop("photos")
    products = [{"id": p["product_id"], "sku": p["product_sku"], "name": p["product_name"]} for p in photos]
    edge.ho.change_page = products_changed
    return Response(body=json.dumps({**page, "products": products + products[:1], **changes}).encode())


def products_changed(page: dict[str, Any]) -> None:
    """Marks the list of products as changed, so that the edge requests it."""
    page["products_changed_at"] = "today"


def test_a_product_listed_twice_stops_no_run(edge: Edge, menu: list[str]) -> None:
    edge.ho.change_page = products_changed
    edge.ho.on_products = lambda request: products_page(edge)
    assert edge.sync().outcome == "success"
    assert edge.count("product") == DISHES


@pytest.mark.parametrize(
    "response",
    daily(
        [Response(403), Response(500), Response(302, b"", {"Location": "/login"}), Response(body=b"<html>")],
        *(Response(500), Response(body=b"<html>")),
    ),
)
def test_an_unavailable_product_list_blocks_no_photo(edge: Edge, menu: list[str], response: Response) -> None:
    edge.ho.change_page = products_changed
    edge.ho.on_products = lambda request: response
    for fetched in (DISHES, 0):
        report = edge.sync()
        assert (report.exit_status, report.fetched) == (4, fetched)
        assert "/sync/products/" in str(report.error)
        edge.check_equals_head_office()
    assert edge.checkpoint() is not None
    # The next run requests the list again and succeeds.
    edge.ho.on_products = lambda request: products_page(edge)
    assert edge.sync().outcome == "success"
    assert edge.query("SELECT products_changed_at FROM etalase_checkpoint") == [{"products_changed_at": "today"}]


def test_a_response_without_a_list_is_not_called_a_refusal(edge: Edge) -> None:
    for response, fault in (
        (Response(200, b"<html>"), "not_head_office"),
        (Response(200, b"[]"), "head_office_odd"),
        (Response(403), "head_office"),
        (Response(301), "head_office_odd"),
    ):
        edge.ho.on_page = lambda request, response=response: response
        assert edge.sync().fault == fault


# Headers


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP/x": "y"},
        {"HTTP/1.1 200 OK": "y"},
        {"X": "a\0b"},
        {"Retry-After": "\0"},
        {"Content-Encoding": "\0"},
        {"ETag": '"a\0b"'},
    ],
)
def test_odd_headers_and_a_nul_in_a_refusal_end_no_run_without_a_message(edge: Edge, headers: dict[str, str]) -> None:
    photo = edge.ho.put("sate", picture(1))
    edge.ho.on_page = lambda request: Response(403, b'{"detail":"no\0\xff"}', headers)
    edge.ho.on_image = lambda key: Response(404, b"\0", headers)
    report = edge.sync()
    assert report.exit_status == 4
    assert "nobody foresaw" not in str(report.error)
    edge.ho.on_page = None
    report = edge.sync()
    assert (report.exit_status, report.run_id is not None) == (1, True)
    assert "nobody foresaw" not in str(report.error)
    assert edge.query("SELECT count(*) AS n FROM etalase_sync_run WHERE outcome IS NULL") == [{"n": 0}]
    edge.ho.on_image = None
    edge.sync()
    assert list(edge.rows()) == [photo]
