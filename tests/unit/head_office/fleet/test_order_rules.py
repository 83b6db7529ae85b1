"""The numbers that orders ask for, and the state of an order in a store."""

from datetime import UTC, datetime, timedelta

import pytest

from etalase.head_office.fleet.order_rules import Approval, StoreOrderState, number_asked, state_of
from etalase.store_order import OrderKind

NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "is_all", "approvals", "number"),
    [
        (OrderKind.SYNC, False, [], None),
        (OrderKind.SYNC, True, [], 2),
        (OrderKind.APPROVE, False, [(3, 0, 4)], None),
        (OrderKind.APPROVE, False, [(4, 0, 4)], 4),
        (OrderKind.APPROVE, False, [(20, 0, 100)], None),
        (OrderKind.APPROVE, False, [(21, 0, 100)], 21),
        # Those of the last 24 hours count, and so do all stores of the order.
        (OrderKind.APPROVE, False, [(11, 10, 90), (1, 0, 90)], 12),
        (OrderKind.APPROVE, False, [(10, 10, 90), (1, 0, 90)], None),
        (OrderKind.APPROVE, True, [(21, 0, 100), (0, 0, 100)], 21),
        (OrderKind.APPROVE, True, [(1, 0, 100)], 2),
        # A store that has not reported lists nothing.
        (OrderKind.APPROVE, False, [(4, 0, 0)], 4),
        (OrderKind.APPROVE, False, [(0, 9, 0)], None),
        (OrderKind.REFUSE, False, [], None),
    ],
)
def test_all_stores_and_approvals_beyond_the_bound_ask_for_the_number(
    kind: OrderKind, is_all: bool, approvals: list[tuple[int, int, int]], number: int | None
) -> None:
    asked = number_asked(kind, is_all=is_all, stores=2, approvals=[Approval(*one) for one in approvals])
    assert (None if asked is None else asked.number) == number
    assert asked is None or f"number={number}" in asked.sentence


@pytest.mark.parametrize(
    ("is_ended", "is_cancelled", "is_sent", "age", "state"),
    [
        (False, False, False, 0, StoreOrderState.WAITING),
        (False, False, True, 0, StoreOrderState.SENT),
        (True, False, True, 0, StoreOrderState.ENDED),
        (False, True, True, 0, StoreOrderState.CANCELLED),
        (True, True, True, 8, StoreOrderState.ENDED),
        (False, False, True, 7, StoreOrderState.EXPIRED),
        (False, False, False, 7, StoreOrderState.EXPIRED),
        (False, True, False, 8, StoreOrderState.CANCELLED),
    ],
)
def test_an_order_has_the_first_state_that_applies(
    is_ended: bool, is_cancelled: bool, is_sent: bool, age: int, state: StoreOrderState
) -> None:
    expires_at = NOW + timedelta(days=7 - age)
    facts = {"is_ended": is_ended, "is_cancelled": is_cancelled, "is_sent": is_sent}
    assert state_of(**facts, expires_at=expires_at, now=NOW) is state
