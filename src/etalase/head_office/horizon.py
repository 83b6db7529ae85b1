"""Reads the horizon of the feed: each change with an earlier time stamp is visible to a later snapshot (hazard 2).

It relies on the triggers of migration 0002.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection


@dataclass(frozen=True, slots=True)
class Horizon:
    """Head office's clock, and the start of the oldest open transaction that writes (None: no such transaction).

    PostgreSQL records when a transaction was prepared, not when it began. With prepared transactions ``unknown`` is set.
    """

    clock: datetime
    oldest_writer: datetime | None
    unknown: bool

    def at(self, *, at_worst: datetime) -> datetime:
        """Returns the horizon: a later snapshot sees each change with an earlier time stamp.

        ``at_worst`` is an earlier horizon, which stays valid; it is the bound where the writers' start is unknown.
        """
        bound = min(self.clock, self.oldest_writer or self.clock)
        return min(bound, at_worst) if self.unknown else bound


def read_horizon() -> Horizon:
    """Returns the present horizon, by two statements in transactions of their own, before the snapshot of the data is taken.

    A transaction that the second statement does not list has either committed, so that the snapshot sees it, or takes its id
    later; then its time stamps are later than the clock of the first statement, since the trigger takes the id before it
    stamps. A transaction without an id writes nothing: neither a long dump nor autovacuum holds the horizon back.
    """
    if connection.in_atomic_block:
        raise RuntimeError("The horizon cannot be read inside a transaction: its snapshot would be older than the horizon.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT head_office_issue_clock()")
        (clock,) = cursor.fetchone()
        cursor.execute(
            """
            SELECT min(xact_start), EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database())
            FROM pg_stat_activity
            WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
              AND backend_type <> 'autovacuum worker'
            """
        )
        oldest_writer, unknown = cursor.fetchone()
    return Horizon(clock, oldest_writer, unknown)
