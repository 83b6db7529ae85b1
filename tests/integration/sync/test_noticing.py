"""What a run notices around it, says, and settles by comparing everything, without a mass deletion (hazards 9 and 12)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.simulator import picture


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
    # The backup comes back: rows and checkpoint of before, and the numbers of runs begin again where they were.
    old = {row["id"]: row for row in backup["product_photo"]}
    for id_, row in old.items():
        edge.query("UPDATE product_photo SET checksum = %s, size = %s WHERE id = %s", row["checksum"], row["size"], id_)
    edge.query("UPDATE etalase_checkpoint SET sync_timestamp = %s", edge.ho.now.isoformat())
    edge.query("DELETE FROM etalase_sync_run WHERE id > (SELECT min(id) FROM etalase_sync_run)")
    edge.query("SELECT setval('etalase_sync_run_id_seq', (SELECT min(id) FROM etalase_sync_run))")
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
