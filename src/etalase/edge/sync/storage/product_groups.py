"""Writes products so that the photos of one, or of several that exchange photos, go together where a rule asks for it."""

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final
from uuid import UUID

from etalase.edge.sync.product_result import ProductResult
from etalase.edge.sync.storage import photos
from etalase.edge.sync.storage.savepoints import apart
from etalase.errors import RowRefused

Refused = list[tuple[ProductResult, RowRefused]]
# A unique index or constraint, and an exclusion.
_OF_UNIQUE: Final = ("23505", "23P01")


class Room(Enum):
    """How rows make room for each other, where a unique rule refuses the order of their writes."""

    NONE = "none"
    MOVE = "move"  # existing rows of listed photos get values of their own first
    MOVE_ALL = "move all"  # also those rows that head office no longer lists; they are deleted last
    DELETE = "delete"  # these are deleted first


def by_product(batch: Sequence[ProductResult], write: Callable[[Sequence[ProductResult], Room], object]) -> Refused:
    """Writes all, else in halves of whole products, else the parts of a product one by one.

    The photos of a product go together, because they may exchange values that a rule wants to be different. Where such a rule
    refuses their order, they make room for each other first; so do products that give photos to each other.
    """
    products: dict[UUID, list[ProductResult]] = {}
    for result in batch:
        products.setdefault(result.plan.product_id, []).append(result)
    refused: Refused = []

    def write_groups(groups: Sequence[list[ProductResult]]) -> None:
        write([result for group in groups for result in group], Room.NONE)

    stuck = [
        (group, error)
        for group, error in apart(list(products.values()), write_groups)
        if error.state not in _OF_UNIQUE or not _makes_room(group, write)
    ]
    exchanged = [
        some for some in _exchanging(group for group, error in stuck if error.state in _OF_UNIQUE) if _makes_room(some, write)
    ]
    done = {result.plan.product_id for some in exchanged for result in some}
    for group, error in stuck:
        if group[0].plan.product_id in done:
            continue
        refused += apart(group, lambda some: write(some, Room.NONE)) if len(group) > 1 else [(group[0], error)]
    return refused


def _exchanging(groups: Iterable[list[ProductResult]]) -> list[list[ProductResult]]:
    """Returns together the products of ``groups`` that give photos to each other."""
    together = {group[0].plan.product_id: group for group in groups}
    if len(together) < 2:
        return []
    steps = {step.photo.id: step for group in together.values() for result in group for step in result.published}
    for row in photos.with_ids(steps):
        one, other = together.get(row.product_id), together[steps[row.id].photo.product_id]
        if one is not None and one is not other:
            merged = one + other
            together.update((result.plan.product_id, merged) for result in merged)
    unique = {id(group): group for group in together.values()}.values()
    return [group for group in unique if len({result.plan.product_id for result in group}) > 1]


def _makes_room(group: Sequence[ProductResult], write: Callable[[Sequence[ProductResult], Room], object]) -> bool:
    """Writes photos that make room for each other first. Returns whether PostgreSQL accepts them."""
    leaving = any(result.plan.leaving for result in group)
    for room in (Room.MOVE, Room.MOVE_ALL, Room.DELETE) if leaving else (Room.MOVE,):
        if not apart([group], lambda groups, room=room: write(groups[0], room)):  # type: ignore[misc]
            return True
    return False
