"""Checks heartbeats in a real database."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from etalase.doctor.check import Fault
from etalase.edge.clock import Clock
from etalase.edge.doctor.state import judge_sign
from etalase.edge.heartbeat import ALIVE_WITHIN, LatestHeartbeat, Role, heartbeats, write

pytestmark = pytest.mark.django_db(transaction=True, available_apps=["etalase.edge"])


def test_no_heartbeat_is_known_before_the_first_one() -> None:
    assert heartbeats() == {}


def test_the_age_of_a_heartbeat_is_measured_by_the_databases_clock() -> None:
    assert write(Role.WORKER) is None
    assert write(Role.WORKER) is None
    known = heartbeats()
    assert set(known) == {Role.WORKER}
    assert known[Role.WORKER].is_alive
    _shift(Role.WORKER, "- interval '5 minutes'")
    known = heartbeats()
    assert not known[Role.WORKER].is_alive
    assert timedelta(minutes=5) <= known[Role.WORKER].age < timedelta(minutes=6)


def test_one_heartbeat_of_two_workers_is_enough_to_be_alive() -> None:
    write(Role.WORKER)
    _shift(Role.WORKER, "- interval '3 hours'")
    write(Role.WORKER)
    assert heartbeats()[Role.WORKER].is_alive


def test_a_heartbeat_from_the_future_is_no_sign_of_life_until_the_next_one() -> None:
    write(Role.BEAT)
    _shift(Role.BEAT, "+ interval '3 days'")
    assert not heartbeats()[Role.BEAT].is_alive
    assert heartbeats()[Role.BEAT].is_from_the_future
    with pytest.raises(Fault, match="a clock was ahead"):
        judge_sign(Role.BEAT, heartbeats(), last_good_at=None, now=Clock().utc())
    write(Role.BEAT)
    assert heartbeats()[Role.BEAT].is_alive


def test_a_heartbeat_of_an_unknown_role_is_ignored() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO etalase_heartbeat VALUES ('flower', now())")
    assert heartbeats() == {}


def test_a_heartbeat_that_cannot_be_written_is_reported_without_a_crash() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE etalase_heartbeat RENAME TO elsewhere")
    try:
        assert "etalase_heartbeat" in str(write(Role.WORKER))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO etalase_heartbeat")
    assert write(Role.WORKER) is None


def test_a_heartbeat_counts_as_alive_up_to_the_time_limit() -> None:
    now = datetime.now(UTC)
    assert LatestHeartbeat(now, ALIVE_WITHIN).is_alive
    assert not LatestHeartbeat(now, ALIVE_WITHIN + timedelta(seconds=1)).is_alive


def _shift(role: Role, by: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE etalase_heartbeat SET at = at {by} WHERE role = %s", [role])
