"""Reads what the card of orders on a store's page shows: a form, and the orders given lately."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from etalase.head_office.fleet.order_rules import StoreOrderState, state_of
from etalase.head_office.fleet_pages import words
from etalase.head_office.models import Account
from etalase.head_office.order_models import StoreOrder
from etalase.head_office.permissions import Right, may
from etalase.store_order import OrderKind

# An undo names an approval or photos: it is given over the API.
KINDS: Final = tuple(kind for kind in OrderKind if kind is not OrderKind.UNDO)
SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """An order that was not given: the reason, and what the person had chosen and written."""

    problem: str
    kind: str
    why: str
    asks_number: bool = False


def order_card(account: Account, store_id: UUID, refusal: RefusedOrder | None = None) -> dict[str, Any] | None:
    """Returns the card, None for an account that may give no orders."""
    if not may(account, Right.ORDER_STORES):
        return None
    rows = StoreOrder.objects.filter(store=store_id).select_related("order").order_by("-order__given_at")[:SHOWN]
    chosen = refusal.kind if refusal else ""
    return {
        "kinds": [
            {"value": kind.value, "name": words.say(f"order_{kind}"), "is_chosen": kind.value == chosen} for kind in KINDS
        ],
        "refusal": refusal,
        "rows": [_row(row) for row in rows],
    }


def _row(row: StoreOrder) -> dict[str, Any]:
    order = row.order
    state = state_of(
        is_ended=row.ended_at is not None,
        is_cancelled=order.cancelled_at is not None,
        is_sent=row.sent_at is not None,
        expires_at=order.expires_at,
        now=timezone.now(),
    )
    outcome = words.outcome(row.outcome) if row.outcome else words.say(f"order_state_{state}")
    at = row.ended_at or row.sent_at
    return {
        "id": order.id,
        "name": words.say(f"order_{order.kind}"),
        "by": words.say("order_by", name=order.username, time=words.moment(order.given_at)),
        "why": order.why,
        "outcome": f"{outcome} {words.moment(at)}" if at else outcome,
        "detail": row.detail,
        "can_stop": state in {StoreOrderState.WAITING, StoreOrderState.SENT},
    }
