"""How much of head office's list is here, and how long the rest takes. Pure."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Work:
    """Photos and the bytes to fetch for them."""

    photos: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownList:
    """Head office's list as the edge last heard it. ``tried`` photos failed at least once: they are on the retry list.

    ``progressed_at`` is when a run last brought something of it, or planned to; None where no run is unfinished.
    """

    listed: int
    here: int
    tried: int = 0
    eta_seconds: int | None = None
    progressed_at: datetime | None = None

    @property
    def is_filling(self) -> bool:
        """Whether photos are missing for no other reason than that no run has brought them yet."""
        return self.listed - self.here > self.tried


def eta_seconds(left: Work, done: Work, took: timedelta) -> int | None:
    """How long ``left`` takes at the speed of ``done``; None where no speed was measured.

    Small photos come first: by their number alone, the rest looks too short; by their bytes alone, too long where each costs a
    round trip. The longer of the two is said.
    """
    seconds = took.total_seconds()
    if left.photos <= 0:
        return 0
    if done.photos <= 0 or seconds <= 0:
        return None
    by_photos = left.photos * seconds / done.photos
    by_bytes = left.size_bytes * seconds / done.size_bytes if done.size_bytes > 0 and left.size_bytes > 0 else 0.0
    return math.ceil(max(by_photos, by_bytes))
