"""Tries the rows of plans by the writes of a commit, in a transaction that is rolled back (docs/adr/0026)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.sync.plan.model import Kind, ProductPlan, Row
from etalase.edge.sync.product_result import ProductResult
from etalase.edge.sync.storage import photos
from etalase.edge.sync.storage.photo_rules import PhotoRules
from etalase.edge.sync.storage.photo_writes import write_rows, writer
from etalase.edge.sync.storage.product_groups import by_product
from etalase.edge.sync.storage.savepoints import bound_waits, check_at_once
from etalase.errors import RowRefused

# What a trigger may set without harm (:mod:`.photo_writes`).
_COMPARED: Final = ("filename", "size", "content_type", "version", "is_primary", "sort_order")


@dataclass(slots=True)
class Written:
    """The result of :func:`write_plans`: accepted and refused plans, and rows whose place another photo has taken.

    ``parked`` are plans whose product is not here. ``overruled`` has the columns of plans that change nothing, because a
    trigger of the customer's sets other values there.
    """

    accepted: list[ProductPlan] = field(default_factory=list)
    refused: dict[ProductPlan, RowRefused] = field(default_factory=dict)
    replaced: set[UUID] = field(default_factory=set)
    parked: list[ProductPlan] = field(default_factory=list)
    overruled: dict[ProductPlan, set[str]] = field(default_factory=dict)

    def add(self, other: "Written") -> None:
        """Adds the result of other plans."""
        self.accepted += other.accepted
        self.refused |= other.refused
        self.replaced |= other.replaced
        self.parked += other.parked
        self.overruled |= other.overruled


def try_plans(plans: Sequence[ProductPlan], *, rules: PhotoRules, together: bool) -> Written:
    """Writes the rows of plans as a commit will, and rolls back. Raises :class:`DatabaseBusy` where a row waits too long."""
    with translated(), transaction.atomic():
        bound_waits()
        written = write_plans(plans, rules=rules, together=together)
        transaction.set_rollback(True)
    return written


def write_plans(plans: Sequence[ProductPlan], *, rules: PhotoRules, together: bool = True) -> Written:
    """Writes the rows of plans, and nothing else, in a transaction that the caller rolls back.

    ``together``: photos of different products may exchange values of unique rules. Of a refused plan whose photos do not depend
    on each other, each photo is a plan of its own.
    """
    if rules.at_commit:
        check_at_once()
    written = Written()
    before = _rows_only(plans) if rules.triggers else {}
    refused = _write_results(plans, rules, written, together=together)
    parts = {plan: plan.apart() for plan in refused}
    again = _write_results(
        [part for some in parts.values() if len(some) > 1 for part in some], rules, written, together=together
    )
    written.refused = again | {plan: error for plan, error in refused.items() if len(parts[plan]) == 1}
    if before:
        written.overruled = _overruled(written.accepted, before)
        written.accepted = [plan for plan in written.accepted if plan not in written.overruled]
    return written


def _rows_only(plans: Sequence[ProductPlan]) -> dict[UUID, Row]:
    """Returns the existing rows of plans that change rows only."""
    steps = [step for plan in plans if not (plan.displaced or plan.leaving) for step in plan.steps]
    ids = [s.photo.id for s in steps if s.kind is Kind.ROW and s.row_key == s.photo.object_key and not s.is_interim]
    return {row.id: replace(row, updated_at=None) for row in photos.with_ids(ids)} if ids else {}


def _overruled(plans: Sequence[ProductPlan], before: Mapping[UUID, Row]) -> dict[ProductPlan, set[str]]:
    """Returns the plans whose writes left each row as it was ``before``, with the columns that head office lists otherwise."""
    after = {row.id: replace(row, updated_at=None) for row in photos.with_ids(before)}
    same = {photo_id for photo_id, row in before.items() if after.get(photo_id) == row}
    return {
        plan: {
            name
            for step in plan.steps
            for name in _COMPARED
            if getattr(step.photo, name) != getattr(after[step.photo.id], name)
        }
        for plan in plans
        if all(step.photo.id in same for step in plan.steps)
    }


def _write_results(
    plans: Sequence[ProductPlan], rules: PhotoRules, written: Written, *, together: bool
) -> dict[ProductPlan, RowRefused]:
    """Writes plans, and adds the accepted ones to ``written``. Returns the refused ones."""
    results = [ProductResult(plan, published=list(plan.steps)) for plan in plans]
    writes = writer(rules, lambda some: write_rows(some, rules))
    refused = {result.plan: error for result, error in by_product(results, writes, together=together)}
    accepted = [result for result in results if result.plan not in refused]
    written.accepted += [result.plan for result in accepted]
    written.replaced.update(one.row.id for result in accepted for one in result.replaced)
    return refused
