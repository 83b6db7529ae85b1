"""Checks the progress that the status reports for a known list, and that it never reports "well" too early (hazard 64)."""

from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import run_in_flight, status, sync_dishes
from tests.simulator import Response, picture


def count_independently(edge: Edge) -> tuple[int, int]:
    """Counts listed photos and published ones without the engine."""
    rows = {str(row["id"]): row["checksum"] for row in edge.query("SELECT id, checksum FROM product_photo")}
    return len(edge.ho.photos), sum(rows.get(photo) == wire["checksum"] for photo, wire in edge.ho.photos.items())


def report_of(edge: Edge) -> tuple[str, int, int]:
    """Returns the state, the listed and the published photos that the status reports."""
    report = status(edge)
    return report["state"], report["listed"], report["here"]


def watch_status(edge: Edge, *, every: int = 1) -> list[dict[str, Any]]:
    """Reads the status at every download, from another connection."""
    seen: list[dict[str, Any]] = []
    images_requested = 0

    def look(_: str) -> Response | None:
        nonlocal images_requested
        images_requested += 1
        if images_requested % every == 0:
            seen.append(status(edge))
            connection.close()
        return None

    edge.ho.on_image = look
    return seen


def list_many(edge: Edge, count: int, *, first: int = 0) -> None:
    """Lists that many more dishes at head office."""
    for number in range(first, first + count):
        edge.ho.put(f"DISH {number:04}", picture(number))


@pytest.mark.long
def test_after_an_empty_list_a_filled_menu_is_not_well_before_it_is_published(edge: Edge) -> None:
    assert edge.sync().outcome == "success"
    assert report_of(edge)[0] == "empty"
    list_many(edge, 500)
    seen = watch_status(edge, every=25)
    assert edge.sync(trigger="schedule").fetched == 500
    assert len(seen) >= 15
    for report in seen:
        assert (report["state"], report["level"], report["exit_status"], report["listed"]) == (
            "filling",
            "blue",
            1,
            500,
        )
        assert report["well"] is False
    here = [report["here"] for report in seen]
    assert here == sorted(here)
    assert here[0] < 100
    assert here[-1] > 250
    # The first commit gives a rate.
    assert all(report["eta_seconds"] >= 1 for report in seen if report["here"])
    assert report_of(edge) == ("well", 500, 500)
    assert status(edge)["eta_seconds"] is None


def test_a_replacement_of_many_photos_counts_the_published_ones(edge: Edge) -> None:
    photos = sync_dishes(edge, *(f"DISH {number}" for number in range(30)))
    for dish, photo in list(photos.items())[:20]:
        edge.ho.put(dish, picture(f"{dish} campaign"), photo=photo)
    seen = watch_status(edge)
    edge.sync(WORKERS=1)
    assert {(report["state"], report["listed"]) for report in seen} == {("filling", 30)}
    assert 10 <= min(report["here"] for report in seen) <= max(report["here"] for report in seen) < 30
    # The rate of the last run counts until this one has published a photo.
    assert seen[0]["eta_seconds"] is not None
    assert report_of(edge) == ("well", 30, 30)


def test_a_first_load_is_filling_as_soon_as_its_list_is_known(edge: Edge) -> None:
    list_many(edge, 12)
    seen = watch_status(edge)
    edge.sync(WORKERS=1)
    assert {(report["state"], report["level"], report["exit_status"], report["listed"]) for report in seen} == {
        ("filling", "blue", 1, 12)
    }
    assert seen[0]["eta_seconds"] is None  # no rate is known yet
    assert seen[0]["first_load"] == {"here": 0, "of": 12}


def test_a_list_that_grew_during_the_first_load_is_still_filling(edge: Edge) -> None:
    list_many(edge, 5)

    def grows(_: str) -> Response | None:
        if len(edge.ho.photos) == 5:
            list_many(edge, 7, first=5)
        return None

    edge.ho.on_image = grows
    edge.sync(WORKERS=1)
    seen = watch_status(edge)
    edge.sync(trigger="schedule", WORKERS=1)
    assert {(report["state"], report["listed"]) for report in seen} == {("filling", 12)}
    assert report_of(edge) == ("well", 12, 12)


def test_photos_left_at_the_time_limit_count_as_missing_until_they_are_published(edge: Edge) -> None:
    list_many(edge, 1)
    edge.sync()  # an empty edge begins downloads before it publishes any
    list_many(edge, 39, first=1)
    for n in (1, 2):
        edge.end_time_at_download(10)
        assert edge.sync().outcome == "partial"
        state, listed, here = report_of(edge)
        assert (state, listed, here) == ("filling", *count_independently(edge))
        assert 0 < here < 40
        assert status(edge)["eta_seconds"] is None, n  # no run is in flight
    edge.ho.on_image = None
    edge.ho.on_page = lambda _: Response(503)
    assert edge.sync(TRIES=1).outcome == "failed"
    assert report_of(edge) == ("filling", *count_independently(edge))
    assert "run_failed" in status(edge)["problems"]
    edge.ho.on_page = None
    edge.sync()
    assert report_of(edge) == ("well", 40, 40)


def test_a_run_that_was_cut_off_leaves_an_incomplete_list(edge: Edge) -> None:
    sync_dishes(edge, "SATE")
    edge.query("UPDATE etalase_sync_run SET listed = 1, missing = 1, carried = 1")
    edge.query(
        "INSERT INTO etalase_sync_run (kind, trigger, counts, reasons, bytes_fetched, notices, error, listed, missing, carried)"
        " VALUES ('incremental', 'schedule', '{}', '{}', 0, '[]', '', 9, 8, 0)"
    )
    with run_in_flight(edge):
        assert report_of(edge) == ("filling", 9, 1)
    report = status(edge)
    assert (report["state"], report["problems"], report["level"]) == ("filling", ["filling", "run_failed"], "blue")
    for name in ("started_at", "finished_at"):
        edge.query(f"UPDATE etalase_sync_run SET {name} = {name} - interval '3 hours'")
    assert status(edge)["state"] == "stale"  # no run has continued it


def test_failed_photos_are_partial_and_untried_ones_are_filling(edge: Edge) -> None:
    list_many(edge, 30)
    bad = next(iter(edge.ho.photos))
    edge.ho.photos[bad]["checksum"] = "0" * 32
    edge.sync()
    assert report_of(edge) == ("partial", 30, 29)
    list_many(edge, 30, first=30)
    edge.ho.on_image = lambda _: Response(503)
    edge.sync(TRIES=1, WORKERS=1)  # the circuit breaker opens after twenty failures in a row
    state, listed, here = report_of(edge)
    assert (state, listed, here) == ("filling", 60, 29)
    assert "partial" in status(edge)["problems"]
    edge.ho.on_image = None
    edge.sync()
    assert report_of(edge) == ("partial", 60, 59)


def test_an_incomplete_list_counts_the_announced_total(edge: Edge) -> None:
    edge.ho.max_page = 10
    list_many(edge, 30)
    edge.ho.on_page = lambda request: Response(503) if request["offset"] >= 10 else None
    assert edge.sync(TRIES=1).outcome == "failed"
    assert report_of(edge) == ("filling", 30, 10)


def test_an_impossible_total_blocks_no_page(edge: Edge) -> None:
    edge.ho.max_page = 2
    list_many(edge, 6)
    edge.ho.change_page = lambda page: page.update(total=2**62)
    edge.ho.on_page = lambda request: Response(503) if request["offset"] >= 2 else None
    report = edge.sync(TRIES=1)
    assert (report.fault, report.fetched) == ("head_office_busy", 2)
    assert status(edge)["state"] == "filling"


def test_removed_and_parked_photos_are_not_missing(edge: Edge) -> None:
    photos = sync_dishes(edge, *(f"DISH {number}" for number in range(10)))
    for dish in list(photos)[:6]:
        edge.ho.delete(photos[dish])
    edge.sync()
    assert status(edge)["state"] == "held"
    assert report_of(edge) == ("held", 4, 4)
    edge.query("UPDATE etalase_removal SET state = 'refused'")
    assert report_of(edge)[1:] == (4, 4)


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("parked", [1])
def test_a_parked_photo_is_not_missing(edge: Edge, full: bool, parked: int) -> None:
    sync_dishes(edge, "SATE")
    edge.query(
        "INSERT INTO etalase_pending_photo (photo_id, product_id, product_name, wire, reason, detail, attempts)"
        " VALUES (gen_random_uuid(), gen_random_uuid(), 'JUICE', '{}', 'product_missing', '', 1)"
    )
    assert report_of(edge) == ("well", 1, 1)


# After any history, the numbers match an independent count

HAPPENINGS = [
    "list",
    "replace",
    "delete",
    "make bad",
    "mend",
    "run",
    "full run",
    "break the list",
    "break the link",
    "out of time",
]


@pytest.mark.long
def test_after_any_history_the_numbers_match_an_independent_check_and_well_means_all_is_published(edge: Edge) -> None:
    def happens(what: str, number: int) -> None:
        photos = edge.ho.photos
        some = sorted(photos)[number % len(photos)] if photos else None
        match what:
            case "list":
                list_many(edge, number % 7 + 1, first=10 * number)
            case "replace" if some:
                wire = photos[some]
                edge.ho.put(wire["product_name"], picture(number), photo=some, key=wire["object_key"])
            case "delete" if some:
                edge.ho.delete(some)
            case "make bad" if some:
                photos[some]["checksum"] = "0" * 32
                photos[some]["updated_at"] = edge.ho.now.isoformat()
            case "mend":
                for wire in photos.values():
                    edge.ho.put(
                        wire["product_name"], edge.ho.bodies[wire["object_key"]], photo=wire["id"], key=wire["object_key"]
                    )
            case "run" | "full run":
                edge.sync(full=what == "full run", trigger="schedule")
            case "break the list":
                edge.ho.on_page = lambda request: Response(503) if request["offset"] else None
                edge.sync(TRIES=1, full=bool(number % 2))
            case "break the link":
                edge.ho.on_image = lambda _: Response(503)
                edge.sync(TRIES=1)
            case "out of time":
                edge.end_time_at_download(number + 1)
                edge.sync(WORKERS=1)
        edge.ho.on_page = edge.ho.on_image = None

    @settings(max_examples=25, database=None)
    @given(st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.integers(0, 9)), max_size=8))
    def check(happened: list[tuple[str, int]]) -> None:
        for table in ("product_photo", "product", "etalase_sync_run", "etalase_checkpoint", "etalase_pending_photo",
                      "etalase_removal", "etalase_doubt", "etalase_publish_intent"):  # fmt: skip
            edge.query(f"DELETE FROM {table}")
        edge.ho.photos.clear()
        edge.ho.deleted_ids.clear()
        edge.ho.max_page = 10
        for happening in happened:
            happens(*happening)
            heard = happening[0] in {"run", "full run", "break the link", "out of time"}
            report = status(edge)
            if heard and "held" not in report["problems"]:
                assert (report["listed"], report["here"]) == count_independently(edge), happening
            if report["well"]:
                assert report["listed"] == report["here"] == report["verified"]

    check()
