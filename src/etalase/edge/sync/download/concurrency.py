"""Limits the transfers in flight: more where a link makes them wait for round trips, fewer where it keeps breaking.

The first byte of a photo shows the state of the link. If it takes no longer than a round trip does, nothing queues before the
link, and further transfers find room: the limit grows with each such byte, as TCP grows in its slow start (RFC 5681, section
3.1). Once first bytes take longer, the link is full, and more transfers would only lengthen the queue (TCP Vegas: Brakmo and
Peterson, 1995). Each break of the link halves the limit, because it ends all transfers.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from etalase.errors import PhotoError, Side

# Enough for a near server: more transfers at once make neither object store faster.
START: Final = 10
# One transfer for so much of a round trip from the beginning: with TCP's first window of 14.6 KB (RFC 6928) they fill a link of
# 12 Mbit/s at once.
SECONDS_A_TRANSFER: Final = 0.01
# A server that answers this soon is near, or busy: its round trips need no further transfers.
NEAR_SECONDS: Final = 0.02
# A first byte later than this share of a round trip and this time waited in a queue.
QUEUED, QUEUED_SECONDS = 1.25, 0.03
# So many queued first bytes in a row end the fast growth, because the packet of a single one may have been lost.
QUEUED_IN_A_ROW: Final = 2


class Lanes:
    """Allows ``open`` transfers at once, at most ``most``; ``start`` of them from the beginning."""

    def __init__(self, most: int, start: int | None = None) -> None:
        self.open = self._start = min(start or most, most)
        self._most = most
        self._busy = self._asking = self._successes = self._breaks = self._unqueued = self._queued = 0
        self._round_trip_seconds = float("inf")
        self._is_in_slow_start = True
        self._changed = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Waits for a lane and occupies it. A :class:`PhotoError` inside shows the state of the link."""
        with self._changed:
            self._asking += 1
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
                self._asking -= 1
                if broke:
                    self._broke(breaks_before)
                else:
                    self._succeeded()
                self._changed.notify()

    def connected(self, seconds: float) -> None:
        """Notes the round trip of a handshake with head office; before the first photo it tells how far away that is."""
        with self._changed:
            self._round_trip_seconds = min(self._round_trip_seconds, seconds)
            if self._is_in_slow_start:
                self._grow(round(seconds / SECONDS_A_TRANSFER) - self.open)

    def first_byte(self, seconds: float, round_trips: int = 1) -> None:
        """Notes a response that began after ``seconds``: those of ``round_trips``, two or more on a new connection.

        Only warm connections find room: a new one has its first byte before its window has grown, and before it fills a link.
        """
        with self._changed:
            seconds /= round_trips
            shortest = self._round_trip_seconds = min(self._round_trip_seconds, seconds)
            if seconds > shortest * QUEUED + QUEUED_SECONDS:
                self._found_queue()
            elif seconds > NEAR_SECONDS and round_trips == 1 and self._asking >= self.open:
                self._found_room()

    def _found_room(self) -> None:
        self._unqueued += 1
        self._queued = 0
        if self._is_in_slow_start:
            self._grow(1)
        elif self._unqueued >= self.open:
            self._unqueued = 0
            self._grow(1)

    def _found_queue(self) -> None:
        self._queued += 1
        if self._queued >= QUEUED_IN_A_ROW:
            self._is_in_slow_start = False
            self._unqueued = 0
        if self._queued >= self.open > self._start:
            self._queued = 0
            self.open = max(self._start, self.open * 7 // 8)

    def _broke(self, breaks_before: int) -> None:
        # One break ends all transfers in flight; it counts once.
        if breaks_before == self._breaks:
            self._breaks += 1
            self.open = max(1, self.open // 2)
            self._is_in_slow_start = False
        self._successes = 0

    def _succeeded(self) -> None:
        self._successes += 1
        if self._successes >= self.open and self.open < self._start:
            self._grow(1)
            self._successes = 0

    def _grow(self, lanes: int) -> None:
        more = max(0, min(lanes, self._most - self.open))
        self.open += more
        self._changed.notify(more)
