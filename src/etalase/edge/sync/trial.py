"""Tries the work of a dry run against the customer's rules: by the writes of a run, in transactions that are rolled back.

Another program may write to the table meanwhile: a trial waits only shortly for its locks, and holds its own for few rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final
from uuid import UUID

from django.db import transaction

from etalase.edge.database import cursor, translated
from etalase.edge.sync import storage
from etalase.edge.sync.plan.model import ProductPlan
from etalase.edge.sync.products import fitting
from etalase.edge.sync.services import Services
from etalase.edge.sync.storage.photo_trials import Written
from etalase.edge.sync.storage.products import ProductRow

# The plans, or removals, of one transaction.
MAX_TRIED: Final = 1000
# Shorter than PostgreSQL's deadlock_timeout, so that in a deadlock with another program the trial gives up first.
MAX_WAIT_MS: Final = 200
MAX_STATEMENT_MS: Final = 5000


def try_plans(services: Services, plans: Iterable[ProductPlan]) -> Iterator[Written]:
    """Yields the accepted and the refused plans, in batches of at most :data:`MAX_TRIED`.

    Raises :class:`DatabaseRefused` where the database does not let a batch be tried.
    """
    rest = iter(plans)
    while some := list(islice(rest, MAX_TRIED)):
        written = Written(accepted=some)
        if any(services.rules.concern(plan) for plan in some):
            with _rolled_back():
                missing = _write_products(services, some)
                here = [plan for plan in some if plan.product_id not in missing]
                written = storage.photo_trials.write_plans(here, rules=services.rules)
                written.parked = [plan for plan in some if plan.product_id in missing]
        yield written


def try_removals(services: Services, photo_ids: Sequence[UUID], plans: Sequence[ProductPlan]) -> dict[UUID, str]:
    """Returns the rule that keeps each row that a run would not be able to delete. ``plans`` are those of its products."""
    blocked: dict[UUID, str] = {}
    if not services.rules.for_deletes:
        return blocked
    for start in range(0, len(photo_ids), MAX_TRIED):
        some = photo_ids[start : start + MAX_TRIED]
        products = {row.product_id for row in storage.photos.with_ids(some)}
        before = [plan for plan in plans if plan.product_id in products]
        with _rolled_back():
            _write_products(services, before)
            storage.photo_trials.write_plans(before, rules=services.rules)
            blocked |= storage.removed_rows.delete(some, rules=services.rules, at=services.clock.utc()).blocked
    return blocked


def _write_products(services: Services, plans: Iterable[ProductPlan]) -> set[UUID]:
    """Writes the missing products of a standalone edge, as a run does before their photos. Returns those that are refused."""
    refused: Sequence[tuple[ProductRow, object]] = ()
    if services.products.is_ours:
        photos = {plan.product_id: step.photo for plan in plans for step in plan.steps}
        missing = photos.keys() - services.products.existing(photos.keys()).keys()
        texts = {id_: fitting((photos[id_].product_sku or "", photos[id_].product_name or "")) for id_ in missing}
        refused = services.products.write([ProductRow(id_, *both) for id_, both in texts.items()])
    return {product.id for product, _ in refused}


@contextmanager
def _rolled_back() -> Iterator[None]:
    with translated(), transaction.atomic():
        with cursor() as db:
            # A dry run's session is read-only.
            db.execute("SET TRANSACTION READ WRITE")
            db.execute(f"SET LOCAL lock_timeout = {MAX_WAIT_MS}; SET LOCAL statement_timeout = {MAX_STATEMENT_MS}")
        yield
        transaction.set_rollback(True)
