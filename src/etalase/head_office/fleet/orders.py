"""Gives orders to stores, cancels them, and keeps their results. Edges draw them with their reports (``receive.py``)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from etalase.daily_bound import PERIOD
from etalase.head_office import audit
from etalase.head_office.audit import Audited, Person
from etalase.head_office.database import prepared_cursor
from etalase.head_office.fleet.order_rules import LIVES_FOR, Approval, NumberAsked, number_asked
from etalase.head_office.fleet_models import StoreReport
from etalase.head_office.models import Store
from etalase.head_office.order_models import FleetOrder, StoreOrder
from etalase.store_order import MAX_ORDERS, Order, OrderArguments, OrderKind, OrderResult

# A result may come with the report after the order has expired.
KEPT_FOR: Final = timedelta(days=90)


class OrderRefused(Exception):
    """The order is not given. ``field`` is at fault; ``number`` is the one to confirm it, if one is asked for."""

    def __init__(self, field: str, problem: str, *, number: int | None = None) -> None:
        self.field, self.problem, self.number = field, problem, number
        super().__init__(f"{field}: {problem}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedOrder:
    """What a person orders. ``number`` confirms an order that asks for one."""

    kind: OrderKind
    args: OrderArguments
    why: str
    is_all: bool = False
    number: int | None = None


def give(person: Person, stores: Sequence[Store], wanted: WantedOrder) -> list[FleetOrder]:
    """Gives the order to the stores, which the caller has checked to be the person's, and audits it.

    Returns an order for each company. Raises :class:`OrderRefused`.
    """
    if not stores:
        raise OrderRefused("store_ids", "There is no store to give it to.")
    photos = _photos_decided(wanted, stores)
    asked = _number_asked(wanted, stores, photos)
    if asked is not None and wanted.number != asked.number:
        raise OrderRefused("number", asked.sentence, number=asked.number)
    undone = _undone(wanted, stores)
    by_company: dict[UUID, list[Store]] = {}
    for store in stores:
        by_company.setdefault(store.company_id, []).append(store)
    with transaction.atomic():
        return [
            _give(person, company_id, own, wanted, photos, undone) for company_id, own in sorted(by_company.items(), key=str)
        ]


def _give(
    person: Person,
    company_id: UUID,
    stores: Sequence[Store],
    wanted: WantedOrder,
    photos: Mapping[UUID, int],
    undone: Mapping[UUID, UUID],
) -> FleetOrder:
    order = FleetOrder.objects.create(
        company_id=company_id,
        kind=wanted.kind.value,
        args=msgspec.to_builtins(wanted.args),
        why=wanted.why,
        account_id=person.account_id,
        username=person.username,
        expires_at=timezone.now() + LIVES_FOR,
    )
    StoreOrder.objects.bulk_create(
        (
            StoreOrder(
                order=order,
                store=store,
                photos=photos.get(store.id, 0),
                args=msgspec.to_builtins(
                    OrderArguments(
                        photo_ids=wanted.args.photo_ids,
                        at_most=photos.get(store.id),
                        order_id=undone.get(store.id),
                    )
                ),
            )
            for store in stores
        ),
        batch_size=2000,
    )
    audit.note(person, Audited.ORDERED, [order], kind=wanted.kind.value, stores=len(stores), why=wanted.why)
    return order


def _photos_decided(wanted: WantedOrder, stores: Sequence[Store]) -> dict[UUID, int]:
    """Returns by store how many photos an approval or refusal decides on: those named, or all that its last report has."""
    if wanted.kind not in {OrderKind.APPROVE, OrderKind.REFUSE}:
        return {}
    if wanted.args.photo_ids:
        return {store.id: len(set(wanted.args.photo_ids)) for store in stores}
    held = dict(StoreReport.objects.filter(store__in=stores).values_list("store_id", "held"))
    return {store.id: held.get(store.id, 0) for store in stores}


def _number_asked(wanted: WantedOrder, stores: Sequence[Store], photos: Mapping[UUID, int]) -> NumberAsked | None:
    approvals = []
    if wanted.kind is OrderKind.APPROVE:
        listed = dict(StoreReport.objects.filter(store__in=stores).values_list("store_id", "listed"))
        lately = _approved_lately([store.id for store in stores])
        approvals = [Approval(photos[store.id], lately.get(store.id, 0), listed.get(store.id, 0)) for store in stores]
    return number_asked(wanted.kind, is_all=wanted.is_all, stores=len(stores), approvals=approvals)


def _approved_lately(store_ids: Collection[UUID]) -> dict[UUID, int]:
    """Returns by store how many removals were approved by orders of the last 24 hours."""
    given = StoreOrder.objects.filter(
        store__in=store_ids,
        order__kind=OrderKind.APPROVE,
        order__given_at__gt=timezone.now() - PERIOD,
        order__cancelled_at__isnull=True,
    )
    return {row["store_id"]: row["total"] for row in given.values("store_id").annotate(total=Sum("photos"))}


def _undone(wanted: WantedOrder, stores: Sequence[Store]) -> dict[UUID, UUID]:
    """Returns by store the approval that is to be undone, by the id that the edge knows."""
    if wanted.kind is not OrderKind.UNDO:
        return {}
    if bool(wanted.args.photo_ids) == (wanted.args.order_id is not None):
        raise OrderRefused("args", "To undo, name photo_ids, or by order_id the approval.")
    if wanted.args.order_id is None:
        return {}
    approvals = StoreOrder.objects.filter(order_id=wanted.args.order_id, order__kind=OrderKind.APPROVE, store__in=stores)
    found = dict(approvals.values_list("store_id", "id"))
    if missing := [store.code for store in stores if store.id not in found]:
        raise OrderRefused("args", f"{wanted.args.order_id} is no approval of: {', '.join(missing[:5])}.")
    return found


def cancel(person: Person, order: FleetOrder) -> int:
    """Cancels the order where it has no result yet, and audits that. Returns in how many stores; none for a second time.

    A store to which it was sent may still carry it out.
    """
    with transaction.atomic():
        order = FleetOrder.objects.select_for_update().get(pk=order.pk)
        if order.cancelled_at is not None:
            return 0
        stopped = StoreOrder.objects.filter(order=order, is_open=True).update(is_open=False)
        order.cancelled_at, order.cancelled_by = timezone.now(), person.username
        order.save(update_fields=["cancelled_at", "cancelled_by"])
        audit.note(person, Audited.ORDER_CANCELLED, [order], stores=stopped)
    return stopped


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order for the answer to a report, and whether an answer had it before."""

    order: Order
    is_sent: bool


class _OpenRow(Order, frozen=True, kw_only=True):
    is_sent: bool


def open_orders(kept: str | None) -> list[OpenOrder]:
    """Returns the open orders of a store from the JSON of :data:`OPEN_ORDERS`."""
    rows = msgspec.json.decode(kept, type=list[_OpenRow]) if kept else []
    return [
        OpenOrder(
            Order(id=row.id, kind=row.kind, args=row.args, valid_seconds=row.valid_seconds, by=row.by, why=row.why), row.is_sent
        )
        for row in rows
    ]


def drawn(store_id: UUID, kept: Sequence[OpenOrder], results: Sequence[OrderResult], *, now: datetime) -> list[Order]:
    """Keeps the results that a report brought, and returns the orders for its answer. Without both, costs nothing."""
    if results:
        with prepared_cursor() as cursor:
            for result in results:
                outcome, detail = result.outcome, result.detail
                cursor.execute(END, {"id": result.id, "store_id": store_id, "outcome": outcome, "detail": detail, "now": now})
    ended = {result.id for result in results}
    going = [one for one in kept if one.order.id not in ended]
    if new := [one.order.id for one in going if not one.is_sent]:
        with prepared_cursor() as cursor:
            cursor.execute(SEND, {"ids": new, "now": now})
    return [one.order for one in going]


def close_expired(now: datetime) -> int:
    """Closes orders that have expired, and deletes those of 90 days ago; in the worker. Returns the number of closed ones."""
    FleetOrder.objects.filter(given_at__lt=now - KEPT_FOR).delete()
    return StoreOrder.objects.filter(is_open=True, order__expires_at__lte=now).update(is_open=False)


def stores_of_order(order: FleetOrder) -> QuerySet[StoreOrder]:
    """Returns the order store by store."""
    return order.stores.select_related("store").order_by("store__code", "store_id")


OPEN_ORDERS = f"""
(SELECT json_agg(w)::text FROM (
    SELECT s.id, o.kind, s.args, s.sent_at IS NOT NULL AS is_sent, o.username AS by, o.why,
        ceil(extract(epoch FROM o.expires_at - head_office_clock()))::int AS valid_seconds
    FROM head_office_store_order s JOIN head_office_order o ON o.id = s.order_id
    WHERE s.store_id = %(store_id)s AND s.is_open AND o.expires_at > head_office_clock()
    ORDER BY o.given_at, s.id LIMIT {MAX_ORDERS}
) w)
"""

SEND = "UPDATE head_office_store_order SET sent_at = %(now)s WHERE id = ANY(%(ids)s::uuid[]) AND sent_at IS NULL"

# A result after the order was cancelled or has expired is kept, too.
END = """
UPDATE head_office_store_order
SET ended_at = %(now)s, outcome = %(outcome)s, detail = %(detail)s, is_open = false, sent_at = coalesce(sent_at, %(now)s)
WHERE id = %(id)s AND store_id = %(store_id)s AND ended_at IS NULL
"""
