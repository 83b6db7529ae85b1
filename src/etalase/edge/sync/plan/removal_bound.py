"""Decides which unlisted photos are removed: the bound on deletion (hazard 14, invariant I4). Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from etalase.daily_bound import exceeds_bound


class Cause(StrEnum):
    """The cause of a removal."""

    DELETED_ID = "deleted_id"
    SWEEP = "sweep"
    EMPTY_FEED = "empty_feed"
    UNPROVED_FEED = "unproved_feed"
    UNNAMED_FEED = "unnamed_feed"

    @classmethod
    def _missing_(cls, _value: object) -> "Cause":
        """Returns a cause that a person has to decide on, for one of another version or a damaged one."""
        return cls.UNPROVED_FEED

    @property
    def is_suspect(self) -> bool:
        """Returns whether a person has to decide, regardless of the number."""
        return self in {Cause.EMPTY_FEED, Cause.UNPROVED_FEED, Cause.UNNAMED_FEED}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo with a row that HO no longer lists."""

    photo_id: UUID
    product_id: UUID
    cause: Cause


@dataclass(slots=True)
class Decision:
    """The decision on all candidates. ``bare`` are products that lose their last photo by the applied removals."""

    apply: list[Candidate] = field(default_factory=list)
    hold: list[Candidate] = field(default_factory=list)
    wait: list[Candidate] = field(default_factory=list)
    bare: set[UUID] = field(default_factory=set)


def decide(
    candidates: Sequence[Candidate],
    photos_of: Mapping[UUID, Collection[UUID]],
    *,
    awaiting: Collection[UUID],
    products_with_a_photo: int,
    bared_lately: int,
) -> Decision:
    """Decides for each candidate: apply, hold or wait.

    ``photos_of`` are the current photos of each candidate's product; ``awaiting`` are products with a listed photo that has not
    arrived yet; ``bared_lately`` is the number of products that lost their last photo within 24 hours.

    * A removal that leaves its product another photo is applied.
    * A removal of the last photo waits while a new one is expected (invariant I2).
    * The others are all held if more than max(3, 20 %) of the products would lose their last photo in a day, or if the feed is
      empty, not proved complete, or does not name its store.
    """
    decision = Decision()
    going: dict[UUID, set[UUID]] = {}
    for candidate in candidates:
        going.setdefault(candidate.product_id, set()).add(candidate.photo_id)
    bare = {product for product, photos in going.items() if set(photos_of.get(product, ())) <= photos}
    suspect = {candidate.product_id for candidate in candidates if candidate.cause.is_suspect}
    would_go_bare = bare - set(awaiting) - suspect
    too_many = exceeds_bound(bared_lately + len(would_go_bare), total=products_with_a_photo + bared_lately)
    for candidate in candidates:
        product = candidate.product_id
        if product not in bare:
            (decision.hold if candidate.cause.is_suspect else decision.apply).append(candidate)
        elif product in awaiting:
            decision.wait.append(candidate)
        elif too_many or product in suspect:
            decision.hold.append(candidate)
        else:
            decision.apply.append(candidate)
            decision.bare.add(product)
    return decision
