"""Which photos that HO no longer lists really go: the bound on deletion (hazard 14, invariant I4). Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from etalase.daily_bound import exceeds_bound


class Cause(StrEnum):
    """Where a removal comes from."""

    DELETED_ID = "deleted_id"
    SWEEP = "sweep"
    EMPTY_FEED = "empty_feed"
    UNPROVED_FEED = "unproved_feed"
    UNNAMED_FEED = "unnamed_feed"

    @classmethod
    def _missing_(cls, _value: object) -> "Cause":
        """A cause that another version wrote, or that was scrambled: a person has to look."""
        return cls.UNPROVED_FEED

    @property
    def is_suspect(self) -> bool:
        """Whether a person has to look whatever the number."""
        return self in {Cause.EMPTY_FEED, Cause.UNPROVED_FEED, Cause.UNNAMED_FEED}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo that HO no longer lists, and that is still shown."""

    photo_id: UUID
    product_id: UUID
    cause: Cause


@dataclass(slots=True)
class Decision:
    """What becomes of the candidates. ``bare`` are products that lose their last photo by what is applied."""

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
    """Apply, hold or let wait.

    ``photos_of`` are the photos that each candidate's product has now; ``awaiting`` the products of which a living photo has
    not arrived yet; ``bared_lately`` the products that lost their last photo within 24 hours.

    * A removal that leaves its product another photo is no accident, and is applied.
    * One that would take the last photo waits while the product's new one is still to come (invariant I2).
    * The others are held, all of them, when with them more than max(3, 20 %) of the products would have gone bare in a day,
      or when the feed they come from is empty, was not proved complete, or does not say which store it is for.
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
