"""Gives orders to a store from its page, and stops them."""

from typing import Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from etalase.head_office.audit import person_of
from etalase.head_office.fleet import orders
from etalase.head_office.fleet.orders import OrderRefused, WantedOrder
from etalase.head_office.fleet.overview import Reach
from etalase.head_office.fleet_pages import words
from etalase.head_office.fleet_pages.access import fleet_page
from etalase.head_office.fleet_pages.order_card import KINDS, RefusedOrder
from etalase.head_office.fleet_pages.store_page import store_page
from etalase.head_office.models import Account, Store
from etalase.head_office.order_models import FleetOrder
from etalase.head_office.permissions import Right, own_rows
from etalase.store_order import OrderArguments, OrderKind

MAX_WHY_CHARS: Final = 500
MAX_NUMBER_DIGITS: Final = 9


@fleet_page(Right.ORDER_STORES)
@require_POST
def give(request: HttpRequest, reach: Reach, store_id: UUID) -> HttpResponse:
    """Gives an order to the store, and shows its page; with the reason where the order is refused."""
    store = own_rows(Store.objects.filter(id=store_id), _account(request)).first()
    if store is None:
        raise Http404
    kind, why, number = (str(request.POST.get(name, "")).strip() for name in ("kind", "why", "number"))
    refusal = _refusal(request, store, kind=kind, why=why, number=number)
    if refusal is not None:
        return store_page(request, reach, store_id, refusal=refusal)
    return redirect(_orders_of(store_id))


def _refusal(request: HttpRequest, store: Store, *, kind: str, why: str, number: str) -> RefusedOrder | None:
    """Gives the order. Returns why it is refused, None if it is given."""
    if kind not in {known.value for known in KINDS}:
        return RefusedOrder(words.say("order_kind_missing"), kind, why)
    if not why or len(why) > MAX_WHY_CHARS or not why.isprintable():
        return RefusedOrder(words.say("order_why_missing"), kind, why)
    is_number = number.isascii() and number.isdigit() and len(number) <= MAX_NUMBER_DIGITS
    wanted = WantedOrder(kind=OrderKind(kind), args=OrderArguments(), why=why, number=int(number) if is_number else None)
    try:
        orders.give(person_of(request), [store], wanted)
    except OrderRefused as error:
        if error.number is None:
            return RefusedOrder(error.problem, kind, why)
        return RefusedOrder(words.say("order_number", number=str(error.number)), kind, why, asks_number=True)
    return None


@fleet_page(Right.ORDER_STORES)
@require_POST
def stop(request: HttpRequest, _: Reach, order_id: UUID) -> HttpResponse:
    """Cancels an order in every store that has not carried it out, and goes back to the page of the store."""
    order = own_rows(FleetOrder.objects.filter(pk=order_id), _account(request)).first()
    if order is None:
        raise Http404
    orders.cancel(person_of(request), order)
    stores = {str(store_id): store_id for store_id in order.stores.values_list("store_id", flat=True)}
    came_from = stores.get(str(request.POST.get("store", "")))
    return redirect(_orders_of(came_from) if came_from else reverse("fleet"))


def _orders_of(store_id: UUID) -> str:
    return f"{reverse('fleet-page-store', args=[store_id])}#orders"


def _account(request: HttpRequest) -> Account:
    account = request.user
    if not isinstance(account, Account):  # fleet_page has refused it
        raise Http404
    return account
