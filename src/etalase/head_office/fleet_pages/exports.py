"""Writes all stores that an account sees as a file: CSV for a spreadsheet, JSON in the fields of the API."""

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from django.http import HttpRequest, HttpResponse

from etalase.head_office.fleet import wire
from etalase.head_office.fleet.overview import Overview, Reach, overview
from etalase.head_office.fleet.rows import rows_of
from etalase.head_office.fleet_pages.access import fleet_page
from etalase.head_office.permissions import Right
from etalase.spreadsheet import safe_cell

COLUMNS: Final = (
    *("code", "name", "region", "state", "tone", "since", "behind", "agent", "last_report_at", "next_report_by"),
    *("verified_at", "possession_proved_at", "asked_at", "id"),
)
COUNTS: Final = ("listed", "verified", "damaged", "owed", "held", "parked", "own")
READ_AT_ONCE: Final = 1000


@fleet_page(Right.SEE_STORES)
def stores_csv(_request: HttpRequest, reach: Reach) -> HttpResponse:
    """Returns a line for each store. No cell becomes a formula in a spreadsheet."""
    file = io.StringIO()
    lines = csv.writer(file)
    lines.writerow([*COLUMNS, *COUNTS, "reasons"])
    for store in _stores(overview(reach)):
        counts = store["photos"] or {}
        reasons = " ".join(reason["text"] for reason in store["reasons"])
        cells = [store[name] for name in COLUMNS] + [counts.get(name) for name in COUNTS] + [reasons]
        lines.writerow([_cell(cell) for cell in cells])
    # A spreadsheet reads the file as UTF-8 by its mark only.
    return _file("\ufeff" + file.getvalue(), "text/csv; charset=utf-8", "csv")


@fleet_page(Right.SEE_STORES)
def stores_json(_request: HttpRequest, reach: Reach) -> HttpResponse:
    """Returns all stores, their number by state, and the time."""
    found = overview(reach)
    counts = {state.value: count for state, count in found.counts.items()}
    content = {"as_of": found.now, "counts": counts, "stores": list(_stores(found))}
    return _file(msgspec.json.encode(content), "application/json", "json")


def _stores(found: Overview) -> Iterator[dict[str, Any]]:
    for first in range(0, len(found.stores), READ_AT_ONCE):
        for row in rows_of(found.stores[first : first + READ_AT_ONCE]).rows:
            yield wire.store_fields(row)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return safe_cell(value) if isinstance(value, str) else getattr(value, "isoformat", lambda: value)()


def _file(content: str | bytes, content_type: str, ending: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="etalase-stores.{ending}"'}
    return HttpResponse(content, content_type=content_type, headers=headers)
