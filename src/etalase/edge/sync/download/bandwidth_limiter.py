"""Keeps one bandwidth limit for all downloads from head office: every worker, pages and photos together.

Bytes are counted as they come over the wire, heads not included. A worker pays after a piece has come, by sleeping until all
bytes so far fit under the limit; whoever came first, is served first. A sleeping worker reads nothing, so TCP slows the server.
"""

import threading
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Final

from etalase import formatting
from etalase.edge.sync.clock import Clock
from etalase.settings.bandwidth import Bandwidth, Step, time_text

# Unused bandwidth may be made up for this long; otherwise slightly too long sleeps would add up.
BURST_SECONDS: Final = 0.1
# The share that a worker takes before it pays, in seconds of the whole limit: small, so that ten workers stay near it.
SHARE_SECONDS: Final = 1 / 64
MIN_SHARE_BYTES, MAX_SHARE_BYTES = 1024, 64 * 1024
# The bytes in flight of one connection: full speed over a round trip of this length, and few when the link
# is shared. At high rates the system's own windows are smaller.
WINDOW_SECONDS: Final = 0.25
MIN_WINDOW_BYTES, MAX_WINDOW_BYTES = 8 * 1024, 128 * 1024
# The longest sleep before a look at whether the run was stopped.
STOP_SECONDS: Final = 0.5

_NEVER: Final = Step(None, float("inf"), float("-inf"))


@dataclass(slots=True)
class Limiter:
    """Applies the timetable. Several threads may call at once; ``stopped`` ends every sleep."""

    bandwidth: Bandwidth
    zone: tzinfo
    clock: Clock
    stopped: threading.Event
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _paid_until: float | None = None
    _step: Step = _NEVER

    @property
    def bytes_per_second(self) -> int | None:
        """Returns the rate in force now; None: no limit."""
        return self._step_at(self.clock.now()).bytes_per_second

    @property
    def share_bytes(self) -> int:
        """Returns the bytes that a worker takes before it pays for them."""
        rate = self.bytes_per_second
        return MAX_SHARE_BYTES if rate is None else round(min(max(rate * SHARE_SECONDS, MIN_SHARE_BYTES), MAX_SHARE_BYTES))

    @property
    def window_bytes(self) -> int | None:
        """Returns the bytes in flight that a new connection may have; None: the system decides."""
        rate = self.bytes_per_second
        if rate is None or rate * WINDOW_SECONDS > MAX_WINDOW_BYTES:
            return None
        return round(max(rate * WINDOW_SECONDS, MIN_WINDOW_BYTES))

    def pay(self, size_bytes: int) -> float:
        """Sleeps until ``size_bytes`` more fit under the limit; returns the seconds slept. Raises nothing."""
        with self._lock:
            began = self.clock.monotonic()
            start = began if self._paid_until is None else max(self._paid_until, began - BURST_SECONDS)
            until = self._paid_until = start + self._seconds_for(size_bytes, self.clock.now() + start - began)
        while (left := until - self.clock.monotonic()) > 0 and not self.stopped.is_set():
            self.clock.sleep(min(left, STOP_SECONDS))
        return self.clock.monotonic() - began

    def seconds_for(self, size_bytes: int) -> float | None:
        """Returns the time that ``size_bytes`` take from now on; None while there is no limit."""
        now = self.clock.now()
        return None if self._step_at(now).bytes_per_second is None else self.bandwidth.seconds_for(size_bytes, now, self.zone)

    def describe(self) -> str:
        """Returns the limit in force, for people: ``limit 512 KiB/s until 23:00``; empty where there is never one."""
        if self.bandwidth.is_off:
            return ""
        now = self.clock.now()
        step = self._step_at(now)
        said = "no limit" if step.bytes_per_second is None else f"limit {formatting.rate(step.bytes_per_second)}"
        return f"{said} until {time_text(step.ends, now, self.zone)}" if self.bandwidth.is_timetable else said

    def _seconds_for(self, size_bytes: int, at: float) -> float:
        step = self._step_at(at)
        if step.bytes_per_second is None:
            return 0.0
        seconds = size_bytes / step.bytes_per_second
        return seconds if at + seconds <= step.ends else self.bandwidth.seconds_for(size_bytes, at, self.zone)

    def _step_at(self, at: float) -> Step:
        # Looked up again when the clock passes a step, or was set back. Two threads may do so at once, with the same result.
        step = self._step
        if not step.begins <= at < step.ends:
            step = self._step = self.bandwidth.at(at, self.zone)
        return step
