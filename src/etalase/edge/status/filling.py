"""Computes how much of head office's list is here, and how long the rest takes. Pure."""

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
    """Head office's list as last known. ``tried`` photos failed at least once and are on the retry list.

    ``progressed_at`` is when an unfinished run last published a photo or made its plan; None without such a run.
    """

    listed: int
    here: int
    tried: int = 0
    eta_seconds: int | None = None
    progressed_at: datetime | None = None

    @property
    def is_filling(self) -> bool:
        """Returns whether photos are missing that no run has tried yet."""
        return self.listed - self.here > self.tried


def eta_seconds(left: Work, done: Work, took: timedelta) -> int | None:
    """Returns the seconds that ``left`` takes at the speed of ``done``; None without a measured speed.

    Small photos come first: an estimate by number alone is too short, one by bytes alone ignores the round trips. The longer of
    the two is returned.
    """
    seconds = took.total_seconds()
    if left.photos <= 0:
        return 0
    if done.photos <= 0 or seconds <= 0:
        return None
    by_photos = left.photos * seconds / done.photos
    by_bytes = left.size_bytes * seconds / done.size_bytes if done.size_bytes > 0 and left.size_bytes > 0 else 0.0
    return math.ceil(max(by_photos, by_bytes))
