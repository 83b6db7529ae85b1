"""Defines an order of head office to a store, and its result: the messages that go with reports. Pure.

An edge that does not know a kind or an outcome of the next release says so, or shows the word.
"""

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

import msgspec

from etalase.wire_types import Count, Text, Word

# Of one store at a time: in an answer, and in a report.
MAX_ORDERS: Final = 20
MAX_PHOTOS: Final = 100


class OrderKind(StrEnum):
    """What a store is asked to do."""

    SYNC = "sync"
    FULL = "full"
    VERIFY_DEEP = "verify_deep"
    RETRY = "retry"
    APPROVE = "approve"
    REFUSE = "refuse"
    UNDO = "undo"


class OrderOutcome(StrEnum):
    """What became of an order at the store. The words are part of the API."""

    DONE = "done"
    PARTLY = "partly"  # the details say what is left
    FAILED = "failed"
    NOT_ACCEPTED = "not_accepted"  # ETALASE_ACCEPT_ORDERS is false there
    NOT_KNOWN = "not_known"  # the edge's release has no such order
    TOO_MANY = "too_many"  # more removals are held than the person knew of
    EXPIRED = "expired"
    INTERRUPTED = "interrupted"  # killed each time it was begun


class OrderArguments(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an order is about. Without photos: all that are held, or on the retry list.

    ``at_most``: how many held removals the person knew of, and decided on. ``order_id``: the approval to undo.
    """

    photo_ids: Annotated[list[UUID], msgspec.Meta(max_length=MAX_PHOTOS)] = []
    at_most: Count | None = None
    order_id: UUID | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An order to one store. ``valid_seconds`` is the rest of its life as head office answers."""

    id: UUID
    kind: Word
    args: OrderArguments = OrderArguments()
    valid_seconds: Count
    by: Text = ""
    why: Text = ""


class OrderResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of an order, told until head office has taken it."""

    id: UUID
    outcome: Word
    detail: Text = ""
