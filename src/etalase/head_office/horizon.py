"""Reads the horizon of the feed: each change with an earlier time stamp is visible to a later snapshot (hazard 2).

It relies on the triggers of migration 0002.
"""

from dataclasses import dataclass

from django.db import connection

from etalase.head_office.database import prepared_cursor
from etalase.protocol import format_time


@dataclass(frozen=True, slots=True)
class Horizon:
    """Head office's clock, and the start of the oldest open transaction that writes (None: no such transaction).

    Times are in the form of the wire, which sorts as text. PostgreSQL records when a transaction was prepared, not when it
    began. With prepared transactions ``unknown`` is set.
    """

    clock: str
    oldest_writer: str | None
    unknown: bool

    def at(self, *, at_worst: str) -> str:
        """Returns the horizon: a later snapshot sees each change with an earlier time stamp.

        ``at_worst`` is an earlier horizon, which stays valid; it is the bound where the writers' start is unknown.
        """
        bound = min(self.clock, self.oldest_writer or self.clock)
        return min(bound, at_worst) if self.unknown else bound


def read_horizon() -> Horizon:
    """Returns the present horizon, by a statement in a transaction of its own, before the snapshot of the data is taken.

    The function reads the clock, then the open transactions. A transaction that it does not list has either committed, so that
    the snapshot sees it, or takes its id later; then its time stamps are later than the clock, since the trigger takes the id
    before it stamps. A transaction without an id writes nothing: neither a long dump nor autovacuum holds the horizon back.
    """
    if connection.in_atomic_block:
        raise RuntimeError("The horizon cannot be read inside a transaction: its snapshot would be older than the horizon.")
    with prepared_cursor() as cursor:
        cursor.execute("SELECT clock, oldest_writer, unknown FROM head_office_horizon()")
        clock, oldest_writer, unknown = cursor.fetchone()
    return Horizon(format_time(clock), oldest_writer and format_time(oldest_writer), unknown)
