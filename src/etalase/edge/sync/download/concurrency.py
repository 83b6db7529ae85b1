"""How many transfers run at once: fewer on a link that keeps breaking, since a break costs what was under way in all of them.

Halved when the link breaks, one more when as many as there are went well: TCP's own answer (RFC 5681, section 3.1).
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from etalase.errors import PhotoError, Side


class Lanes:
    """So many transfers at once, at most ``most``; ``open`` says how many now."""

    def __init__(self, most: int) -> None:
        self.open = self._most = most
        self._busy = self._went_well = self._breaks = 0
        self._changed = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Wait for a lane, and use it. A :class:`PhotoError` that comes out tells how the link is."""
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
                    self._fine()
                self._changed.notify()

    def _broke(self, breaks_before: int) -> None:
        # A cut ends all transfers under way, and is one break.
        if breaks_before == self._breaks:
            self._breaks += 1
            self.open = max(1, self.open // 2)
        self._went_well = 0

    def _fine(self) -> None:
        self._went_well += 1
        if self._went_well >= self.open and self.open < self._most:
            self.open += 1
            self._went_well = 0
            self._changed.notify()
