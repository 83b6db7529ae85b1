"""Writes products so that one refused product costs no other, and photos that exchange unique values make room first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.sync.product_result import ProductResult
from etalase.edge.sync.storage.room import Leaving, Room, Way
from etalase.edge.sync.storage.savepoints import apart
from etalase.errors import RowRefused

Refused = list[tuple[ProductResult, RowRefused]]
Group = list[ProductResult]
# A unique index or constraint, and an exclusion.
OF_UNIQUE: Final = ("23505", "23P01")


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes results, and makes room for results where a unique rule refuses the order of their writes.

    ``ways`` are tried in their order, those of one list until one makes room.
    """

    write: Callable[[Sequence[ProductResult]], object]
    make_room: Callable[[Sequence[ProductResult], Room], object]
    ways: Sequence[Sequence[Way]]


def by_product(batch: Sequence[ProductResult], writer: Writer, *, together: bool) -> Refused:
    """Writes all, else in halves of whole products, else the parts of a product one by one.

    The photos of a product make room for each other where a unique rule refuses their order. ``together``: so do the photos of
    different products, because head office may exchange values between them.
    """
    products: dict[UUID, Group] = {}
    for result in batch:
        products.setdefault(result.plan.product_id, []).append(result)
    refused = apart(list(products.values()), lambda groups: writer.write(_flat(groups)))
    stuck = [group for group, error in refused if error.state in OF_UNIQUE]
    placed: list[Group] = []
    for crowd in [stuck] if together and stuck else [[group] for group in stuck]:
        placed += _placed(crowd, writer)
    rest: Refused = []
    for group, error in refused:
        if group not in placed:
            rest += apart(group, writer.write) if len(group) > 1 else [(group[0], error)]
    return rest


def _placed(groups: Sequence[Group], writer: Writer) -> list[Group]:
    """Writes groups that make room for each other. Returns those that PostgreSQL accepts."""
    rest = list(groups)
    has_leaving = any(result.plan.leaving for result in _flat(groups))
    for leaving in Leaving if has_leaving else [Leaving.STAY]:
        for ways in writer.ways:
            for way in ways:
                left = _settled(rest, Room(way, leaving), writer)
                if left is not None:
                    rest = left
                    break
            if not rest:
                return list(groups)
    return [group for group in groups if group not in rest]


def _settled(groups: list[Group], room: Room, writer: Writer) -> list[Group] | None:
    """Writes as many groups as can be written together. Returns the others, or None where there is no such room.

    A refused group keeps its rows as they are, and with them the places that others wait for: each refusal begins anew.
    """
    some = groups
    while some:
        stuck: list[tuple[Group, RowRefused]] = []
        try:
            with translated(), transaction.atomic():
                writer.make_room(_flat(some), room)
                stuck = apart(some, lambda few: writer.write(_flat(few)))
                transaction.set_rollback(bool(stuck))
        except RowRefused:
            _forget(some)
            return None
        if not stuck:
            return [group for group in groups if group not in some]
        _forget(some)
        refused = [group for group, _ in stuck]
        some = [group for group in some if group not in refused]
    return groups


def _forget(groups: Sequence[Group]) -> None:
    for result in _flat(groups):
        result.replaced, result.lifted = [], {}


def _flat(groups: Sequence[Group]) -> Group:
    return [result for group in groups for result in group]
