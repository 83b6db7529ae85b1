"""Defines the views of ``/api/v1/fleet/orders/``: gives orders to stores, shows what became of them, and cancels them."""

from collections import Counter
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

import msgspec
from django.db import connection
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied, ValidationError
from rest_framework.request import Request

from etalase.head_office.api import openapi_orders
from etalase.head_office.api.fleet import FleetView
from etalase.head_office.api.openapi_orders import OrderQuestion
from etalase.head_office.api.readable import account_of
from etalase.head_office.api.responses import json_response
from etalase.head_office.audit import person_of
from etalase.head_office.fleet import orders
from etalase.head_office.fleet.order_rules import state_of
from etalase.head_office.fleet.orders import OrderRefused, WantedOrder
from etalase.head_office.fleet.reports import place_and_problem
from etalase.head_office.models import Store
from etalase.head_office.order_models import FleetOrder
from etalase.head_office.permissions import Right, may, own_rows

NEWEST = 100


class NoSuchOrder(APIException):
    """The order does not exist, or is of another company; both get the same response."""

    status_code = status.HTTP_404_NOT_FOUND
    default_detail = "There is no such order for this account."


class Orders(FleetView):
    """The orders of the account's companies."""

    @extend_schema(request=openapi_orders.request, responses=openapi_orders.given)
    def post(self, request: Request) -> HttpResponse:
        """Gives an order to stores, and returns its id: one for each company."""
        _require(request, Right.ORDER_STORES)
        question = _question(request.data)
        stores = _stores(request, question.store_ids)
        wanted = WantedOrder(
            kind=question.kind,
            args=question.args,
            why=question.why.strip(),
            is_all=question.store_ids == "all",
            number=question.number,
        )
        try:
            given = orders.give(person_of(request._request), stores, wanted)  # noqa: SLF001 - DRF's documented way
        except OrderRefused as refused:
            raise ValidationError({refused.field: [refused.problem]}) from None
        return json_response({"ids": [order.id for order in given]}, status_code=201)

    @extend_schema(responses=openapi_orders.newest)
    def get(self, request: Request) -> HttpResponse:
        """Returns the newest orders, without their stores."""
        _require(request, Right.SEE_STORES)
        return json_response({"orders": [_described(order) for order in _own(request, FleetOrder.objects.all())[:NEWEST]]})


class OneOrder(FleetView):
    """An order."""

    @extend_schema(responses=openapi_orders.one)
    def get(self, request: Request, order_id: UUID) -> HttpResponse:
        """Returns the order and what became of it, store by store."""
        _require(request, Right.SEE_STORES)
        order = _order(request, order_id)
        stores = _store_by_store(order)
        counts = Counter(one["state"] for one in stores)
        outcomes = Counter(one["outcome"] for one in stores if one["outcome"])
        return json_response({**_described(order), "counts": counts, "outcomes": outcomes, "stores": stores})


class CancelledOrder(FleetView):
    """The cancellation of an order."""

    @extend_schema(request=None, responses=openapi_orders.cancelled)
    def post(self, request: Request, order_id: UUID) -> HttpResponse:
        """Cancels the order in each store that has no result yet; one to which it was sent may still carry it out."""
        _require(request, Right.ORDER_STORES)
        stopped = orders.cancel(person_of(request._request), _order(request, order_id))  # noqa: SLF001 - DRF's documented way
        return json_response({"stores": stopped})


def _require(request: Request, right: Right) -> None:
    if not may(account_of(request), right):
        raise PermissionDenied("This account may not do that: it needs the group Operators or Admins.")


def _question(data: Any) -> OrderQuestion:
    try:
        return msgspec.convert(data, OrderQuestion)
    except (msgspec.ValidationError, RecursionError) as error:
        field, problem = place_and_problem(error)
        raise ValidationError({field or "order": [problem]}) from None


Row = TypeVar("Row", bound=Model)


def _own(request: Request, rows: QuerySet[Row]) -> QuerySet[Row]:
    return own_rows(rows, account_of(request))


def _stores(request: Request, wanted: list[UUID] | Literal["all"]) -> list[Store]:
    own = _own(request, Store.objects.all())
    if wanted == "all":
        return list(own)
    stores = list(own.filter(id__in=set(wanted)))
    if missing := sorted(str(one) for one in set(wanted) - {store.id for store in stores}):
        raise ValidationError({"store_ids": [f"There is no such store for this account: {', '.join(missing[:5])}."]})
    return stores


def _order(request: Request, order_id: UUID) -> FleetOrder:
    order = _own(request, FleetOrder.objects.filter(pk=order_id)).first()
    if order is None:
        raise NoSuchOrder
    return order


def _described(order: FleetOrder) -> dict[str, Any]:
    return {
        "id": order.id,
        "company_id": order.company_id,
        "kind": order.kind,
        "args": order.args,
        "why": order.why,
        "given_by": order.username,
        "given_at": order.given_at,
        "expires_at": order.expires_at,
        "cancelled_at": order.cancelled_at,
        "cancelled_by": order.cancelled_by,
    }


def _store_by_store(order: FleetOrder) -> list[dict[str, Any]]:
    columns = ("store_id", "store__code", "store__name", "sent_at", "ended_at", "outcome", "detail")
    now = _clock()
    return [
        {
            "store_id": store_id,
            "code": code,
            "name": name,
            "state": state_of(
                is_ended=ended_at is not None,
                is_cancelled=order.cancelled_at is not None,
                is_sent=sent_at is not None,
                expires_at=order.expires_at,
                now=now,
            ),
            "outcome": outcome or None,
            "detail": detail,
            "sent_at": sent_at,
            "ended_at": ended_at,
        }
        for store_id, code, name, sent_at, ended_at, outcome, detail in orders.stores_of_order(order).values_list(*columns)
    ]


def _clock() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT head_office_clock()")
        now: datetime = cursor.fetchone()[0]
    return now
