"""Orders on the wire: each half reads those of the other, also of the next release."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from etalase.edge.sync.reporter import readable
from etalase.store_order import MAX_ORDERS, Order, OrderArguments, OrderKind

ID = "0d4e5c1a-7f0e-4c55-9a8b-3c2d1e0f4a5b"


def on_the_wire(*orders: Any) -> list[msgspec.Raw]:
    """Returns the entries of an answer."""
    return [msgspec.Raw(msgspec.json.encode(order)) for order in orders]


def test_an_order_of_head_office_is_read_by_the_edge() -> None:
    sent = Order(id=UUID(ID), kind=OrderKind.APPROVE, args=OrderArguments(at_most=6), valid_seconds=7, by="ops", why="a menu")
    assert readable(on_the_wire(sent), Order, most=MAX_ORDERS) == [sent]


def test_an_order_of_the_next_release_is_read() -> None:
    order = {"id": ID, "kind": "polish", "args": {"at_most": 1, "cloth": "soft"}, "valid_seconds": 9, "shine": [1]}
    (read,) = readable(on_the_wire(order), Order, most=MAX_ORDERS)
    assert (read.kind, read.args.at_most, read.by) == ("polish", 1, "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "12"},
        {"kind": "x" * 41},
        {"valid_seconds": -1},
        {"args": {"photo_ids": ["x"]}},
        {"args": {"photo_ids": [ID] * 101}},
        {"why": "a\0b"},
    ],
)
def test_an_order_that_is_not_valid_is_left_out_and_the_others_are_read(wrong: dict[str, Any]) -> None:
    good = {"id": ID, "kind": "sync", "valid_seconds": 9}
    assert [order.kind for order in readable(on_the_wire({**good, **wrong}, good), Order, most=MAX_ORDERS)] == ["sync"]


def test_an_answer_is_read_up_to_the_bound() -> None:
    good = {"id": ID, "kind": "sync", "valid_seconds": 9}
    assert len(readable(on_the_wire(*[good] * 50), Order, most=MAX_ORDERS)) == MAX_ORDERS
