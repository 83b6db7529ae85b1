"""Checks the lock: one run of a store at a time, and the nightly run never starves (hazards 36 and 59)."""

import threading
from typing import Any

import pytest
from django.db import connection
from tests.integration.sync.conftest import Edge
from tests.integration.sync.two_runs import Background, pause_download
from tests.simulator import Response, picture

from etalase.edge.sync.lock import FULL_IS_DUE_CLASS, RUN_CLASS
from etalase.edge.sync.services import Services


@pytest.mark.parametrize("full", [False, True], ids=["incremental", "full"])
def test_a_second_run_ends_at_once_as_locked_and_changes_nothing(edge: Edge, full: bool) -> None:
    edge.ho.put("slow", picture(1))
    with pause_download(edge) as (requested, go_on):
        first = Background(edge)
        assert requested.wait(60)
        requests = len(edge.ho.requests)
        second = edge.sync(full=full)
        assert (second.outcome, second.exit_status) == ("locked", 75)
        assert len(edge.ho.requests) == requests
        go_on.set()
        assert first.join().exit_status == 0
    assert edge.count("etalase_sync_run") == 1
    edge.check_equals_head_office()


def test_every_run_releases_the_lock_even_after_a_failure(edge: Edge) -> None:
    edge.ho.on_page = lambda request: Response(404)
    assert edge.sync().exit_status == 4
    with edge.other_connection() as other:
        assert other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)


def test_a_scheduled_full_run_waits_and_the_current_run_yields_to_it(edge: Edge) -> None:
    edge.ho.put("old", picture("old"))
    assert edge.sync().exit_status == 0
    for n in range(12):
        edge.ho.put(f"dish {n}", picture(n), sort_order=n)
    edge.ho.put("slow", picture("slow", 100))  # the smallest photo is the first one
    with pause_download(edge) as (requested, go_on):
        incremental = Background(edge, trigger="schedule", WORKERS=1)
        assert requested.wait(60)
        full = Background(edge, full=True, trigger="schedule", wait_seconds=30)
        wait_until_full_is_due(edge)
        go_on.set()
        first, second = incremental.join(), full.join()
    assert (first.yielded, first.outcome) == (True, "partial")
    assert (second.kind, second.exit_status) == ("full", 0)
    edge.check_equals_head_office()
    assert edge.reasons() == {}


def wait_until_full_is_due(edge: Edge) -> None:
    """Waits until the full run has announced that it waits."""
    with edge.other_connection() as other:
        for _ in range(1000):
            due = other.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = %s", [FULL_IS_DUE_CLASS]
            ).fetchone()
            if due == (1,):
                return
            threading.Event().wait(0.01)
    raise AssertionError("no full run waits")


def test_an_incremental_run_does_not_start_while_a_full_run_waits(edge: Edge) -> None:
    photo = edge.ho.put("slow", picture(1))
    edge.sync()
    edge.ho.put("slow", picture(2), photo=photo)
    with pause_download(edge) as (requested, go_on):
        full = Background(edge, full=True, wait_seconds=30)
        assert requested.wait(60)
        assert edge.sync().exit_status == 75
        go_on.set()
        assert full.join().exit_status == 0


def test_a_full_run_that_waits_too_long_ends_as_locked(edge: Edge) -> None:
    edge.ho.put("slow", picture(1))
    with pause_download(edge) as (requested, go_on):
        first = Background(edge)
        assert requested.wait(60)
        assert edge.sync(full=True, wait_seconds=0.05).exit_status == 75
        go_on.set()
        first.join()
    assert edge.sync().exit_status == 0


def test_a_run_that_lost_its_connection_ends_without_another_commit(edge: Edge) -> None:
    photo = edge.ho.put("sate", picture("old"))
    edge.sync()
    checkpoint, before = edge.checkpoint(), edge.row_versions()
    edge.ho.put("sate", picture("new"), photo=photo)
    missing = edge.ho.put("soto", picture("soto"))

    def cut(key: str) -> Response | None:
        with edge.other_connection() as other:
            holder = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = %s"
            other.execute(f"SELECT pg_terminate_backend(pid) FROM ({holder}) AS lock", [RUN_CLASS])
        return Response(404) if key == edge.ho.photos[missing]["object_key"] else None

    edge.ho.on_image = cut
    report = edge.sync()

    assert report.exit_status == 4
    assert report.error is not None
    assert report.error.hint
    assert (edge.checkpoint(), edge.reasons()) == (checkpoint, {})
    assert {mark for mark in edge.row_versions() if mark[0] == "product_photo"} == {
        m for m in before if m[0] == "product_photo"
    }

    edge.ho.on_image = None
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()
    assert edge.count("etalase_publish_intent") == 0


def test_a_row_locked_by_another_session_is_not_awaited_for_ever(edge: Edge) -> None:
    def hurry(services: Services) -> None:
        services.lock.timeout = "100ms"

    photo = edge.ho.put("sate", picture("old"))
    edge.sync()
    edge.ho.put("sate", picture("new"), photo=photo)
    with edge.other_connection() as other, other.transaction():
        other.execute("SELECT * FROM product_photo FOR UPDATE")
        report = edge.sync(inject=hurry)
        assert (report.exit_status, edge.reasons()) == (1, {photo: "row_waits"})
    assert edge.query("SHOW lock_timeout") == [{"lock_timeout": "0"}]

    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_a_lock_timeout_of_the_database_role_is_respected(edge: Edge) -> None:
    edge.query("SET lock_timeout = '7min'")
    edge.sync()
    assert edge.query("SHOW lock_timeout") == [{"lock_timeout": "7min"}]
    edge.query("RESET lock_timeout")


def test_a_run_that_lost_only_its_lock_ends_too(edge: Edge) -> None:
    edge.ho.put("sate", picture("old"))

    def inject(services: Any) -> None:
        real = services.bucket.ensure_bucket

        class Unlocking:
            def ensure_bucket(self) -> None:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock_all()")
                real()

            def __getattr__(self, name: str) -> Any:
                return getattr(bucket, name)

        bucket = services.bucket
        services.bucket = Unlocking()

    report = edge.sync(inject=inject)
    assert report.exit_status == 4
    assert "lock" in str(report.error)
    assert (edge.rows(), edge.checkpoint()) == ({}, None)
    assert edge.sync().exit_status == 0
    edge.check_equals_head_office()


def test_a_waiting_command_waits_for_a_full_run_too(edge: Edge) -> None:
    photo = edge.ho.put("slow", picture(1))
    edge.sync()
    edge.ho.put("slow", picture(2), photo=photo)
    with pause_download(edge) as (requested, go_on):
        full = Background(edge, full=True, trigger="schedule", wait_seconds=30)
        assert requested.wait(60)
        waits = Background(edge, wait_seconds=30)
        threading.Event().wait(0.1)
        go_on.set()
        assert full.join().exit_status == 0
        assert waits.join().exit_status == 0
    assert edge.count("etalase_sync_run") == 3
