"""Reads what is shown of a few judged stores: their last report in figures, and how many photos they have not fetched yet."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from etalase.head_office.database import prepared_cursor
from etalase.head_office.fleet.incident_rows import ROWS_AS_JSON, IncidentRow, rows_of_json, values_of
from etalase.head_office.fleet.overview import NOTHING, JudgedStore, Reach
from etalase.head_office.fleet.report_sql import PHOTO_COUNTS
from etalase.head_office.fleet.states import StoreState, since

# Of each kind, the newest changes that are counted for stores that are behind.
MOST_COUNTED: Final = 500
MOST_INCIDENTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRow:
    """A store as a list shows it. ``behind``: photos that changed and that it has not fetched, or that are on their way."""

    store: JudgedStore
    since: datetime | None
    behind: int = 0
    photos: dict[str, int] | None = None
    fault_sides: tuple[str, ...] = ()
    verified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """Rows of stores, the last sign of life of head office's worker, and the largest open incidents."""

    rows: Sequence[StoreRow]
    worker_at: datetime | None
    incidents: Sequence[IncidentRow]


def rows_of(stores: Sequence[JudgedStore], *, incidents_of: Reach = NOTHING) -> Shown:
    """Returns the rows of these stores, in their order, and the incidents within ``incidents_of``, by one statement."""
    with prepared_cursor() as cursor:
        cursor.execute(
            DETAILS,
            {
                "ids": [UUID(store.id) for store in stores],
                "behind": [store.state is StoreState.BEHIND for store in stores],
                "most": MOST_COUNTED,
                **values_of(incidents_of, open_only=True, limit=MOST_INCIDENTS),
            },
        )
        (worker_at, incidents, found) = cursor.fetchone()
    kept = {row.pop("store_id"): row for row in json.loads(found or "[]")}
    return Shown([_row(store, kept.get(store.id)) for store in stores], worker_at, rows_of_json(incidents))


def _row(store: JudgedStore, kept: dict[str, Any] | None) -> StoreRow:
    known, verdict = store.known, store.verdict
    if kept is None:
        return StoreRow(store=store, since=known.asked_at if store.state is StoreState.ASKS else None)
    return StoreRow(
        store=store,
        since=since(
            known,
            verdict,
            kept_state=kept["state"],
            kept_since=datetime.fromisoformat(kept["state_since"]),
            lacking_since=_moment(kept["lacking_since"]),
        ),
        behind=max(kept["lacking"], known.missing) if store.state is StoreState.BEHIND else 0,
        photos={name: kept[name] for name in PHOTO_COUNTS},
        fault_sides=tuple(kept["fault_sides"] or ()),
        verified_at=_moment(kept["verified_at"]),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


# A photo is lacking where itself, its product or the sale changed at the checkpoint or later, or where it was deleted since.
DETAILS: Final = f"""
WITH shown AS MATERIALIZED (
    SELECT r.*, asked.is_behind
    FROM unnest(%(ids)s::uuid[], %(behind)s::bool[]) asked (store_id, is_behind)
    JOIN head_office_store_report r ON r.store_id = asked.store_id
),
oldest AS MATERIALIZED (SELECT min(checkpoint) AS at FROM shown WHERE is_behind),
changed AS MATERIALIZED (
    SELECT photo_id, product_id, max(at) AS at
    FROM (
        (SELECT id AS photo_id, product_id, updated_at AS at FROM head_office_photo
         WHERE updated_at >= (SELECT at FROM oldest) ORDER BY updated_at DESC LIMIT %(most)s)
        UNION ALL
        (SELECT f.id, f.product_id, p.updated_at
         FROM (SELECT id, updated_at FROM head_office_product WHERE updated_at >= (SELECT at FROM oldest)
               ORDER BY updated_at DESC LIMIT %(most)s) p
         CROSS JOIN LATERAL (SELECT id, product_id FROM head_office_photo WHERE product_id = p.id OFFSET 0) f)
        UNION ALL
        (SELECT photo_id, product_id, changed_at FROM head_office_photo_tombstone
         WHERE changed_at >= (SELECT at FROM oldest) ORDER BY changed_at DESC LIMIT %(most)s)
    ) every
    GROUP BY photo_id, product_id
)
SELECT (SELECT max(at) FROM head_office_heartbeat WHERE role = 'worker'), {ROWS_AS_JSON}, json_agg(json_build_object(
    'store_id', shown.store_id, 'state', state, 'state_since', state_since, 'verified_at', verified_at,
    {", ".join(f"'{name}', {name}" for name in PHOTO_COUNTS)},
    'lacking', lacking.count, 'lacking_since', lacking.since, 'fault_sides', (
        SELECT json_agg(side ORDER BY side) FROM (
            SELECT DISTINCT side FROM head_office_store_fault WHERE store_id = shown.store_id
        ) sides
    )
))::text
FROM shown
CROSS JOIN LATERAL (
    SELECT count(DISTINCT photo_id) AS count, min(at) AS since
    FROM (
        SELECT photo_id, at FROM changed
        WHERE at >= shown.checkpoint AND EXISTS (
            SELECT FROM head_office_assortment WHERE store_id = shown.store_id AND product_id = changed.product_id OFFSET 0
        )
        UNION ALL
        SELECT f.id, a.updated_at
        FROM (SELECT product_id, updated_at FROM head_office_assortment
              WHERE store_id = shown.store_id AND updated_at >= shown.checkpoint
              ORDER BY updated_at DESC LIMIT %(most)s) a
        CROSS JOIN LATERAL (SELECT id FROM head_office_photo WHERE product_id = a.product_id OFFSET 0) f
        UNION ALL
        SELECT f.id, t.changed_at
        FROM (SELECT product_id, changed_at FROM head_office_assortment_tombstone
              WHERE store_id = shown.store_id AND changed_at >= shown.checkpoint
              ORDER BY changed_at DESC LIMIT %(most)s) t
        CROSS JOIN LATERAL (SELECT id FROM head_office_photo WHERE product_id = t.product_id OFFSET 0) f
    ) every
    WHERE shown.is_behind
) lacking
"""
