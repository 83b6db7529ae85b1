"""Reads incidents with the names that a person needs, by one statement, or as a part of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from etalase.head_office.database import prepared_cursor
from etalase.head_office.fleet.overview import EVERYTHING, Reach
from etalase.head_office.fleet.overview_sql import within

# An incident names so many stores; the API has all.
MOST_CODES: Final = 5


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident. ``codes`` are those of some of its stores; ``product`` is that of a photo, empty where it is gone."""

    id: UUID
    company: str
    kind: str
    subject: str
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    stores: Sequence[UUID]
    most_stores: int
    codes: Sequence[str]
    product: str


def incident_rows(reach: Reach, *, open_only: bool, limit: int) -> list[IncidentRow]:
    """Returns incidents within ``reach``: open ones first, the largest first; ended ones by their end, newest first."""
    with prepared_cursor() as cursor:
        cursor.execute(ROWS, values_of(reach, open_only=open_only, limit=limit))
        return [IncidentRow(*row) for row in cursor.fetchall()]


def values_of(reach: Reach, *, open_only: bool, limit: int) -> dict[str, Any]:
    """Returns the values of :data:`ROWS`."""
    return {**reach.values, "open_only": open_only, "limit": limit, "codes": MOST_CODES + 1, "incident_ids": None}


def rows_of_json(text: str | None) -> list[IncidentRow]:
    """Returns the incidents in :data:`ROWS_AS_JSON`."""
    return msgspec.json.decode(text, type=list[IncidentRow]) if text else []


def rows_of_ids(ids: Sequence[UUID]) -> list[IncidentRow]:
    """Returns these incidents, in the same order."""
    with prepared_cursor() as cursor:
        cursor.execute(ROWS, values_of(EVERYTHING, open_only=False, limit=len(ids)) | {"incident_ids": list(ids)})
        return [IncidentRow(*row) for row in cursor.fetchall()]


ROWS: Final = f"""
SELECT i.id, c.name AS company, i.kind, i.subject, i.opened_at, i.changed_at, i.closed_at, i.stores, i.most_stores,
    coalesce((
        SELECT array_agg(code ORDER BY code)
        FROM (SELECT code FROM head_office_store WHERE id = ANY(i.stores) ORDER BY code LIMIT %(codes)s) s
    ), '{{}}') AS codes,
    coalesce((
        SELECT p.sku || ' ' || p.name FROM head_office_photo f JOIN head_office_product p ON p.id = f.product_id
        WHERE i.kind = 'photo' AND f.id = CASE WHEN i.kind = 'photo' THEN split_part(i.subject, ':', 1)::uuid END
    ), '') AS product
FROM head_office_incident i JOIN head_office_company c ON c.id = i.company_id
WHERE (NOT %(open_only)s OR i.closed_at IS NULL) AND (%(incident_ids)s::uuid[] IS NULL OR i.id = ANY(%(incident_ids)s::uuid[]))
    AND {within("i.company_id")}
ORDER BY i.closed_at DESC NULLS FIRST, cardinality(i.stores) DESC, i.opened_at DESC, i.id
LIMIT %(limit)s
"""
ROWS_AS_JSON: Final = f"(SELECT json_agg(incident)::text FROM ({ROWS}) incident)"
