"""Allows one run of a store at a time: PostgreSQL advisory locks on the connection that commits (hazards 36 and 59).

The locks end with their process. A second lock, ``full is due``, prevents a waiting nightly run from starving: an incremental
run stops early while it is taken.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from etalase.edge.clock import Clock
from etalase.edge.command_names import as_typed
from etalase.edge.database import cursor, is_behind_pooler
from etalase.errors import DatabaseAway, LockHeld, LockLost, SettingsError

# The first integer of each lock; the second is the store's.
RUN_CLASS, FULL_IS_DUE_CLASS, AT_WORK_CLASS, ORDERS_CLASS = 0x45544C31, 0x45544C32, 0x45544C33, 0x45544C34

# Longer than a statement of a healthy database waits for another session.
LOCK_TIMEOUT = "2min"


class RunLock:
    """The run lock of a store."""

    def __init__(self, store_id: UUID, clock: Clock) -> None:
        self._store = zlib.crc32(store_id.bytes) - 2**31
        self.clock = clock
        self.timeout = LOCK_TIMEOUT

    @contextmanager
    def held(self, *, full: bool, wait_seconds: float, at_work: bool = False) -> Iterator[None]:
        """Holds the lock. Raises :class:`LockHeld` where another run has it for longer than ``wait_seconds``.

        A waiting full run has priority. ``at_work`` marks a run, as opposed to a check or a decision of a person.
        """
        self._refuse_pooler()
        if full and wait_seconds:
            self._try(FULL_IS_DUE_CLASS)
        try:
            self._acquire(wait_seconds, gives_way=not full)
        finally:
            self._release(FULL_IS_DUE_CLASS)
        try:
            if at_work:
                self._try(AT_WORK_CLASS)
            with _timeout_of_waits(self.timeout):
                yield
        finally:
            self._release(AT_WORK_CLASS)
            self._release(RUN_CLASS)

    @contextmanager
    def alone_with_orders(self) -> Iterator[bool]:
        """Holds the lock of head office's orders, beside that of runs; yields False where another process carries them out."""
        is_mine = self._try(ORDERS_CLASS)
        try:
            yield is_mine
        finally:
            if is_mine:
                self._release(ORDERS_CLASS)

    def still_held(self) -> None:
        """Raises :class:`LockLost` unless this connection holds the lock. Each transaction calls it before its commit."""
        with cursor() as db:
            db.execute(_HELD_BY_ME, [RUN_CLASS, self._unsigned])
            if not db.fetchone()[0]:
                raise LockLost("The connection with the run's lock is lost.", hint="The next run continues from here.")

    def full_is_due(self) -> bool:
        """Returns whether a scheduled full run waits for this one to end."""
        return self._is_taken(FULL_IS_DUE_CLASS)

    def is_taken(self) -> bool:
        """Returns whether a run is in progress on another connection. Does not take the lock."""
        return self._is_taken(AT_WORK_CLASS)

    @property
    def _unsigned(self) -> int:
        return self._store % 2**32

    def _acquire(self, wait_seconds: float, *, gives_way: bool) -> None:
        until = self.clock.monotonic() + wait_seconds
        while (due := gives_way and self.full_is_due()) or not self._try(RUN_CLASS):
            if self.clock.monotonic() >= until:
                if due:
                    raise LockHeld("A scheduled full sync is waiting; this run stops so that it can start.")
                raise LockHeld("Another run of this store is in progress.", hint=as_typed("`etalase edge status` shows it."))
            self.clock.sleep(1.0)

    def _try(self, lock_class: int) -> bool:
        with cursor() as db:
            db.execute("SELECT pg_try_advisory_lock(%s, %s)", [lock_class, self._store])
            return bool(db.fetchone()[0])

    def _release(self, lock_class: int) -> None:
        # A dead connection has no lock any more, and its own error is the one to report.
        with suppress(DatabaseAway), cursor() as db:
            db.execute(
                "SELECT pg_advisory_unlock(%s, %s) WHERE EXISTS (" + _MINE + ")",
                [lock_class, self._store, lock_class, self._unsigned],
            )

    def _is_taken(self, lock_class: int) -> bool:
        with cursor() as db:
            db.execute(_TAKEN, [lock_class, self._unsigned])
            return bool(db.fetchone()[0])

    def _refuse_pooler(self) -> None:
        """Raises :class:`SettingsError` behind a pooler, which would share the connection and its lock with others."""
        if is_behind_pooler():
            raise SettingsError(
                ["DATABASE_URL is the address of a connection pooler; the lock of a run needs PostgreSQL itself."],
                hint="Set DATABASE_URL to PostgreSQL's own port.",
            )


@contextmanager
def _timeout_of_waits(timeout: str) -> Iterator[None]:
    """Limits the wait for rows and tables that another session keeps locked: without a limit no later run could start.

    Keeps the role's own ``lock_timeout``, if it has one.
    """
    with cursor() as db:
        db.execute("SELECT set_config('lock_timeout', %s, false) WHERE current_setting('lock_timeout') = '0'", [timeout])
        is_set = db.fetchone() is not None
    try:
        yield
    finally:
        if is_set:
            with suppress(DatabaseAway), cursor() as db:
                db.execute("RESET lock_timeout")


_MINE = (
    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND pid = pg_backend_pid()"
    " AND classid::bigint = %s AND objid::bigint = %s"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_HELD_BY_ME = f"SELECT EXISTS ({_MINE})"
_TAKEN = f"SELECT EXISTS ({_MINE.replace('pid = pg_backend_pid()', 'pid <> pg_backend_pid()')})"
