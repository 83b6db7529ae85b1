"""Decides which changes a person has to confirm with a number: for import, prune and admin (hazard 75). Pure.

The edge has the same bound (:mod:`etalase.daily_bound`); here it stops a mistake before it leaves head office.
"""

from dataclasses import dataclass
from enum import StrEnum

from etalase.daily_bound import exceeds_bound


class ChangeKind(StrEnum):
    """The change that is counted: of dishes, and for ``CUT_OFF`` of stores that lose their last active account."""

    RENAMED = "renamed"
    REMOVED = "removed"
    BARE = "bare"
    UNSOLD = "unsold"
    LOST = "lost"
    CUT_OFF = "cut_off"


@dataclass(frozen=True, slots=True)
class Change:
    """The number of dishes that change ``now``, out of ``of``, in the company or store ``where``.

    ``lately`` is the number of dishes that changed in the same way within the last 24 hours.
    """

    where: str
    kind: ChangeKind
    now: int
    of: int
    lately: int = 0

    @property
    def exceeds_bound(self) -> bool:
        """Returns whether the change and those of the last 24 hours exceed the bound; never without a change now."""
        # Dishes that were removed or lost something are no longer among ``of``; renamed dishes still are.
        total = self.of if self.kind is ChangeKind.RENAMED else self.of + self.lately
        return self.now > 0 and exceeds_bound(self.now + self.lately, total=total)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The number that a person has to type for ``changes``, which touch ``number`` dishes in all.

    It has to be typed where a change exceeds the bound, or ``always``.
    """

    number: int
    changes: tuple[Change, ...]
    always: bool = False

    @property
    def beyond(self) -> tuple[Change, ...]:
        """Returns the changes that exceed the bound."""
        return tuple(change for change in self.changes if change.exceeds_bound)

    @property
    def is_required(self) -> bool:
        """Returns whether the number has to be typed."""
        return self.always or bool(self.beyond)

    def is_given_by(self, typed: str) -> bool:
        """Returns whether ``typed`` is the number, in ASCII digits, with only spaces around them."""
        return typed.strip() == str(self.number)
