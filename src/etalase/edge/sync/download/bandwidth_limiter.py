"""Applies one bandwidth limit to all downloads from head office: all workers, pages and photos together.

The bytes of bodies count as transferred. A worker pays after each piece: it sleeps until all bytes so far fit under the limit,
first come, first served. A sleeping worker reads nothing, so TCP slows the server.
"""

import threading
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final

from etalase import formatting
from etalase.edge.clock import Clock
from etalase.settings.bandwidth import Bandwidth, RateStep, time_text

# Unused bandwidth of this long may be used later; otherwise sleeps that are slightly too long would add up.
BURST_SECONDS: Final = 0.1
# A worker's share before it pays, in seconds of the whole limit: small, so that ten workers stay near the limit.
SHARE_SECONDS: Final = 1 / 64
MIN_SHARE_BYTES, MAX_SHARE_BYTES = 1024, 64 * 1024
# Limits the bytes in flight of a connection: full speed over a round trip of this length, and few bytes on a shared link. At
# high rates the system's own windows are smaller.
WINDOW_SECONDS: Final = 0.25
MIN_WINDOW_BYTES, MAX_WINDOW_BYTES = 8 * 1024, 128 * 1024
# The longest sleep between two checks of the stop signal.
STOP_SECONDS: Final = 0.5

_NEVER: Final = RateStep(None, float("inf"), float("-inf"))


@dataclass(slots=True)
class Limiter:
    """Applies the timetable, in several threads at once. ``stopped`` ends each sleep."""

    bandwidth: Bandwidth
    zone: tzinfo
    clock: Clock
    stopped: threading.Event
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _paid_until: float | None = None
    _step: RateStep = _NEVER

    @property
    def bytes_per_second(self) -> int | None:
        """Returns the rate in force now; None: no limit."""
        return self._step_at(self.clock.now()).bytes_per_second

    @property
    def share_bytes(self) -> int:
        """Returns the bytes that a worker receives before it pays."""
        rate = self.bytes_per_second
        return MAX_SHARE_BYTES if rate is None else round(min(max(rate * SHARE_SECONDS, MIN_SHARE_BYTES), MAX_SHARE_BYTES))

    @property
    def window_bytes(self) -> int | None:
        """Returns the limit of bytes in flight for a new connection; None: the system decides."""
        rate = self.bytes_per_second
        if rate is None or rate * WINDOW_SECONDS > MAX_WINDOW_BYTES:
            return None
        return round(max(rate * WINDOW_SECONDS, MIN_WINDOW_BYTES))

    def pay(self, size_bytes: int) -> float:
        """Sleeps until ``size_bytes`` more fit under the limit. Returns the seconds slept."""
        with self._lock:
            began = self.clock.monotonic()
            start = began if self._paid_until is None else max(self._paid_until, began - BURST_SECONDS)
            until = self._paid_until = start + self._seconds_for(size_bytes, self.clock.now() + start - began)
        while (left := until - self.clock.monotonic()) > 0 and not self.stopped.is_set():
            self.clock.sleep(min(left, STOP_SECONDS))
        return self.clock.monotonic() - began

    def seconds_for(self, size_bytes: int) -> float | None:
        """Returns the seconds that ``size_bytes`` take from now on; None while there is no limit."""
        now = self.clock.now()
        return None if self._step_at(now).bytes_per_second is None else self.bandwidth.seconds_for(size_bytes, now, self.zone)

    def describe(self) -> str:
        """Returns the limit in force, for people: ``limit 512 KiB/s until 23:00``; empty where there is never one."""
        if self.bandwidth.is_off:
            return ""
        now = self.clock.now()
        step = self._step_at(now)
        text = "no limit" if step.bytes_per_second is None else f"limit {formatting.rate(step.bytes_per_second)}"
        return f"{text} until {time_text(step.ends, now, self.zone)}" if self.bandwidth.is_timetable else text

    def _seconds_for(self, size_bytes: int, at: float) -> float:
        step = self._step_at(at)
        if step.bytes_per_second is None:
            return 0.0
        seconds = size_bytes / step.bytes_per_second
        return seconds if at + seconds <= step.ends else self.bandwidth.seconds_for(size_bytes, at, self.zone)

    def _step_at(self, at: float) -> RateStep:
        # The clock may pass a step or be set back. Two threads may look the step up at once, with the same result.
        step = self._step
        if not step.begins <= at < step.ends:
            step = self._step = self.bandwidth.at(at, self.zone)
        return step
