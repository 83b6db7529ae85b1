"""How much may change at once before a person confirms it by number: the rule of import, prune and admin. Pure.

The edge has the same bound for removals (``edge.sync.removal``); this one stands before the mistake leaves head office.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MIN_DISHES = 3
MAX_SHARE = 0.2


class Kind(StrEnum):
    """What happens to the dishes that are counted."""

    RENAMED = "renamed"
    REMOVED = "removed"
    BARE = "bare"
    UNSOLD = "unsold"
    LOST = "lost"
    CUT_OFF = "cut_off"


@dataclass(frozen=True, slots=True)
class Change:
    """How many of ``of`` dishes change ``now``, and how many did ``lately`` (24 hours). ``where``: a company or a store.

    For ``CUT_OFF`` stores are counted instead of dishes: those that lose their last active account.
    """

    where: str
    kind: Kind
    now: int
    of: int
    lately: int = 0

    @property
    def is_beyond(self) -> bool:
        """Whether this is more than max(3, 20 %) in a day; what went lately is no longer among ``of``, what was renamed is."""
        before = self.of if self.kind is Kind.RENAMED else self.of + self.lately
        return self.now > 0 and self.now + self.lately > max(MIN_DISHES, MAX_SHARE * before)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a person has to confirm by typing ``number``, and which changes are ``beyond`` the bound."""

    number: int
    beyond: tuple[Change, ...]

    @property
    def asks(self) -> bool:
        """Whether the number has to be typed."""
        return bool(self.beyond)

    def is_answered_by(self, typed: str) -> bool:
        """Whether ``typed`` is the number, in ASCII digits and spaces around them only."""
        return typed.strip() == str(self.number)


def decide(changes: Iterable[Change], *, number: int) -> Decision:
    """Returns the decision on ``changes``, which touch ``number`` dishes in all."""
    return Decision(number, tuple(change for change in changes if change.is_beyond))
