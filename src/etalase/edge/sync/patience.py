"""Writes again what had to wait for another session or for a trigger of the customer's, alone and for a bounded time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from etalase.edge.clock import Clock
from etalase.errors import DatabaseBusy, DatabaseRefused, RowWaits

T = TypeVar("T")

# A run that has waited so long in all meets a locked table, not a product: it ends, and the next one tries again.
MAX_WAITED_SECONDS: Final = 120.0
# Of a transaction that lost to another session (a deadlock, a serialization failure): the other one goes on by then.
ATTEMPTS: Final = 3
PAUSE_SECONDS: Final = 0.2


@dataclass(slots=True)
class Patience:
    """The time that one run may still wait for others."""

    clock: Clock
    left_seconds: float = MAX_WAITED_SECONDS

    def alone(self, attempt: Callable[[], T]) -> T:
        """Returns the result of a transaction about one product or photo, repeated where it lost to another session.

        Raises :class:`RowWaits` where it waits too long, and :class:`DatabaseRefused` once the run has no patience left.
        """
        for remaining in reversed(range(ATTEMPTS)):
            began = self.clock.monotonic()
            try:
                return attempt()
            except DatabaseBusy as busy:
                self.left_seconds -= self.clock.monotonic() - began
                if self.left_seconds <= 0:
                    raise DatabaseRefused(busy.message, hint=busy.hint) from busy
                if not (remaining and busy.lost):
                    raise RowWaits(busy) from busy
                self.clock.sleep(self.clock.random.uniform(PAUSE_SECONDS, 2 * PAUSE_SECONDS))
        raise AssertionError("each attempt returns or raises")
