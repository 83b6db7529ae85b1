"""Limits the transfers in flight: fewer on a link that keeps breaking, because each break ends all of them.

The limit is halved when the link breaks, and grows by one after as many successes: TCP's own rule (RFC 5681, section 3.1).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from etalase.errors import PhotoError, Side


class Lanes:
    """Allows ``open`` transfers at once, at most ``most``."""

    def __init__(self, most: int) -> None:
        self.open = self._most = most
        self._busy = self._successes = self._breaks = 0
        self._changed = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Waits for a lane and occupies it. A :class:`PhotoError` inside shows the state of the link."""
        with self._changed:
            self._changed.wait_for(lambda: self._busy < self.open)
            self._busy += 1
            breaks_before = self._breaks
        broke = False
        try:
            yield
        except PhotoError as error:
            broke = error.reason.policy.side is Side.LINK
            raise
        finally:
            with self._changed:
                self._busy -= 1
                if broke:
                    self._broke(breaks_before)
                else:
                    self._succeeded()
                self._changed.notify()

    def _broke(self, breaks_before: int) -> None:
        # One break ends all transfers in flight; it counts once.
        if breaks_before == self._breaks:
            self._breaks += 1
            self.open = max(1, self.open // 2)
        self._successes = 0

    def _succeeded(self) -> None:
        self._successes += 1
        if self._successes >= self.open and self.open < self._most:
            self.open += 1
            self._successes = 0
            self._changed.notify()
