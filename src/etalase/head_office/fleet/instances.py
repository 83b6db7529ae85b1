"""Tells new reports from replays, and one edge from two: by instance and sequence. Pure.

An edge counts its reports. A known number with the same content is a replay. A number that was used, with other content, comes
from a second machine with the same database (a clone) or from an edge restored from a backup. The answer names the greatest
number, after which a restored edge goes on; two machines collide again and again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec

MAX_INSTANCES: Final = 4
MAX_RECENT: Final = 24
# So many reports in a row without a collision prove that one machine counts.
SETTLED_AFTER_REPORTS: Final = 6
# An instance that was replaced counts as a second edge until it has been silent for so long.
OTHER_COUNTS_FOR: Final = timedelta(hours=24)


class Receipt(StrEnum):
    """What a report is to head office."""

    NEW = "new"
    REPLAY = "replay"
    DIVERGED = "diverged"


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """An edge as its reports show it: the greatest sequence, and the content of the last ones as ``(sequence, hash)``.

    ``steady`` counts the reports since the last collision; None without any collision.
    """

    id: UUID
    first_at: datetime
    last_at: datetime
    sequence: int
    recent: list[tuple[int, str]]
    steady: int | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """The receipt of a report, and the instances of the store from now on, the reporting one first."""

    receipt: Receipt
    instances: tuple[Instance, ...]

    @property
    def current(self) -> Instance:
        """Returns the instance that reported."""
        return self.instances[0]


def receive(known: Sequence[Instance], *, instance: UUID, sequence: int, content: str, now: datetime) -> Received:
    """Returns what the report is. ``content`` is a hash of the report."""
    mine = next((one for one in known if one.id == instance), None)
    others = [one for one in known if one.id != instance]
    if mine is None:
        mine = Instance(id=instance, first_at=now, last_at=now, sequence=sequence, recent=[(sequence, content)])
        return Received(Receipt.NEW, (mine, *others[: MAX_INSTANCES - 1]))
    if (sequence, content) in mine.recent:
        # Moves nothing, not even the order: a replay does not show that the edge is alive.
        return Received(Receipt.REPLAY, (mine, *others))
    receipt = Receipt.NEW if sequence > mine.sequence else Receipt.DIVERGED
    steady = mine.steady
    if receipt is Receipt.DIVERGED:
        steady = 0
    elif steady is not None:
        steady = steady + 1 if steady + 1 < SETTLED_AFTER_REPORTS else None
    mine = Instance(
        id=instance,
        first_at=mine.first_at,
        last_at=now,
        sequence=max(sequence, mine.sequence),
        recent=[(sequence, content), *mine.recent][:MAX_RECENT],
        steady=steady,
    )
    return Received(receipt, (mine, *others[: MAX_INSTANCES - 1]))


def is_cloned(instance: Instance) -> bool:
    """Returns whether reports of this instance collided lately."""
    return instance.steady is not None


def second_seen_at(instances: Sequence[Instance]) -> datetime | None:
    """Returns when another edge last reported for the store after the current one had begun, or None."""
    if not instances:
        return None
    current, *others = instances
    return max((other.last_at for other in others if other.last_at > current.first_at), default=None)
