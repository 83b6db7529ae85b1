"""Describes orders to stores for the OpenAPI document."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from etalase.head_office.api.openapi import REFUSALS, Failure, Nothing
from etalase.head_office.api.openapi_report import schema_of
from etalase.head_office.fleet.order_rules import StoreOrderState
from etalase.store_order import OrderArguments, OrderKind, OrderOutcome


class OrderQuestion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order to stores. ``number`` confirms an order that asks for one."""

    store_ids: list[UUID] | Literal["all"]
    kind: OrderKind
    why: Annotated[str, msgspec.Meta(min_length=1, max_length=500, pattern=r"^[^\0]*[^\s\0][^\0]*\Z")]
    args: OrderArguments = OrderArguments()
    number: int | None = None


class OrderIdsAnswer(serializers.Serializer[Nothing]):
    """The ids of a given order: one for each company."""

    ids = serializers.ListField(child=serializers.UUIDField())


class OrderSummaryAnswer(serializers.Serializer[Nothing]):
    """An order, without its stores."""

    id = serializers.UUIDField()
    company_id = serializers.UUIDField()
    kind = serializers.ChoiceField([kind.value for kind in OrderKind])
    args = serializers.JSONField()
    why = serializers.CharField()
    given_by = serializers.CharField()
    given_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="Seven days later.")
    cancelled_at = serializers.DateTimeField(allow_null=True)
    cancelled_by = serializers.CharField(allow_blank=True)


class StoreOrderAnswer(serializers.Serializer[Nothing]):
    """The order in one store."""

    store_id = serializers.UUIDField()
    code = serializers.CharField()
    name = serializers.CharField()
    state = serializers.ChoiceField([state.value for state in StoreOrderState])
    outcome = serializers.CharField(
        allow_null=True, help_text=f"Of an ended order: {', '.join(outcome.value for outcome in OrderOutcome)}."
    )
    detail = serializers.CharField(allow_blank=True, help_text="The store's own words.")
    sent_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)


class OrderAnswer(OrderSummaryAnswer):
    """An order with its stores."""

    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Stores by state.")
    outcomes = serializers.DictField(child=serializers.IntegerField(), help_text="Stores by outcome.")
    stores = StoreOrderAnswer(many=True)


class NewestOrdersAnswer(serializers.Serializer[Nothing]):
    """The newest 100 orders."""

    orders = OrderSummaryAnswer(many=True)


class CancelledAnswer(serializers.Serializer[Nothing]):
    """In how many stores the order was cancelled."""

    stores = serializers.IntegerField()


_FORBIDDEN = OpenApiResponse(Failure, "The account is neither an operator's nor an admin's.")
_UNKNOWN = OpenApiResponse(Failure, "There is no such order for this account.")
# A request without a body is refused for neither its form nor its values.
_OF_READING = {code: answer for code, answer in REFUSALS.items() if code not in {400, 413, 415}}

request = {"application/json": schema_of(OrderQuestion)}
given = {201: OrderIdsAnswer, **REFUSALS, 403: _FORBIDDEN}
newest = {200: NewestOrdersAnswer, **_OF_READING, 403: _FORBIDDEN}
one = {200: OrderAnswer, **_OF_READING, 403: _FORBIDDEN, 404: _UNKNOWN}
cancelled = {200: CancelledAnswer, **_OF_READING, 403: _FORBIDDEN, 404: _UNKNOWN}
