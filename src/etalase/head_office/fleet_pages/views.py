"""Defines the pages of the fleet: all stores, one store, the photos, one photo."""

from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from etalase.head_office.api.openapi_fleet import FleetQuestion
from etalase.head_office.fleet.announcements import sentence, side_of_incident
from etalase.head_office.fleet.coverage import coverage_of
from etalase.head_office.fleet.incident_rows import IncidentRow
from etalase.head_office.fleet.incidents import IncidentKind
from etalase.head_office.fleet.overview import Overview, Reach, overview
from etalase.head_office.fleet.photo_stores import stores_of_photo
from etalase.head_office.fleet.rows import Shown, rows_of
from etalase.head_office.fleet.selection import Selection, agents_of, regions_of, worst_first
from etalase.head_office.fleet.states import StoreState
from etalase.head_office.fleet_pages import words
from etalase.head_office.fleet_pages.access import fleet_page, page_context
from etalase.head_office.fleet_pages.store_facts import row_fields
from etalase.head_office.fleet_pages.store_map import map_groups
from etalase.head_office.fleet_pages.store_page import store_page
from etalase.head_office.heartbeat import ALIVE_WITHIN
from etalase.head_office.models import Account, Product
from etalase.head_office.permissions import Right, own_rows
from etalase.settings.head_office import head_office_settings

ROWS: Final = 50
MOST_DISHES: Final = 50
# A choice of stores without a region, in a form.
WITHOUT: Final = "-"


@fleet_page(Right.SEE_STORES)
def stores(request: HttpRequest, reach: Reach) -> HttpResponse:
    """Shows the headline, the map, and a list of the chosen stores, worst first."""
    found = overview(reach)
    every = worst_first(found.stores)
    query = {name: value for name, value in request.GET.dict().items() if value and isinstance(value, str)}
    selection, offset = _selection(query)
    chosen = selection.of(every)
    offset = offset if offset < len(chosen) else 0
    shown = rows_of(chosen[offset : offset + ROWS], incidents_of=reach)
    tone, sentence = words.headline(every)
    context = {
        "tone": tone.value,
        "headline": sentence,
        "counts": [_count(state, count) for state, count in found.counts.items()],
        "as_of": found.now
        and words.say("as_of", time=words.moment(found.now, now=found.now), zone=head_office_settings().TIME_ZONE),
        "worker": _worker(shown, found),
        "incidents": [_incident(row) for row in shown.incidents],
        "groups": map_groups(every, reverse("fleet") + "stores/"),
        "rows": [row_fields(row, found.now) for row in shown.rows],
        "found": words.say("found", count=len(chosen)),
        "is_chosen": selection != Selection(),
        "pages": _pages(query, offset, len(chosen)),
        "filters": _filters(found, selection),
    }
    return render(request, "etalase_fleet/stores.html", {**page_context(request.user), **context})


def _selection(query: dict[str, str]) -> tuple[Selection, int]:
    """Returns the choice of the query; a value that is not valid chooses nothing, as on a page that is out of date."""
    data = {name: "" if name == "region" and value == WITHOUT else value for name, value in query.items()}
    question = FleetQuestion.of_query(data)
    while not question.is_valid():
        data = {name: value for name, value in data.items() if name not in question.errors}
        question = FleetQuestion.of_query(data)
    return question.selection(), question.validated_data["offset"]


def _count(state: StoreState, count: int) -> dict[str, str]:
    return {
        "state": state.value,
        "name": words.say(f"state_{state}"),
        "count": words.number(count),
        "help": words.say(f"help_{state}"),
    }


def _worker(shown: Shown, found: Overview) -> str:
    """Returns the sentence about a worker that does not run, empty while it does."""
    if found.now is None or (shown.worker_at is not None and found.now - shown.worker_at <= ALIVE_WITHIN):
        return ""
    at = words.say("never_word") if shown.worker_at is None else words.moment(shown.worker_at, now=found.now)
    return words.say("worker_dead", time=at)


def _incident(row: IncidentRow) -> dict[str, Any]:
    side = side_of_incident(row)
    return {
        "text": sentence(row, ZoneInfo(head_office_settings().TIME_ZONE), language=words.language()),
        "side": words.side(side and side.value),
        "since": words.say("since", time=words.moment(row.opened_at)),
        "store": str(row.stores[0]) if len(row.stores) == 1 else "",
        "photo": row.subject.partition(":")[0] if row.kind == IncidentKind.PHOTO else "",
    }


def _pages(query: dict[str, str], offset: int, count: int) -> dict[str, Any]:
    def address(first: int) -> str:
        return "?" + urlencode({**query, "offset": first}) + "#list"

    return {
        "back": address(max(offset - ROWS, 0)) if offset else "",
        "more": address(offset + ROWS) if offset + ROWS < count else "",
        "range": words.say("page", first=offset + 1, last=min(offset + ROWS, count), count=count) if count else "",
    }


def _filters(found: Overview, selection: Selection) -> dict[str, Any]:
    regions = [
        {"value": region or WITHOUT, "name": region or words.say("no_region"), "is_chosen": region == selection.region}
        for region in regions_of(found.stores)
    ]
    return {
        "states": [
            {"value": state.value, "name": words.say(f"state_{state}"), "is_chosen": state in selection.states}
            for state in found.counts
        ],
        "regions": regions if len(regions) > 1 else [],
        "agents": [
            {"value": agent, "name": f"{agent} ({words.number(count)})", "is_chosen": agent == selection.agent}
            for agent, count in agents_of(found.stores)
        ],
        "text": selection.text,
    }


@fleet_page(Right.SEE_STORES)
def store(request: HttpRequest, reach: Reach, store_id: UUID) -> HttpResponse:
    """Shows a store in full."""
    return store_page(request, reach, store_id)


@fleet_page(Right.SEE_PHOTOS)
def photos(request: HttpRequest, reach: Reach) -> HttpResponse:
    """Shows the coverage, the dishes to look after, and the dishes of a search."""
    coverage, text = coverage_of(reach), request.GET.get("q", "").strip()[:100]
    left_out = ", ".join(f"{words.say(f'state_{state}')} {words.number(count)}" for state, count in coverage.left_out.items())
    context = {
        "coverage": words.say("coverage", covered=coverage.covered, sold=coverage.sold, stores=coverage.stores),
        "left_out": left_out and words.say("left_out", words=left_out),
        "worklist": [
            {
                "sku": dish.sku,
                "name": dish.name,
                "problem": words.say("lacking", count=dish.missing) if dish.has_photo else words.say("no_photo"),
            }
            for dish in coverage.worklist
        ],
        "q": text,
        "dishes": _dishes(request.user, text) if text else [],
    }
    return render(request, "etalase_fleet/photos.html", {**page_context(request.user), **context})


def _dishes(account: Any, text: str) -> list[Product]:
    rows = own_rows(Product.objects.all(), account).filter(Q(name__icontains=text) | Q(sku__icontains=text))
    return list(rows.prefetch_related("photos").order_by("name")[:MOST_DISHES])


@fleet_page(Right.SEE_PHOTOS)
def photo(request: HttpRequest, reach: Reach, photo_id: UUID) -> HttpResponse:
    """Shows a photo, and on which stores it is."""
    account = request.user
    found = stores_of_photo(account, reach, photo_id) if isinstance(account, Account) else None
    if found is None:
        raise Http404
    settings = head_office_settings()
    bucket = f"{settings.S3_PUBLIC_URL.rstrip('/')}/{settings.S3_BUCKET}/"
    sentence = "photo_nowhere" if not found.selling else "photo_all" if found.showing == found.selling else "photo_on"
    context = {
        "photo": found.photo,
        "image": f"{bucket}{quote(found.photo.object_key)}?v={found.photo.checksum[:8]}",
        "sentence": words.say(sentence, showing=found.showing, selling=found.selling),
        "tone": "good" if found.selling and found.showing == found.selling else "neutral",
        "missing": [
            {
                "store": lack.store,
                "reason": words.reason(lack.reason),
                "side": words.side(lack.side),
                "since": lack.since and words.say("since", time=words.moment(lack.since)),
            }
            for lack in found.missing
        ],
        "missing_in": words.say("missing_in", count=len(found.missing)),
        "unknown": [{"store": store, "state_name": words.state_name(store)} for store in found.unknown],
        "unknown_in": words.say("unknown_in", count=len(found.unknown)),
    }
    return render(request, "etalase_fleet/photo.html", {**page_context(request.user), **context})
