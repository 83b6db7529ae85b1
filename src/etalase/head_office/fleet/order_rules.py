"""Decides which orders need a typed number, and what an order's state in a store is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from etalase.daily_bound import exceeds_bound
from etalase.store_order import OrderKind

LIVES_FOR: Final = timedelta(days=7)


class StoreOrderState(StrEnum):
    """The state of an order in one store. The words are part of the API."""

    WAITING = "waiting"
    SENT = "sent"  # told to the edge, without a result yet
    ENDED = "ended"  # with its outcome
    CANCELLED = "cancelled"  # a store to which it was sent before may still carry it out
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Approval:
    """The removals that an order approves in a store, with those of the last 24 hours, out of the photos listed for it."""

    photos: int
    lately: int
    listed: int

    @property
    def exceeds_bound(self) -> bool:
        """Returns whether the removals of a day are more than head office's bound."""
        return self.photos > 0 and exceeds_bound(self.photos + self.lately, total=self.listed + self.lately)


@dataclass(frozen=True, slots=True)
class NumberAsked:
    """The number that a person has to give with the order, and the sentence that asks for it."""

    number: int
    sentence: str


def number_asked(kind: OrderKind, *, is_all: bool, stores: int, approvals: Sequence[Approval]) -> NumberAsked | None:
    """Returns the number for an approval beyond the bound, its photos, or for an order to all stores, these; else None."""
    beyond = [approval for approval in approvals if approval.exceeds_bound]
    if kind is OrderKind.APPROVE and beyond:
        photos = sum(approval.photos for approval in approvals)
        return NumberAsked(
            photos, f"This removes {photos} photos, in {len(beyond)} stores more than 20 % of theirs: give number={photos}."
        )
    if is_all:
        return NumberAsked(stores, f"This goes to all {stores} stores: give number={stores}.")
    return None


def state_of(
    *,
    is_ended: bool,
    is_cancelled: bool,
    is_sent: bool,
    expires_at: datetime,
    now: datetime,
) -> StoreOrderState:
    """Returns the state of an order in one store."""
    if is_ended:
        return StoreOrderState.ENDED
    if is_cancelled:
        return StoreOrderState.CANCELLED
    if now >= expires_at:
        return StoreOrderState.EXPIRED
    return StoreOrderState.SENT if is_sent else StoreOrderState.WAITING
