"""Runs `etalase edge orders`: lists head office's orders to this store, and what became of them."""

from argparse import ArgumentParser
from typing import Any

from etalase.edge.management.edge_command import EdgeCommand
from etalase.edge.models import ReceivedOrder
from etalase.edge.sync import storage
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings


class Command(EdgeCommand):
    """Exit status: 0."""

    help = (
        "List head office's newest orders to this store: who gave them, why, and what became of them. Orders are carried out "
        "after a run, if ETALASE_ACCEPT_ORDERS is true. Exit status: 0."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--most``."""
        super().add_arguments(parser)
        parser.add_argument("--most", type=int, default=20, help="how many (20)")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Prints them, the newest first."""
        orders = storage.orders.newest(max(1, options["most"]))
        if options["json"]:
            self.show_json({"accepts_orders": settings.ACCEPT_ORDERS, "orders": [_described(order) for order in orders]})
            return 0
        if not settings.ACCEPT_ORDERS:
            self.stdout.write("This store accepts no orders (ETALASE_ACCEPT_ORDERS is false).")
        if not orders:
            self.stdout.write("Head office has given no order.")
        for order in orders:
            received = order.received_at.astimezone().strftime("%Y-%m-%d %H:%M")
            self.stdout.write(
                f"{order.pk}  {printable(order.kind)}: {printable(order.outcome) or 'waits'}\n"
                f"    {received}, by {printable(order.given_by)}: {printable(order.why)}"
            )
            if order.detail:
                self.stdout.write(f"    {printable(order.detail)}")
        return 0


def _described(order: ReceivedOrder) -> dict[str, Any]:
    return {
        "id": str(order.pk),
        "kind": order.kind,
        "args": order.args,
        "by": order.given_by,
        "why": order.why,
        "received_at": order.received_at.isoformat(),
        "ended_at": order.ended_at.isoformat() if order.ended_at else None,
        "outcome": order.outcome or None,
        "detail": order.detail,
        "reported": order.is_reported,
    }
