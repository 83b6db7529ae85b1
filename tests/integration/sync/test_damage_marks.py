"""Checks damage marks: they stay until the object is put again, for every run and every status (hazard 22)."""

from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.integration.sync.rotting import Rotting
from tests.integration.sync.steps import status
from tests.simulator import Response, picture

from etalase.edge.sync import anomalies as anomalies_module
from etalase.edge.sync.verify import verify


@pytest.fixture(params=[False, True], ids=["other bytes", "unreadable"])
def disk(edge: Edge, request: pytest.FixtureRequest) -> Rotting:
    """Syncs six dishes, then lets the disk rot under one of them, for runs and for ``status``."""
    for n in range(6):
        edge.ho.put(f"dish {n}", picture(n))
    edge.sync()
    edge.hours_later = 0.5
    edge.sync(full=True)
    edge.hours_later = 0.0
    edge.query("UPDATE etalase_sync_run SET finished_at = now()")
    edge.query("UPDATE etalase_checkpoint SET compared_at = now()")
    return Rotting(edge.rows()[next(iter(edge.ho.photos))]["object_key"], unreadable=request.param)


def found_by_verify(edge: Edge, disk: Rotting) -> list[str]:
    """Runs ``verify --deep`` on the rotten disk."""
    with edge.services() as services:
        disk.inject(services)
        return [str(difference.what) for difference in verify(services, deep=True).differences]


def test_damage_found_by_verify_is_in_the_status_until_the_next_full_run_repairs_it(edge: Edge, disk: Rotting) -> None:
    assert status(edge, disk.look)["well"] is True  # no run has read the object yet
    kind = "unreadable" if disk.unreadable else "changed"
    assert found_by_verify(edge, disk) == [kind]
    reported = status(edge, disk.look)
    assert (reported["state"], reported["damaged"][kind], reported["exit_status"]) == ("damaged", 1, 1)
    assert edge.sync(full=True, inject=disk.inject).healed == 1
    assert status(edge, disk.look)["well"] is True
    assert edge.count("etalase_doubt") == 0


def test_a_damaged_photo_that_cannot_be_downloaded_stays_on_the_retry_list_and_in_the_status(edge: Edge, disk: Rotting) -> None:
    found_by_verify(edge, disk)
    edge.ho.on_image = lambda _: Response(503)
    edge.sync(full=True, inject=disk.inject, TRIES=1)
    for full in (False, True, False):
        report = edge.sync(full=full, inject=disk.inject, TRIES=1)
        assert (list(edge.reasons().values()), report.outcome) == (["server_error"], "partial")
        assert "damaged" in status(edge, disk.look)["problems"]
    edge.ho.on_image = None
    assert edge.sync(inject=disk.inject).healed == 1  # an hourly run is enough
    assert (edge.reasons(), status(edge, disk.look)["well"]) == ({}, True)


def test_a_damage_mark_is_cleared_if_the_object_is_right_again(edge: Edge, disk: Rotting) -> None:
    found_by_verify(edge, disk)
    disk.mended = True
    assert status(edge, disk.look)["well"] is True
    edge.ho.image_requests.clear()
    edge.sync(full=True, inject=disk.inject)
    assert (edge.ho.image_requests, edge.count("etalase_doubt")) == ([], 0)


def test_damage_of_a_photo_that_head_office_no_longer_lists_is_reported(edge: Edge, disk: Rotting) -> None:
    (photo,) = [photo for photo, row in edge.rows().items() if row["object_key"] == disk.key]
    for gone in [photo, *[other for other in edge.rows() if other != photo][:4]]:
        edge.ho.delete(gone)
    assert edge.sync().held == 5
    edge.query("UPDATE etalase_removal SET state = 'refused'")
    assert edge.sync(full=True, inject=disk.inject, DEEP_VERIFY_DAYS=1).deleted == 0
    reported = status(edge, disk.look)
    assert (reported["state"], reported["lost"]) == ("damaged", [photo])
    edge.query("DELETE FROM product_photo WHERE id = %s", photo)
    assert edge.sync(full=True).outcome == "success"
    assert edge.count("etalase_doubt") == 0


def test_the_next_run_repairs_damage_that_a_full_run_left(edge: Edge, s3: Any) -> None:
    for n in range(30):
        edge.ho.put(f"dish {n:02}", picture(n))
    edge.sync()
    for key in list(edge.objects())[:20]:
        s3.delete_object(Bucket=edge.bucket.bucket, Key=key)
    edge.ho.on_image = lambda _: Response(503)
    assert edge.sync(full=True, TRIES=1).outcome == "failed"  # the circuit breaker opened after twenty failures
    assert len(edge.reasons()) == 20
    edge.ho.on_image = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anomalies_module, "PROBES", 0)  # a random probe might find the damage
        report = edge.sync()
    assert (report.kind, report.healed, edge.reasons()) == ("incremental", 20, {})
    edge.check_equals_head_office()


def test_a_full_run_that_was_cut_off_is_continued_by_the_next_run_of_any_kind(edge: Edge, s3: Any) -> None:
    for n in range(20):
        edge.ho.put(f"dish {n:02}", picture(n))
    edge.sync()
    for key in edge.objects():
        s3.delete_object(Bucket=edge.bucket.bucket, Key=key)
    edge.end_time_at_download(8)
    first = edge.sync(full=True)
    assert [notice["code"] for notice in first.notices] == ["bucket_lost", "out_of_time"]
    assert 0 < first.fetched < 20
    edge.ho.on_image = None
    rest = edge.sync(trigger="schedule")
    assert (rest.kind, rest.outcome, rest.healed) == ("full", "success", 20 - first.fetched)
    edge.check_equals_head_office()
    assert edge.sync().kind == "incremental"


def test_a_run_does_not_report_success_while_a_photo_is_known_to_be_damaged(edge: Edge, disk: Rotting) -> None:
    found_by_verify(edge, disk)
    (photo,) = [photo for photo, row in edge.rows().items() if row["object_key"] == disk.key]
    for gone in [photo, *[other for other in edge.rows() if other != photo][:4]]:
        edge.ho.delete(gone)
    assert edge.sync(inject=disk.inject).outcome == "held"
    edge.query("UPDATE etalase_removal SET state = 'refused'")
    report = edge.sync(inject=disk.inject)
    assert (report.kind, report.outcome, report.exit_status, report.damaged) == ("incremental", "partial", 1, 1)


def test_the_next_hourly_run_repairs_damage_found_by_verify(edge: Edge, disk: Rotting) -> None:
    found_by_verify(edge, disk)
    report = edge.sync(trigger="schedule", inject=disk.inject)
    assert (report.kind, report.healed, report.outcome) == ("incremental", 1, "success")


def test_a_dry_run_looks_as_deep_as_its_run(edge: Edge) -> None:
    for n in range(3):
        edge.ho.put(f"dish {n}", picture(n))
    edge.sync()
    edge.bucket.delete(list(edge.objects()))
    forecast = edge.sync(dry_run=True).forecast or {}
    assert forecast["photos_to_fetch"] == 3
    assert edge.count("etalase_doubt") == 0
