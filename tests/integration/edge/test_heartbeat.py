"""Signs of life in a real database."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from etalase.edge.heartbeat import ALIVE_WITHIN, Heartbeat, Role, heartbeats, write

pytestmark = pytest.mark.django_db(transaction=True, available_apps=["etalase.edge"])


def test_nothing_is_known_before_the_first_sign() -> None:
    assert heartbeats() == {}


def test_a_sign_is_as_old_as_the_databases_clock_says() -> None:
    assert write(Role.WORKER) is None
    assert write(Role.WORKER) is None
    known = heartbeats()
    assert set(known) == {Role.WORKER}
    assert known[Role.WORKER].is_alive
    _shift(Role.WORKER, "- interval '5 minutes'")
    known = heartbeats()
    assert not known[Role.WORKER].is_alive
    assert timedelta(minutes=5) <= known[Role.WORKER].age < timedelta(minutes=6)


def test_one_of_two_workers_is_enough_to_be_alive() -> None:
    write(Role.WORKER)
    _shift(Role.WORKER, "- interval '3 hours'")
    write(Role.WORKER)
    assert heartbeats()[Role.WORKER].is_alive


def test_a_sign_from_the_future_says_nothing_until_the_next_one() -> None:
    write(Role.BEAT)
    _shift(Role.BEAT, "+ interval '1 year'")
    assert heartbeats() == {}
    write(Role.BEAT)
    assert heartbeats()[Role.BEAT].is_alive


def test_a_role_that_another_version_wrote_is_left_out() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO etalase_heartbeat VALUES ('flower', now())")
    assert heartbeats() == {}


def test_a_sign_that_cannot_be_written_is_an_answer_and_no_crash() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE etalase_heartbeat RENAME TO elsewhere")
    try:
        assert "etalase_heartbeat" in str(write(Role.WORKER))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO etalase_heartbeat")
    assert write(Role.WORKER) is None


def test_silence_is_told_from_life_at_the_boundary() -> None:
    now = datetime.now(UTC)
    assert Heartbeat(now, ALIVE_WITHIN).is_alive
    assert not Heartbeat(now, ALIVE_WITHIN + timedelta(seconds=1)).is_alive


def _shift(role: Role, by: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE etalase_heartbeat SET at = at {by} WHERE role = %s", [role])
