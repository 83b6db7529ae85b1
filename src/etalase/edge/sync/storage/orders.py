"""Reads and writes ``etalase_order``: head office's orders, and what became of them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec

from etalase.edge.database import translated
from etalase.edge.models import ReceivedOrder
from etalase.store_order import MAX_ORDERS, Order, OrderArguments, OrderKind, OrderOutcome, OrderResult

KEPT_FOR: Final = timedelta(days=90)
MAX_DETAIL_CHARS: Final = 500
# So that an error of head office's, or a clock that is set, keeps no order alive for longer.
LONGEST_LIFE: Final = timedelta(days=7)


def receive(orders: Sequence[Order], *, is_accepted: bool, now: datetime) -> list[UUID]:
    """Records the orders of an answer, and returns the ids of the new ones. What is known is not begun again.

    Head office repeats an order until it has the outcome: that of a known one is reported again. Without ``is_accepted`` an
    order ends at once, as one does of a kind that this release does not know.
    """
    if not orders:
        return []
    with translated():
        known = set(ReceivedOrder.objects.filter(pk__in=[order.id for order in orders]).values_list("pk", flat=True))
        new = [order for order in orders if order.id not in known]
        ReceivedOrder.objects.filter(pk__in=known, ended_at__isnull=False).update(is_reported=False)
        ReceivedOrder.objects.bulk_create([_row(one, is_accepted=is_accepted, now=now) for one in new], ignore_conflicts=True)
    return [order.id for order in new]


def _row(order: Order, *, is_accepted: bool, now: datetime) -> ReceivedOrder:
    outcome = ""
    if not is_accepted:
        outcome = OrderOutcome.NOT_ACCEPTED
    elif order.kind not in set(OrderKind):
        outcome = OrderOutcome.NOT_KNOWN
    return ReceivedOrder(
        id=order.id,
        kind=order.kind,
        args=msgspec.to_builtins(order.args),
        given_by=order.by,
        why=order.why,
        received_at=now,
        expires_at=now + min(timedelta(seconds=order.valid_seconds), LONGEST_LIFE),
        attempts=0,
        ended_at=now if outcome else None,
        outcome=outcome,
        detail="",
        removed_ids=[],
        is_reported=False,
    )


def waiting() -> list[ReceivedOrder]:
    """Returns the orders that are not carried out yet, the oldest first."""
    with translated():
        return list(ReceivedOrder.objects.filter(is_reported=False, ended_at__isnull=True).order_by("received_at", "pk"))


def begin(order: ReceivedOrder) -> None:
    """Counts an attempt, before the effect."""
    _change(order.pk, attempts=order.attempts + 1)


def put_back(order: ReceivedOrder) -> None:
    """Takes back an attempt that had no effect, because another run is in progress."""
    _change(order.pk, attempts=order.attempts)


def end(order_id: UUID, outcome: OrderOutcome, detail: str, *, at: datetime, removed_ids: Collection[UUID] = ()) -> bool:
    """Records the outcome, in the caller's transaction if there is one. Returns False where it has one already."""
    shown = detail if len(detail) <= MAX_DETAIL_CHARS else f"{detail[: MAX_DETAIL_CHARS - 1]}…"
    with translated():
        return bool(
            ReceivedOrder.objects.filter(pk=order_id, ended_at__isnull=True).update(
                ended_at=at, outcome=outcome.value, detail=shown, removed_ids=[str(one) for one in removed_ids]
            )
        )


def results() -> list[OrderResult]:
    """Returns the outcomes that head office does not have yet, the oldest first, as many as a report takes."""
    with translated():
        rows = ReceivedOrder.objects.filter(is_reported=False, ended_at__isnull=False).order_by("received_at", "pk")
        return [OrderResult(id=row.pk, outcome=row.outcome[:40], detail=row.detail) for row in rows[:MAX_ORDERS]]


def note_reported(order_ids: Iterable[UUID], *, now: datetime) -> None:
    """Records that head office has these outcomes, and drops orders of 90 days ago."""
    ids = list(order_ids)
    if not ids:
        return
    with translated():
        ReceivedOrder.objects.filter(pk__in=ids, ended_at__isnull=False).update(is_reported=True)
        ReceivedOrder.objects.filter(is_reported=True, received_at__lt=now - KEPT_FOR).delete()


def newest(most: int) -> list[ReceivedOrder]:
    """Returns the newest orders."""
    with translated():
        return list(ReceivedOrder.objects.order_by("-received_at", "pk")[:most])


def arguments(order: ReceivedOrder) -> OrderArguments:
    """Returns what the order is about. Raises :class:`msgspec.ValidationError` for a row that was changed by hand."""
    return msgspec.convert(order.args, OrderArguments)


def removed_by(order_id: UUID) -> list[UUID]:
    """Returns the photos that an approval removed; none of an order that is not known here."""
    with translated():
        kept = ReceivedOrder.objects.filter(pk=order_id).values_list("removed_ids", flat=True).first()
    try:
        return msgspec.convert(kept or [], list[UUID])
    except msgspec.ValidationError:
        return []


def _change(order_id: UUID, *, attempts: int) -> None:
    with translated():
        ReceivedOrder.objects.filter(pk=order_id, ended_at__isnull=True).update(attempts=attempts)
