"""Carries out head office's orders after a run, each of them once (ADR 0042).

The outcome of a decision on removals is committed with the decision. A run or a comparison is counted before it begins, and is
begun again after a kill, since it is safe to repeat.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import django.db
import msgspec

from etalase.edge.models import ReceivedOrder, Removal
from etalase.edge.sync import removal_decisions, storage
from etalase.edge.sync.removal_decisions import Approved, Undone
from etalase.edge.sync.reporter import never_failing
from etalase.edge.sync.result import Outcome, RunResult, Trigger
from etalase.edge.sync.run import sync
from etalase.edge.sync.services import Services
from etalase.edge.sync.verify import verify
from etalase.errors import DatabaseAway, EtalaseError, LockHeld
from etalase.formatting import counted
from etalase.progress import Progress
from etalase.protocol import printable
from etalase.store_order import OrderArguments, OrderKind, OrderOutcome

logger = logging.getLogger("etalase.edge")

# An order that ends the process each time must not do so for 7 days.
MOST_ATTEMPTS: Final = 3


class EndedMeanwhile(Exception):
    """Another process has carried out the order: this transaction is rolled back."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The outcome of an order, which is not committed yet."""

    outcome: OrderOutcome
    detail: str = ""


def sync_and_obey(
    services: Services,
    *,
    full: bool,
    trigger: Trigger = Trigger.HAND,
    wait_seconds: float = 0.0,
    progress: Progress | None = None,
) -> RunResult:
    """Runs once, as :func:`sync`, and then carries out the orders that are here. Returns the run's own result."""
    result = sync(services, full=full, trigger=trigger, wait_seconds=wait_seconds, progress=progress)
    if not result.locked:
        obey(services)
    return result


def obey(services: Services) -> None:
    """Carries out the orders that wait, and reports the outcomes. Never fails: what goes wrong is logged."""
    if services.time_is_up or not never_failing("reading orders", storage.orders.waiting):
        return  # the usual case: one query
    try:
        with services.lock.alone_with_orders() as is_alone:
            if not is_alone:
                return
            for order in storage.orders.waiting():
                if services.time_is_up or not _obey(order, services):
                    break
    except (EtalaseError, django.db.Error) as error:
        logger.error("head office's orders wait for the next run: %s", error)
        return
    if not services.time_is_up:
        never_failing("sending it", services.head_office.send_report)


def _obey(order: ReceivedOrder, services: Services) -> bool:
    """Carries out the order. Returns False where another run is in progress: the orders wait for its end."""
    if early := _not_to_begin(order, services):
        _end(order, services, early)
        return True
    storage.orders.begin(order)
    try:
        ended = ACTIONS[OrderKind(order.kind)](order, storage.orders.arguments(order), services)
    except LockHeld:
        storage.orders.put_back(order)
        return False
    except EndedMeanwhile:
        return True
    except DatabaseAway:
        raise
    except (EtalaseError, msgspec.ValidationError) as error:
        ended = Ended(OrderOutcome.FAILED, str(error))
    except Exception as error:
        logger.exception("head office's order %s: unexpected error", order.pk)
        ended = Ended(OrderOutcome.FAILED, f"unexpected error: {type(error).__name__}")
    _end(order, services, ended)
    return True


def _not_to_begin(order: ReceivedOrder, services: Services) -> Ended | None:
    if not services.settings.ACCEPT_ORDERS:  # since it was received
        return Ended(OrderOutcome.NOT_ACCEPTED)
    if services.clock.utc() >= order.expires_at:
        return Ended(OrderOutcome.EXPIRED)
    if order.kind not in set(OrderKind):
        return Ended(OrderOutcome.NOT_KNOWN)
    if order.attempts >= MOST_ATTEMPTS:
        return Ended(OrderOutcome.INTERRUPTED, f"begun {order.attempts} times, and cut off each time")
    return None


def _end(order: ReceivedOrder, services: Services, ended: Ended) -> None:
    """Commits the outcome, if the order has none with its effect, and logs it."""
    storage.orders.end(order.pk, ended.outcome, printable(ended.detail), at=services.clock.utc())
    by, why = printable(order.given_by), printable(order.why)
    logger.warning("head office's order %s (%s, by %s: %s): %s %s", order.pk, order.kind, by, why, ended.outcome, ended.detail)


def _run(order: ReceivedOrder, args: OrderArguments, services: Services) -> Ended:
    """Runs a sync; for ``retry``, of the photos on the retry list that it names, or of all."""
    if order.kind == OrderKind.RETRY:
        storage.retry_list.make_due(args.photo_ids or None, now=services.clock.utc())
        if not args.photo_ids:
            storage.made_renditions.try_all_again()
    trigger = Trigger.RETRY if order.kind == OrderKind.RETRY else Trigger.HAND
    result = sync(services, full=order.kind == OrderKind.FULL, trigger=trigger)
    if isinstance(result.error, LockHeld | DatabaseAway):
        raise result.error
    did = f"{result.fetched} fetched, {result.deleted} removed, {result.failed} failed, {result.held} held"
    if result.error is not None:
        return Ended(OrderOutcome.FAILED, f"{result.error} ({did})")
    return Ended(OrderOutcome.DONE if result.outcome is Outcome.SUCCESS else OrderOutcome.PARTLY, did)


def _verify(_: ReceivedOrder, __: OrderArguments, services: Services) -> Ended:
    found = verify(services, deep=True)
    if isinstance(found.error, LockHeld | DatabaseAway):
        raise found.error
    if found.error is not None:
        return Ended(OrderOutcome.FAILED, str(found.error))
    compared = f"{counted(found.rows, 'row')}, {counted(found.objects, 'object')}"
    if found.equal:
        return Ended(OrderOutcome.DONE, f"equal: {compared}")
    first = ", ".join(sorted({difference.what for difference in found.differences})) or "the list is not proved complete"
    return Ended(OrderOutcome.DONE, f"not equal: {counted(len(found.differences), 'difference')} ({first}) of {compared}")


def _approve(order: ReceivedOrder, args: OrderArguments, services: Services) -> Ended:
    states = removal_decisions.APPROVABLE
    removals = removal_decisions.chosen(args.photo_ids, everything=not args.photo_ids, states=states)
    if nothing := _undecided(removals, args):
        return nothing

    def together(approved: Approved) -> None:
        _commit_with(order, services, _approved(approved), approved)

    return _approved(removal_decisions.approve(removals, lock=services.lock, together=together))


def _approved(approved: Approved) -> Ended:
    done = f"{counted(approved.removed, 'photo')} removed"
    if not approved.blocked:
        return Ended(OrderOutcome.DONE, done)
    rule = storage.removed_rows.blocked_by(approved.blocked[0])
    return Ended(OrderOutcome.PARTLY, f"{done}, {len(approved.blocked)} kept by a rule of the database: {rule}")


def _refuse(order: ReceivedOrder, args: OrderArguments, services: Services) -> Ended:
    removals = removal_decisions.chosen(args.photo_ids, everything=not args.photo_ids)
    if nothing := _undecided(removals, args):
        return nothing

    def ended(count: int) -> Ended:
        return Ended(OrderOutcome.DONE, f"{counted(count, 'photo')} kept")

    def together(count: int) -> None:
        _commit_with(order, services, ended(count))

    return ended(removal_decisions.refuse(removals, lock=services.lock, together=together))


def _undecided(removals: list[Removal], args: OrderArguments) -> Ended | None:
    """Returns the outcome where there is nothing to decide, or more than the person knew of."""
    if not removals:
        return Ended(OrderOutcome.DONE, "no removal is held")
    if args.at_most is not None and len(removals) > args.at_most:
        return Ended(OrderOutcome.TOO_MANY, f"{len(removals)} removals are held, and the order is about {args.at_most}")
    return None


def _undo(order: ReceivedOrder, args: OrderArguments, services: Services) -> Ended:
    which = args.photo_ids or (storage.orders.removed_by(args.order_id) if args.order_id else [])
    if not which:
        return Ended(OrderOutcome.FAILED, "that approval removed nothing here")

    def ended(undone: Undone) -> Ended:
        done = f"{counted(len(undone.restored), 'photo')} restored"
        if not undone.lost:
            return Ended(OrderOutcome.DONE, done)
        return Ended(OrderOutcome.PARTLY, f"{done}, {len(undone.lost)} not: {undone.lost[0][1]}")

    def together(undone: Undone) -> None:
        _commit_with(order, services, ended(undone))

    return ended(
        removal_decisions.undo(which, lock=services.lock, bucket=services.bucket, products=services.products, together=together)
    )


def _commit_with(order: ReceivedOrder, services: Services, ended: Ended, approved: Approved | None = None) -> None:
    """Records the outcome in the transaction of the effect. Raises :class:`EndedMeanwhile`, so that it is rolled back."""
    removed_ids = approved.photo_ids if approved else []
    if not storage.orders.end(
        order.pk, ended.outcome, printable(ended.detail), at=services.clock.utc(), removed_ids=removed_ids
    ):
        raise EndedMeanwhile("Another process has carried out the order.")


ACTIONS: Final[dict[OrderKind, Callable[[ReceivedOrder, OrderArguments, Services], Ended]]] = {
    OrderKind.SYNC: _run,
    OrderKind.FULL: _run,
    OrderKind.RETRY: _run,
    OrderKind.VERIFY_DEEP: _verify,
    OrderKind.APPROVE: _approve,
    OrderKind.REFUSE: _refuse,
    OrderKind.UNDO: _undo,
}
