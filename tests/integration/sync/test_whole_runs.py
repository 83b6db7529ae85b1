"""Checks whole runs from the feed to the rows, and that a run without changes costs nothing (I3, I8)."""

from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.simulator import PNG, picture

from etalase.edge.adoption.adopt import Wish, adopt
from etalase.edge.sync import storage
from etalase.edge.sync.result import RunKind, Trigger
from etalase.edge.sync.services import DryRunWrites, real_services
from etalase.errors import DatabaseAway
from etalase.objectstore.model import ObjectInfo
from etalase.progress import Progress

PHOTOS_PATH = "/api/v1/sync/product-photos/"


def menu(edge: Edge, count: int = 5) -> list[str]:
    """Lists ``count`` products with a primary photo each, and a second photo for the first."""
    ids = [edge.ho.put(f"dish {n}", picture(n, 500 + n)) for n in range(count)]
    return [*ids, edge.ho.put("dish 0", picture("side", magic=PNG), primary=False, sort_order=1)]


def test_the_first_run_is_full_and_publishes_every_photo(edge: Edge) -> None:
    ids = menu(edge)

    report = edge.sync()

    assert (report.outcome, report.exit_status, report.kind) == ("success", 0, "full")
    assert (report.seen, report.fetched, report.failed) == (len(ids), len(ids), 0)
    assert report.bytes_fetched == sum(photo["size"] for photo in edge.ho.photos.values())
    assert report.checkpoint == edge.checkpoint() == edge.ho.now.isoformat()
    edge.check_equals_head_office()
    assert {row["name"] for row in edge.query("SELECT name FROM product")} == {f"dish {n}" for n in range(5)}


def test_rows_keep_the_timestamp_of_head_office(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1), updated_at="2026-02-03T11:14:24.796133+07:00")
    edge.sync()
    assert edge.rows()[photo]["updated_at"].isoformat() == "2026-02-03T04:14:24.796133+00:00"


def test_objects_have_their_media_type_and_must_be_revalidated(edge: Edge) -> None:
    import urllib.request

    edge.ho.put("sate", picture(1))
    edge.sync()
    (row,) = edge.rows().values()
    with urllib.request.urlopen(f"{edge.s3.endpoint}/{edge.bucket.bucket}/{row['object_key']}") as response:
        assert response.headers["Content-Type"] == "image/jpeg"
        assert response.headers["Cache-Control"] == "no-cache"
        assert response.headers["ETag"] == f'"{row["checksum"]}"'


@pytest.mark.parametrize("full", [False, True])
def test_a_run_without_changes_costs_one_request_and_no_download_put_or_row(edge: Edge, full: bool) -> None:
    menu(edge)
    edge.ho.put("gado-gado", picture("x"), product_name=None, product_sku=None)
    edge.sync()
    edge.ho.requests.clear()
    edge.ho.image_requests.clear()
    before, objects = edge.row_versions(), set(edge.bucket.list(""))

    report = edge.sync(full=full)

    assert (report.outcome, report.fetched, report.updated, report.bytes_fetched) == ("success", 0, 0, 0)
    assert edge.ho.requests == [PHOTOS_PATH]
    assert edge.ho.image_requests == []
    assert edge.row_versions() == before
    assert set(edge.bucket.list("")) == objects


def test_two_photos_that_share_an_object_cost_nothing_in_a_full_run(edge: Edge) -> None:
    for _ in range(2):
        edge.ho.put("sate", picture(1), key="products/shared.jpg", primary=False)
    edge.sync()
    edge.ho.image_requests.clear()
    before = edge.row_versions()
    report = edge.sync(full=True)
    assert (report.outcome, report.healed, edge.ho.image_requests) == ("success", 0, [])
    assert edge.row_versions() == before


def test_a_feed_is_read_at_any_page_size_of_head_office(edge: Edge) -> None:
    menu(edge, 23)
    edge.ho.max_page = 5
    report = edge.sync()
    assert report.fetched == 24
    assert [request["offset"] for request in edge.ho.feed_requests] == [0, 5, 10, 15, 20]
    edge.check_equals_head_office()


@pytest.mark.parametrize("status", [400, 422])
def test_a_head_office_that_refuses_large_pages_gets_requests_for_the_guides_hundred(edge: Edge, status: int) -> None:
    from tests.simulator import Response

    edge.ho.max_page = 2
    menu(edge, 5)
    edge.ho.on_page = lambda request: Response(status, b'{"limit":["at most 100"]}') if request["limit"] > 100 else None
    assert edge.sync().outcome == "success"
    edge.check_equals_head_office()


def test_a_full_list_begins_with_a_small_page(edge: Edge) -> None:
    edge.ho.max_page = 1000
    menu(edge, 103)
    edge.sync(PAGE_LIMIT=300)
    assert [(request["offset"], request["limit"]) for request in edge.ho.feed_requests] == [(0, 100), (100, 300)]
    edge.sync(PAGE_LIMIT=300)
    assert edge.ho.feed_requests[-1]["limit"] == 300
    edge.check_equals_head_office()


def test_an_incremental_run_sends_the_checkpoint_in_head_offices_own_text(edge: Edge) -> None:
    menu(edge)
    edge.sync()
    checkpoint = edge.checkpoint()
    new = edge.ho.put("rendang", picture("new"))

    report = edge.sync()

    assert edge.ho.feed_requests[-1]["updated_since"] == checkpoint
    assert (report.kind, report.fetched) == ("incremental", 1)
    assert new in edge.rows()
    edge.check_equals_head_office()


def test_the_checkpoint_is_the_timestamp_of_the_first_page(edge: Edge) -> None:
    menu(edge, 9)
    edge.ho.max_page = 3
    times = iter(f"2026-02-03T07:00:0{n}+00:00" for n in range(9))
    edge.ho.change_page = lambda page: page.update(sync_timestamp=next(times))
    edge.sync()
    assert edge.checkpoint() == "2026-02-03T07:00:00+00:00"


def test_a_head_office_whose_clock_went_back_loses_no_change(edge: Edge) -> None:
    menu(edge)
    edge.sync()
    edge.ho.change_page = lambda page: page.update(sync_timestamp="2020-01-01T00:00:00+00:00")
    late = edge.ho.put("by the new clock", picture("late"), updated_at="2019-12-31T00:00:00.000000+00:00")
    report = edge.sync()
    assert (report.kind, report.outcome, report.fetched) == ("full", "success", 1)
    assert late in edge.rows()
    assert edge.checkpoint() == "2020-01-01T00:00:00+00:00"
    assert edge.sync().kind == "incremental"


def test_a_list_in_changing_order_loses_no_photo_and_removes_none(edge: Edge) -> None:
    ids = menu(edge, 19)
    edge.sync()
    edge.ho.max_page, edge.ho.shuffle = 4, True
    for _ in range(3):
        report = edge.sync(full=True)
        assert report.deleted == 0
    assert set(edge.rows()) == set(ids)


def test_a_change_with_an_old_timestamp_is_found_by_the_full_run(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old"))
    edge.sync()
    old_time = edge.ho.photos[photo]["updated_at"]
    edge.ho.put("sate", picture("new"), photo=photo, updated_at=old_time)
    edge.sync()
    edge.sync(full=True)
    edge.check_equals_head_office()


# An edge filled by the guide's own code


def _as_the_guides_code_does(edge: Edge, photo: dict[str, Any]) -> None:
    """Does steps 3 and 4 of the guide: the object, then the row with the table's defaults."""
    edge.bucket.put(photo["object_key"], edge.ho.bodies[photo["object_key"]], content_type=photo["content_type"])
    edge.query(
        "INSERT INTO product (id, sku, name) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        photo["product_id"], photo["product_sku"], photo["product_name"],
    )  # fmt: skip
    edge.query(
        "INSERT INTO product_photo (id, product_id, object_key, filename, size, content_type, checksum, version, is_primary,"
        " sort_order) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        *(photo[name] for name in (
            "id", "product_id", "object_key", "filename", "size", "content_type", "checksum", "version", "is_primary",
            "sort_order",
        )),
    )  # fmt: skip


def test_photos_loaded_by_the_guides_code_are_adopted_without_a_download(edge: Edge) -> None:
    menu(edge)
    for photo in edge.ho.photos.values():
        _as_the_guides_code_does(edge, photo)
    before = edge.row_versions()
    with real_services(edge.configured()) as services:
        assert adopt(services, Wish(applies=True), Progress()).applied

    report = edge.sync()

    assert (report.outcome, report.fetched, report.unchanged) == ("success", 0, 6)
    assert edge.ho.image_requests == []
    assert edge.row_versions() == before


def test_a_bucket_without_rows_is_adopted_without_a_download(edge: Edge) -> None:
    menu(edge)
    for photo in edge.ho.photos.values():
        edge.bucket.put(photo["object_key"], edge.ho.bodies[photo["object_key"]], content_type=photo["content_type"])
    report = edge.sync()
    assert (report.fetched, report.updated, edge.ho.image_requests) == (0, 6, [])
    edge.check_equals_head_office()


@pytest.mark.parametrize("full", [False, True], ids=["incremental", "full"])
def test_checksums_in_capitals_are_corrected_without_a_download(edge: Edge, full: bool) -> None:
    edge.ho.put("sate", picture(1))
    edge.sync()
    edge.query("UPDATE product_photo SET checksum = upper(checksum)")
    edge.ho.image_requests.clear()
    assert edge.sync(full=full).exit_status == 0
    assert edge.ho.image_requests == []
    edge.check_equals_head_office()


# Dry run


def test_a_dry_run_counts_copies_and_row_updates_apart(edge: Edge) -> None:
    sate = edge.ho.put("sate", picture("sate"))
    edge.sync()
    edge.ho.put("sate", picture("sate"), photo=sate, sort_order=7)
    edge.ho.put("satay", picture("sate"))
    forecast = edge.sync(dry_run=True).forecast or {}
    counts = ("photos_to_fetch", "photos_to_copy", "rows_to_update", "bytes_to_fetch")
    assert tuple(forecast[name] for name in counts) == (0, 1, 1, 0)


def test_a_dry_run_reports_the_work_and_changes_nothing(edge: Edge) -> None:
    ids = menu(edge)
    report = edge.sync(dry_run=True)
    assert report.forecast is not None
    assert report.forecast["photos_to_fetch"] == len(ids)
    assert report.forecast["bytes_to_fetch"] == sum(photo["size"] for photo in edge.ho.photos.values())
    assert (edge.rows(), edge.objects(), edge.ho.image_requests, edge.checkpoint()) == ({}, set(), [], None)
    assert edge.count("etalase_sync_run") == 0

    edge.sync()
    edge.ho.delete(ids[1])
    report = edge.sync(dry_run=True)
    assert report.forecast is not None
    assert [removal["photo_id"] for removal in report.forecast["removals"]] == [ids[1]]
    assert ids[1] in edge.rows()


def test_the_services_of_a_dry_run_cannot_write_but_keep_new_tokens(edge: Edge) -> None:
    keys = ["products/a.jpg"]
    with edge.services() as services:
        with services.read_only() as reading:
            reading.write(storage.reclaims.schedule, keys, at=edge.clock.utc())
            with pytest.raises(DatabaseAway):
                storage.reclaims.schedule(keys, at=edge.clock.utc())
            for write in (
                reading.bucket.ensure_bucket,
                lambda: reading.bucket.put(keys[0], b"", content_type="image/png"),
                lambda: reading.bucket.delete(keys),
                lambda: reading.bucket.prove_writable(0),
            ):
                with pytest.raises(DryRunWrites):
                    write()
        assert edge.count("etalase_reclaim") == 0
        services.write(storage.reclaims.schedule, keys, at=edge.clock.utc())
        assert edge.count("etalase_reclaim") == 1
    edge.sync(dry_run=True)
    assert [bool(row["access_token"]) for row in edge.query("SELECT access_token FROM etalase_checkpoint")] == [True]


# Texts that break programs


ODD: dict[str, dict[str, Any]] = {
    "newlines": {"product_name": "Sate\nPadang\r\n", "filename": "a\nb.jpg"},
    "emoji": {"product_name": "👩‍🍳 Ayam 日本", "filename": "👩‍🍳.jpg"},
    "long names": {"product_name": "x" * 10_000, "product_sku": "y" * 10_000},
    "nulls": {"product_name": None, "product_sku": None, "filename": None},
    "NUL in a name": {"product_name": "nul\0nul", "product_sku": "\0"},
    "SQL": {"product_name": "'; DROP TABLE product; --"},
    "an empty name": {"product_name": "", "product_sku": "", "filename": ""},
    "the year 10,000": {"updated_at": "9999-12-31T23:59:59-12:00"},
}
TOO_ODD: dict[str, dict[str, Any]] = {
    "a long filename": {"filename": "x" * 10_000},
    "NUL in a filename": {"filename": "nul\0.jpg"},
    "a huge version": {"version": 2**31},
    "a huge sort_order": {"sort_order": -(2**40)},
    "no size": {"size": None},
    "a size of zero": {"size": 0},
    "a negative size": {"size": -5},
    "a huge size": {"size": 10**30},
    "no checksum": {"checksum": None},
}


def test_odd_photos_are_published_or_fail_alone_and_later_runs_continue(edge: Edge) -> None:
    arrive = {edge.ho.put(name, picture(name), **fields): name for name, fields in ODD.items()}
    fail = {edge.ho.put(name, picture(name), **fields): name for name, fields in TOO_ODD.items()}
    for full in (False, False, True):
        report = edge.sync(full=full)
        assert (report.exit_status, report.failed) == (1, len(fail))
        assert set(edge.rows()) == set(arrive)
        assert set(edge.reasons()) == set(fail)
        assert edge.objects() == {row["object_key"] for row in edge.rows().values()}
    edge.check_every_row_shows_its_bytes()
    rows = {arrive[photo]: row for photo, row in edge.rows().items()}
    assert rows["newlines"]["filename"] == "a\nb.jpg"
    assert rows["nulls"]["filename"] is None


def test_nulls_become_the_guides_defaults_once(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture(1))
    edge.ho.photos[photo].update(version=None, sort_order=None)
    edge.sync()
    (row,) = edge.rows().values()
    assert (row["version"], row["sort_order"]) == (1, 0)
    before = edge.row_versions()
    assert edge.sync(full=True).unchanged == 1
    assert edge.row_versions() == before


def test_a_product_whose_name_is_null_on_one_of_its_photos_keeps_its_name(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    edge.sync()
    edge.ho.put("sate", picture(2), primary=False, product_name=None, product_sku=None)
    edge.sync()
    assert [(row["name"], row["sku"]) for row in edge.query("SELECT name, sku FROM product")] == [("sate", "sate")]


def test_a_folder_in_the_bucket_is_not_treated_as_a_photo(edge: Edge) -> None:
    edge.ho.put("sate", picture(1))
    edge.sync()
    edge.bucket.put("other/readme.txt", b"not ours", content_type="text/plain")
    assert edge.sync(full=True, RECLAIM_GRACE="0s").outcome == "success"
    assert edge.sync(full=True, RECLAIM_GRACE="0s").outcome == "success"
    assert isinstance(edge.bucket.head("other/readme.txt"), ObjectInfo)


def test_records_of_runs_are_kept_for_more_than_a_year(edge: Edge) -> None:
    edge.sync()
    edge.query("UPDATE etalase_sync_run SET started_at = now() - interval '399 days'")
    storage.runs.begin(RunKind.FULL, Trigger.HAND, keep_at_least=1)
    assert edge.count("etalase_sync_run") == 2
    oldest = "id = (SELECT min(id) FROM etalase_sync_run)"
    edge.query(f"UPDATE etalase_sync_run SET started_at = now() - interval '401 days' WHERE {oldest}")
    storage.runs.begin(RunKind.FULL, Trigger.HAND, keep_at_least=1)
    assert edge.count("etalase_sync_run") == 2
    edge.query("UPDATE etalase_sync_run SET started_at = now() - interval '401 days'")  # or a wrong clock
    storage.runs.begin(RunKind.FULL, Trigger.HAND)
    assert edge.count("etalase_sync_run") == 3
