"""Counts the dishes that every store shows as head office lists them, and lists the others, most stores first.

Counted are stores whose report holds; the others are named by state, and neither help nor harm a dish. A dish is covered where
it has a photo and no counted store that sells it has a fault of it, or has yet to fetch a change of it.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from etalase.head_office.database import prepared_cursor
from etalase.head_office.fleet.overview import Reach, overview
from etalase.head_office.fleet.overview_sql import within
from etalase.head_office.fleet.photo_stores import DOUBTS, SILENT_STATES
from etalase.head_office.fleet.states import StoreState

# Of changed dishes, the newest whose stores are counted; of an older one, one store is enough.
MOST_COUNTED: Final = 50
WORKLIST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class UncoveredDish:
    """A dish that some store does not show, and in how many stores; without a photo, in all that sell it."""

    product_id: UUID
    sku: str
    name: str
    has_photo: bool
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuCoverage:
    """The dishes sold, those covered in all ``stores``, and the worklist. ``left_out`` are stores by state."""

    sold: int
    covered: int
    stores: int
    left_out: dict[StoreState, int]
    worklist: Sequence[UncoveredDish]


def coverage_of(reach: Reach) -> MenuCoverage:
    """Returns the coverage of the companies within ``reach``."""
    stores = overview(reach).stores
    counted, left_out = [], Counter[StoreState]()
    for store in stores:
        doubted = DOUBTS & {because.cause for because in store.verdict.because}
        if store.state in SILENT_STATES or doubted:
            left_out[store.state] += 1
        else:
            counted.append(store.id)
    with prepared_cursor() as cursor:
        values: dict[str, Any] = {
            **reach.values,
            "ids": [UUID(id_) for id_ in counted],
            "most_counted": MOST_COUNTED,
            "worklist": WORKLIST,
        }
        cursor.execute(COVERAGE, values)
        sold, uncovered, worklist = cursor.fetchone()
    dishes = [UncoveredDish(**dish | {"product_id": UUID(dish["product_id"])}) for dish in json.loads(worklist or "[]")]
    return MenuCoverage(sold=sold, covered=sold - uncovered, stores=len(counted), left_out=dict(left_out), worklist=dishes)


COVERAGE: Final = f"""
WITH counted AS MATERIALIZED (
    SELECT r.store_id, coalesce(r.checkpoint, '-infinity') AS checkpoint
    FROM unnest(%(ids)s::uuid[]) asked (id) JOIN head_office_store_report r ON r.store_id = asked.id
),
oldest AS MATERIALIZED (SELECT min(checkpoint) AS at FROM counted),
sold AS MATERIALIZED (
    SELECT p.id, p.sku, p.name, EXISTS (SELECT FROM head_office_photo WHERE product_id = p.id OFFSET 0) AS has_photo
    FROM head_office_product p
    WHERE {within("p.company_id")} AND EXISTS (SELECT FROM head_office_assortment WHERE product_id = p.id OFFSET 0)
),
faulty AS MATERIALIZED (
    SELECT x.product_id, x.store_id FROM head_office_store_fault x JOIN counted USING (store_id)
    UNION
    SELECT a.product_id, c.store_id
    FROM counted c
    CROSS JOIN LATERAL (
        SELECT product_id FROM head_office_assortment WHERE store_id = c.store_id AND updated_at >= c.checkpoint OFFSET 0
    ) a
),
changed AS MATERIALIZED (
    SELECT product_id, at, row_number() OVER (ORDER BY at DESC) AS number
    FROM (
        SELECT product_id, max(at) AS at
        FROM (
            SELECT id AS product_id, updated_at AS at FROM head_office_product WHERE updated_at >= (SELECT at FROM oldest)
            UNION ALL
            SELECT product_id, updated_at FROM head_office_photo WHERE updated_at >= (SELECT at FROM oldest)
        ) every
        GROUP BY product_id
    ) newest
),
lacking AS MATERIALIZED (
    SELECT product_id, count(*) AS stores FROM faulty GROUP BY product_id
    UNION ALL
    SELECT d.product_id, l.stores
    FROM changed d
    CROSS JOIN LATERAL (
        SELECT count(*) AS stores
        FROM (
            SELECT FROM (SELECT store_id FROM head_office_assortment WHERE product_id = d.product_id OFFSET 0) a
            JOIN counted c ON c.store_id = a.store_id AND c.checkpoint <= d.at
            WHERE ((d.product_id, c.store_id) NOT IN (SELECT product_id, store_id FROM faulty)) IS TRUE
            LIMIT CASE WHEN d.number > %(most_counted)s THEN 1 END
        ) stores
    ) l
    WHERE l.stores > 0
),
uncovered AS MATERIALIZED (
    SELECT sold.*, coalesce(l.stores, 0) AS missing
    FROM sold LEFT JOIN (SELECT product_id, sum(stores) AS stores FROM lacking GROUP BY product_id) l ON l.product_id = sold.id
    WHERE NOT sold.has_photo OR l.stores > 0
),
ranked AS MATERIALIZED (
    SELECT u.id, u.sku, u.name, u.has_photo, CASE WHEN u.has_photo THEN u.missing ELSE (
        SELECT count(*) FROM head_office_assortment a JOIN counted c ON c.store_id = a.store_id WHERE a.product_id = u.id
    ) END AS missing
    FROM (SELECT * FROM uncovered ORDER BY has_photo, missing DESC, sku LIMIT 2 * %(worklist)s) u
    ORDER BY missing DESC, u.sku LIMIT %(worklist)s
)
SELECT (SELECT count(*) FROM sold), (SELECT count(*) FROM uncovered), (SELECT json_agg(json_build_object(
    'product_id', id, 'sku', sku, 'name', name, 'has_photo', has_photo, 'missing', missing
) ORDER BY missing DESC, sku) FROM ranked)::text
"""
