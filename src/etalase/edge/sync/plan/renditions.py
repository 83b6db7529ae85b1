"""Decides about renditions: the pause after a failure, and when a run stops trying. Pure.

A rendition is tried once a run, and neither delays nor fails its photo (ADR 0030).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from etalase.errors import Reason, ReasonClass
from etalase.renditions import FIRST_WIDTH, WireRendition

FIRST_PAUSE: Final = timedelta(minutes=30)
MAX_PAUSE: Final = timedelta(hours=24)
MAX_ATTEMPTS: Final = 1_000_000
# After so many failures the listed address may be outdated: only the full list has the new one.
ASKS_FOR_LIST: Final = 3
# The deadline for a connection, and for each pause of a transfer. If nothing arrives for as long and the link fails, the host
# is unresponsive: it delays the photos by about so many seconds, with any number of workers.
MAX_WAIT_SECONDS: Final = 5
# Refusals cost one round trip each.
MAX_TRANSIENT_IN_A_ROW: Final = 5
MAX_FAILURES_IN_A_ROW: Final = 20


class RenditionSet(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The renditions that head office lists for a photo; an empty set where it lists none.

    ``product_id``, ``is_primary`` and ``sort_order`` are the photo's, ``photo_checksum`` the MD5 of its bytes.
    """

    photo_id: UUID
    product_id: UUID
    is_primary: bool
    sort_order: int
    photo_checksum: str
    thumbhash: str
    renditions: tuple[WireRendition, ...]


@dataclass(frozen=True, slots=True)
class WantedRendition:
    """A rendition to fetch, with the fields that a transfer needs. ``heals``: it was here and is missing or damaged."""

    id: int
    photo_id: UUID
    object_key: str
    width: int
    height: int
    size: int
    checksum: str
    content_type: str
    image_url: str
    attempts: int
    heals: bool


def shown_first(sets: Iterable[RenditionSet]) -> Iterator[WireRendition]:
    """Yields the rendition of each primary photo that a menu needs first: the one whose width is closest to FIRST_WIDTH."""
    for one in sets:
        if one.is_primary and one.renditions:
            yield min(one.renditions, key=lambda rendition: abs(rendition.width - FIRST_WIDTH))


def makes_own(setting: str, *, offered: bool) -> bool:
    """Returns whether the edge makes renditions, by ETALASE_RENDITIONS and by what head office offers."""
    return setting == "edge" or (setting == "auto" and not offered)


def pause(attempts: int) -> timedelta:
    """Returns the time for which scheduled runs leave a rendition alone after its ``attempts``-th failure."""
    return min(FIRST_PAUSE * 2.0 ** (attempts - 1), MAX_PAUSE) if attempts < 12 else MAX_PAUSE


@dataclass(slots=True)
class RenditionBreaker:
    """Decides that the run stops trying: renditions must not delay the photos, which come after them.

    ``began`` is when the run began to try, or when the last rendition arrived.
    """

    began: float
    transient: int = 0
    failures: int = 0

    def record(self, failure: Reason | None, *, at: float) -> None:
        """Counts a failure at this moment of a monotonic clock; None for a rendition that arrived: a new count begins."""
        if failure is None:
            self.transient, self.failures, self.began = 0, 0, at
            return
        self.failures += 1
        if failure.policy.kind is ReasonClass.TRANSIENT or failure.policy.concerns_bucket:
            is_hopeless = failure.policy.is_full or at - self.began >= MAX_WAIT_SECONDS
            self.transient += MAX_TRANSIENT_IN_A_ROW if is_hopeless else 1

    @property
    def is_open(self) -> bool:
        """Returns whether no further rendition is tried in this run."""
        return self.transient >= MAX_TRANSIENT_IN_A_ROW or self.failures >= MAX_FAILURES_IN_A_ROW
