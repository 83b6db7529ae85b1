"""Writes and reads the heartbeat of head office's worker, by the database's clock, so that two clocks never disagree."""

from datetime import timedelta

from django.db import connection

ROLE = "worker"
EVERY_SECONDS = 60.0
# Three heartbeats may fail, and a large photo may take a minute.
ALIVE_WITHIN = timedelta(minutes=5)


def write() -> None:
    """Writes a heartbeat."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO head_office_heartbeat (role, at) VALUES (%s, clock_timestamp())"
            " ON CONFLICT (role) DO UPDATE SET at = excluded.at",
            [ROLE],
        )


def age() -> timedelta | None:
    """Returns the time since the newest heartbeat of any worker, or None. One from the future does not count."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT clock_timestamp() - at FROM head_office_heartbeat WHERE role = %s AND at <= clock_timestamp()", [ROLE]
        )
        row = cursor.fetchone()
        return None if row is None else row[0]
