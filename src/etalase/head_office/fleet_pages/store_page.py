"""Shows a store in full: its state with the reasons, faults, orders, last report and history."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from etalase.head_office.fleet.detail import detail_of
from etalase.head_office.fleet.overview import Reach
from etalase.head_office.fleet_pages import store_facts, words
from etalase.head_office.fleet_pages.access import page_context
from etalase.head_office.fleet_pages.order_card import RefusedOrder, order_card
from etalase.head_office.models import Account


def store_page(request: HttpRequest, reach: Reach, store_id: UUID, *, refusal: RefusedOrder | None = None) -> HttpResponse:
    """Returns the page of a store within ``reach``; with status 400 where an order was refused. Raises Http404."""
    detail = detail_of(reach, store_id)
    account = request.user
    if detail is None or not isinstance(account, Account):
        raise Http404
    context = {
        "row": store_facts.row_fields(detail.row, detail.now),
        "help": words.say(f"help_{detail.row.store.state}"),
        "orders": order_card(account, store_id, refusal),
        "facts": store_facts.facts(detail),
        "days": store_facts.days(detail),
        "sides": store_facts.sides(detail),
        "faults_cut": detail.report and detail.report.faults_cut and words.say("faults_cut", count=detail.report.faults_cut),
        "as_of": words.as_of(detail.now),
    }
    page = {**page_context(account), **context}
    return render(request, "etalase_fleet/store.html", page, status=400 if refusal else 200)
