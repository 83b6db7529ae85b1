"""The feed: photos and products of a store, all or changed since a time (docs/PRODUCT_PHOTO_SYNC_API_REFERENCE.md).

Reads only. A page is a range of immutable positions, so that each page costs the same and no row that changes between two
pages is missed (hazard 1). ``sync_timestamp`` is a horizon: each change with an earlier time stamp is visible by now
(hazard 2). Both rely on the triggers of migration 0002.
"""

import heapq
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from etalase.head_office.feed_renditions import RENDITION_DIGEST, PublicBucket, add_renditions
from etalase.head_office.horizon import Horizon, read_horizon
from etalase.protocol import format_time

PageRow: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class StoreIdentity:
    """The store of a page; the view has checked that the account may read it."""

    id: UUID
    company_id: UUID
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The range of a page: ``offset`` is 0 or an earlier ``next_offset``; ``limit`` counts live rows and tombstones together.

    ``with_digest`` has an effect on the first page of the photo feed only, ``with_renditions`` on all of its pages.
    """

    limit: int
    offset: int = 0
    updated_since: datetime | None = None
    with_digest: bool = False
    with_renditions: bool = False


@contextmanager
def one_snapshot() -> Iterator[CursorWrapper]:
    """Yields a cursor whose statements all see the same state and cannot write."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield cursor


def photo_page(store: StoreIdentity, request: PageRequest, bucket: PublicBucket) -> dict[str, Any]:
    """Returns a page of the photo feed, with the fields of the guide."""
    horizon = read_horizon()
    with one_snapshot() as cursor:
        floor, total, products_changed_at = _one(cursor, PHOTO_STATE, {"store_id": store.id})
        since = _since(request, horizon, floor)
        live, tombstones = _rows(cursor, LIVE_PHOTOS, PHOTO_TOMBSTONES, store, request, since)
        # The digest is of the page's own snapshot: rows beyond the horizon are sent now and once more, later rows next time.
        wanted = [PHOTO_DIGEST, *([RENDITION_DIGEST] if request.with_renditions else [])] if request.with_digest else []
        digests = [] if request.offset else [_one(cursor, sql, {"store_id": store.id})[0] for sql in wanted]
        rows, deleted_ids, next_offset = _cut(live, tombstones, request.limit)
        photos = [_photo(row, bucket) for row in rows]
        if request.with_renditions and photos:
            add_renditions(cursor, photos, bucket)
    at_worst = since or floor
    page = {
        "photos": photos,
        "deleted_ids": deleted_ids,
        **_envelope(store, request, horizon.at(at_worst=at_worst), since, total=total, next_offset=next_offset),
    }
    if products_changed_at is not None and products_changed_at >= horizon.at(at_worst=at_worst):
        # An open transaction may still commit an older change: the text differs on each page until that transaction ends.
        products_changed_at = horizon.clock
    page["products_changed_at"] = products_changed_at and format_time(products_changed_at)
    return page | dict(zip(("digest", "rendition_digest"), digests, strict=False))


def product_page(store: StoreIdentity, request: PageRequest) -> dict[str, Any]:
    """Returns a page of the products that the store sells, in the envelope of the photo feed."""
    horizon = read_horizon()
    with one_snapshot() as cursor:
        floor, total = _one(cursor, PRODUCT_STATE, {"store_id": store.id})
        since = _since(request, horizon, floor)
        live, tombstones = _rows(cursor, LIVE_PRODUCTS, PRODUCT_TOMBSTONES, store, request, since)
    rows, deleted_ids, next_offset = _cut(live, tombstones, request.limit)
    return {
        "products": [
            {"id": id_, "sku": sku, "name": name, "category": category, "updated_at": format_time(updated_at)}
            for _, id_, sku, name, category, updated_at in rows
        ],
        "deleted_ids": deleted_ids,
        **_envelope(store, request, horizon.at(at_worst=since or floor), since, total=total, next_offset=next_offset),
    }


def _since(request: PageRequest, horizon: Horizon, floor: datetime) -> datetime | None:
    """Returns the time from which changes are listed, or None for the full set."""
    if request.updated_since is None or not floor <= request.updated_since <= horizon.clock:
        return None
    return request.updated_since


def _rows(
    cursor: CursorWrapper, live_sql: str, tombstone_sql: str, store: StoreIdentity, request: PageRequest, since: datetime | None
) -> tuple[list[PageRow], list[PageRow]]:
    """Returns up to ``limit + 1`` live rows and tombstones, position first; the extra row shows that another page follows."""
    values: dict[str, Any] = {"store_id": store.id, "offset": request.offset, "limit": request.limit + 1, "since": since}
    if since is None:
        cursor.execute(live_sql.format(changed="", sets=""), values)
        return cursor.fetchall(), []
    times, sets = "p.updated_at, a.updated_at", ""
    if live_sql is LIVE_PHOTOS:
        times += ", f.updated_at"
        if request.with_renditions:
            times, sets = f"{times}, s.changed_at", "LEFT JOIN head_office_rendition_set s ON s.photo_id = f.id"
    cursor.execute(live_sql.format(changed=f"AND greatest({times}) >= %(since)s", sets=sets), values)
    live = cursor.fetchall()
    cursor.execute(tombstone_sql, values)
    return live, cursor.fetchall()


def _cut(live: list[PageRow], tombstones: list[PageRow], limit: int) -> tuple[list[PageRow], list[UUID], int | None]:
    """Returns the first ``limit`` rows of both kinds by position: live rows, deleted ids, and the offset of the next page."""
    merged = list(heapq.merge(((row, True) for row in live), ((row, False) for row in tombstones), key=lambda pair: pair[0][0]))
    taken = merged[:limit]
    next_offset = taken[-1][0][0] if len(merged) > limit else None
    deleted_ids = dict.fromkeys(row[1] for row, is_live in taken if not is_live)
    return [row for row, is_live in taken if is_live], list(deleted_ids), next_offset


def _envelope(
    store: StoreIdentity,
    request: PageRequest,
    horizon: datetime,
    since: datetime | None,
    *,
    total: int,
    next_offset: int | None,
) -> dict[str, Any]:
    envelope: dict[str, Any] = {
        "sync_timestamp": format_time(horizon),
        "total": total,
        "has_more": next_offset is not None,
        "next_offset": next_offset,
        "filter": {"company_id": store.company_id, "store_id": store.id},
        "store": {"id": store.id, "code": store.code, "name": store.name},
    }
    if request.updated_since is not None and since is None:
        envelope["full"] = True
    return envelope


def _photo(row: PageRow, bucket: PublicBucket) -> dict[str, Any]:
    _, id_, product_id, sku, name, key, filename, size, content_type, checksum, version, primary, order, updated_at = row
    return {
        "id": id_,
        "product_id": product_id,
        "product_sku": sku,
        "product_name": name,
        "object_key": key,
        "filename": filename,
        "size": size,
        "content_type": content_type,
        "checksum": checksum,
        "version": version,
        "is_primary": primary,
        "sort_order": order,
        "updated_at": format_time(updated_at),
        "image_url": bucket.url(key, checksum=checksum, version=version),
    }


def _one(cursor: CursorWrapper, sql: str, values: Mapping[str, Any]) -> PageRow:
    cursor.execute(sql, values)
    row: PageRow = cursor.fetchone()
    return row


PHOTO_STATE = """
SELECT
    (SELECT floor FROM head_office_feed_floor),
    (SELECT count(*) FROM head_office_assortment a JOIN head_office_photo f USING (product_id) WHERE a.store_id = %(store_id)s),
    greatest(
        (SELECT max(greatest(a.updated_at, p.updated_at))
         FROM head_office_assortment a JOIN head_office_product p ON p.id = a.product_id WHERE a.store_id = %(store_id)s),
        (SELECT max(changed_at) FROM head_office_assortment_tombstone WHERE store_id = %(store_id)s)
    )
"""

# The same digest as etalase.photo_digest.photos_digest. No column is null here, and no checksum has capital letters.
# OFFSET 0 keeps the planner from reading the photos of the whole chain: 7 ms instead of 22 for 2,000 of 100,000.
PHOTO_DIGEST = r"""
SELECT md5(coalesce(string_agg(md5(convert_to(
    f.id || '|' || f.product_id
    || '|' || replace(replace(f.object_key, '\', '\\'), '|', '\|')
    || '|' || replace(replace(f.filename, '\', '\\'), '|', '\|')
    || '|' || f.size
    || '|' || replace(replace(f.content_type, '\', '\\'), '|', '\|')
    || '|' || f.checksum || '|' || f.version || '|' || f.is_primary || '|' || f.sort_order,
    'UTF8')), '' ORDER BY f.id), ''))
FROM head_office_assortment a
CROSS JOIN LATERAL (SELECT * FROM head_office_photo WHERE product_id = a.product_id OFFSET 0) f
WHERE a.store_id = %(store_id)s
"""

PRODUCT_STATE = """
SELECT
    (SELECT floor FROM head_office_feed_floor),
    (SELECT count(*) FROM head_office_assortment WHERE store_id = %(store_id)s)
"""

LIVE_PHOTOS = """
SELECT f.position, f.id, p.id, p.sku, p.name, f.object_key, f.filename, f.size, f.content_type, f.checksum, f.version,
       f.is_primary, f.sort_order, f.updated_at
FROM head_office_assortment a
JOIN head_office_product p ON p.id = a.product_id
JOIN head_office_photo f ON f.product_id = p.id
{sets}
WHERE a.store_id = %(store_id)s AND f.position > %(offset)s {changed}
ORDER BY f.position LIMIT %(limit)s
"""

LIVE_PRODUCTS = """
SELECT a.position, p.id, p.sku, p.name, p.category, p.updated_at
FROM head_office_assortment a
JOIN head_office_product p ON p.id = a.product_id
WHERE a.store_id = %(store_id)s AND a.position > %(offset)s {changed}
ORDER BY a.position LIMIT %(limit)s
"""

# A photo is deleted for a store that sold its product before the deletion, or that stopped selling the product after the
# photo was made, unless the store has the photo again.
PHOTO_TOMBSTONES = """
WITH known AS (
    SELECT product_id, min(first_sold_at) AS first_sold_at, max(ended_at) AS ended_at
    FROM (
        SELECT product_id, created_at AS first_sold_at, NULL::timestamptz AS ended_at
        FROM head_office_assortment WHERE store_id = %(store_id)s
        UNION ALL
        SELECT product_id, first_sold_at, changed_at
        FROM head_office_assortment_tombstone WHERE store_id = %(store_id)s
    ) sold
    GROUP BY product_id
)
SELECT max(deleted.position) AS position, deleted.photo_id
FROM (
    SELECT t.photo_id, t.position
    FROM head_office_photo_tombstone t JOIN known k USING (product_id)
    WHERE t.changed_at >= %(since)s AND t.changed_at >= k.first_sold_at
    UNION ALL
    SELECT f.id, f.position
    FROM known k JOIN head_office_photo f USING (product_id)
    WHERE k.ended_at >= %(since)s AND f.created_at <= k.ended_at
) deleted
WHERE NOT EXISTS (
    SELECT FROM head_office_photo f JOIN head_office_assortment a USING (product_id)
    WHERE f.id = deleted.photo_id AND a.store_id = %(store_id)s
)
GROUP BY deleted.photo_id
HAVING max(deleted.position) > %(offset)s
ORDER BY 1 LIMIT %(limit)s
"""

PRODUCT_TOMBSTONES = """
SELECT t.position, t.product_id
FROM head_office_assortment_tombstone t
WHERE t.store_id = %(store_id)s AND t.changed_at >= %(since)s AND t.position > %(offset)s
  AND NOT EXISTS (SELECT FROM head_office_assortment a WHERE a.store_id = t.store_id AND a.product_id = t.product_id)
ORDER BY t.position LIMIT %(limit)s
"""
