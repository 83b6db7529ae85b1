"""What a run notices around it, says, and settles by comparing everything, without a mass deletion (hazards 9 and 12)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.simulator import Answer, picture


def codes(report: Any) -> list[str]:
    """The codes of what it noticed."""
    return [notice["code"] for notice in report.notices]


@pytest.fixture
def menu(edge: Edge) -> list[str]:
    """Ten photos, synced."""
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(10)]
    assert codes(edge.sync()) == []
    return photos


def test_a_quiet_world_is_nothing_to_notice(edge: Edge, menu: list[str]) -> None:
    assert codes(edge.sync()) == codes(edge.sync(full=True)) == []


def test_a_bucket_that_was_lost_is_filled_again_by_the_next_run_of_whatever_kind(edge: Edge, menu: list[str]) -> None:
    edge.bucket.delete(list(edge.objects()))
    report = edge.sync(trigger="schedule")
    assert (codes(report), report.kind, report.healed, report.outcome) == (["bucket_lost"], "full", 10, "success")
    edge.check_equals_head_office()


def test_an_edge_restored_from_a_backup_compares_everything(edge: Edge, menu: list[str]) -> None:
    edge.ho.put("dish 0", picture("newer"), photo=menu[0])
    backup = {table: edge.query(f"SELECT * FROM {table}") for table in ("product_photo", "etalase_checkpoint")}
    edge.sync()
    edge.ho.put("dish 1", picture("newest"), photo=menu[1])
    edge.sync()
    # The backup comes back: rows and checkpoint of before.
    old = {row["id"]: row for row in backup["product_photo"]}
    for id_, row in old.items():
        edge.query("UPDATE product_photo SET checksum = %s, size = %s WHERE id = %s", row["checksum"], row["size"], id_)
    edge.query("UPDATE etalase_checkpoint SET sync_timestamp = %s", backup["etalase_checkpoint"][0]["sync_timestamp"])
    edge.ho.on_page = lambda _: Answer(503)
    for _ in range(3):  # however many runs fail first
        assert edge.sync(trigger="schedule").exit_status == 4
    edge.ho.on_page = None
    edge.ho.image_requests.clear()

    report = edge.sync(trigger="schedule")

    assert (codes(report), report.kind, report.outcome) == (["edge_restored"], "full", "success")
    assert edge.ho.image_requests == []  # what lies in the bucket is newer than the rows, and right
    edge.check_equals_head_office()
    assert codes(edge.sync()) == []


def test_head_office_restored_from_a_backup_is_noticed_and_causes_no_mass_deletion(edge: Edge, menu: list[str]) -> None:
    backup = {photo: dict(wire) for photo, wire in edge.ho.photos.items()}
    bodies = dict(edge.ho.bodies)
    edge.ho.put("dish 0", picture("changed since"), photo=menu[0])
    for n in range(10, 20):
        edge.ho.put(f"dish {n}", picture(n))
    edge.sync()
    edge.ho.photos, edge.ho.bodies = backup, bodies

    report = edge.sync(full=True)

    assert (codes(report), report.held, report.deleted) == (["ho_older"], 10, 0)
    assert report.notices[0]["photos"] == 1
    rows = edge.rows()
    assert len(rows) == 20
    assert rows[menu[0]]["checksum"] == backup[menu[0]]["checksum"]
    edge.check_every_row_shows_its_bytes()


def test_a_clock_that_went_back_at_head_office_is_noticed(edge: Edge, menu: list[str]) -> None:
    edge.ho.now -= timedelta(days=2)
    new = edge.ho.put("new", picture("new"))
    report = edge.sync(trigger="schedule")
    assert (codes(report), report.kind) == (["ho_clock_back"], "full")
    assert new in edge.rows()
    edge.check_equals_head_office()


@pytest.mark.parametrize("days", [29, 400])
def test_an_edge_that_was_off_for_long_compares_everything(edge: Edge, menu: list[str], days: int) -> None:
    del edge.ho.photos[menu[0]]  # and nobody tells: its tombstone is older than head office keeps them
    edge.hours_later = days * 24
    report = edge.sync(trigger="schedule")
    assert codes(report) == (["long_away"] if days == 400 else [])
    assert (menu[0] in edge.rows()) is (days == 29)
    assert len(edge.rows()) >= 9


def test_a_photo_gone_while_nobody_looked_is_counted(edge: Edge, menu: list[str]) -> None:
    assert edge.query("SELECT photos FROM etalase_checkpoint") == [{"photos": 10}]
    edge.ho.delete(menu[0])
    edge.sync()
    assert edge.query("SELECT photos FROM etalase_checkpoint") == [{"photos": 9}]


def test_rows_that_somebody_removed_come_back_with_the_next_run_of_whatever_kind(edge: Edge, menu: list[str]) -> None:
    edge.query("DELETE FROM product_photo WHERE id = ANY(%s::uuid[])", menu[:4])
    edge.ho.image_requests.clear()
    edge.ho.on_page = lambda _: Answer(503)
    edge.sync(trigger="schedule")
    edge.ho.on_page = None
    report = edge.sync(trigger="schedule")
    assert (report.notices, report.kind) == ([{"code": "rows_vanished", "photos": 4}], "full")
    assert edge.ho.image_requests == []
    edge.check_equals_head_office()
    assert codes(edge.sync()) == []


def test_what_head_office_has_in_an_older_form_makes_the_next_run_a_full_one(edge: Edge, menu: list[str]) -> None:
    edge.ho.put("dish 0", picture("newer"), photo=menu[0])
    edge.sync()
    quiet = edge.ho.photos[menu[1]]
    edge.ho.put("dish 0", picture("older"), photo=menu[0])
    edge.ho.photos[menu[0]]["updated_at"], edge.ho.photos[menu[1]] = quiet["updated_at"], {**quiet, "filename": "untold.jpg"}
    edge.ho.change_page = None
    told = edge.ho.page

    def everything(asked: dict[str, Any]) -> dict[str, Any]:
        page = told({**asked, "updated_since": None})
        page["photos"] = [photo for photo in page["photos"] if asked.get("updated_since") is None or photo["id"] == menu[0]]
        return page

    edge.ho.page = everything  # type: ignore[method-assign]
    assert codes(edge.sync(trigger="schedule")) == ["ho_older"]
    assert edge.sync(trigger="schedule").kind == "full"
    assert edge.rows()[menu[1]]["filename"] == "untold.jpg"
    assert edge.sync(trigger="schedule").kind == "incremental"
