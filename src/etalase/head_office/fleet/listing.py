"""Finds what head office lists for a store: the digest of its photos, and when anything visible to it last changed.

Stores that sell the same products share one digest. Nothing is written when a photo changes: what is kept holds as long as no
row that counts has a stamp of ``as_of`` or later; ``as_of`` is a horizon that was read before the rows (ADR 0007, ADR 0034).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from etalase.head_office.database import prepared_cursor, prepared_row
from etalase.head_office.feed_sql import PHOTO_DIGEST
from etalase.head_office.fleet.comparison import StoreListing

# Above this number of changes since the last count, the dishes of the store are read instead.
NEWEST_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class KeptListing:
    """What is kept of a store's listing, and the newest stamps now: of its sales, and of the whole chain."""

    newest_sale: datetime | None
    newest: datetime | None
    assortment: str | None
    sold_as_of: datetime | None
    digest: str | None
    changed_at: datetime | None
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class FoundListing:
    """A store's listing, and the assortment that it was found by."""

    listing: StoreListing
    assortment: str
    sold_at: datetime | None


def listing_of(
    store_id: UUID, kept: KeptListing, *, checkpoint: datetime | None, horizon: datetime, read_at: datetime
) -> FoundListing:
    """Returns what head office lists for the store, counted anew where what is kept no longer holds.

    ``horizon`` was read before ``kept``. The digest is empty where the checkpoint is too old for a comparison, and is then not
    computed.
    """
    assortment = kept.assortment
    holds = _holds(kept.newest_sale, kept.sold_as_of)
    if assortment is None or not holds:
        assortment = str(_value(ASSORTMENT, store_id))
    digest, changed_at, as_of = kept.digest, kept.changed_at, kept.as_of
    if assortment != kept.assortment:
        digest, changed_at, as_of = prepared_row(KEPT_DIGEST, {"assortment": assortment}) or (None, None, None)
    is_outdated = not _holds(kept.newest, as_of)
    if is_outdated:
        changed_at = _changed_at(store_id, changed_at, as_of)
        if not _holds(changed_at, as_of):
            digest = None
    visible_at = max(filter(None, (changed_at, kept.newest_sale)), default=None)
    is_comparable = checkpoint is not None and (visible_at is None or visible_at < checkpoint)
    is_missing = is_comparable and not digest
    if is_missing:
        digest = str(_value(PHOTO_DIGEST, store_id))
    if is_outdated or is_missing:
        with prepared_cursor() as cursor:
            cursor.execute(KEEP_DIGEST, [assortment, digest or "", changed_at, horizon])
    return FoundListing(StoreListing(digest or "", visible_at, read_at), assortment, kept.newest_sale)


def _changed_at(store_id: UUID, kept: datetime | None, as_of: datetime | None) -> datetime | None:
    """Returns when anything visible to the store last changed: from the newest changes of the chain, where these tell."""
    if as_of is not None:
        newest, looked_at = prepared_row(CHANGED_SINCE, {"store_id": store_id, "as_of": as_of}) or (None, 0)
        if newest is not None:
            seen: datetime = max(newest, kept or newest)
            return seen
        if looked_at < NEWEST_ROWS:
            return kept
    found: datetime | None = _value(CHANGED_AT, store_id)
    return found


def _holds(newest: datetime | None, as_of: datetime | None) -> bool:
    return as_of is not None and (newest is None or newest < as_of)


def _value(statement: str, store_id: UUID) -> Any:
    row = prepared_row(statement, {"store_id": store_id})
    return row[0] if row else None


ASSORTMENT = """
SELECT md5(coalesce(string_agg(product_id::text, '' ORDER BY product_id), ''))
FROM head_office_assortment WHERE store_id = %(store_id)s
"""

KEPT_DIGEST = "SELECT digest, changed_at, as_of FROM head_office_assortment_digest WHERE assortment = %(assortment)s"

# A deletion in a dish that the store sells now; of a dish that it sold before, the end of the sale is later or visible itself.
CHANGED_AT = """
SELECT max(greatest(
    (SELECT updated_at FROM head_office_product WHERE id = a.product_id),
    (SELECT max(updated_at) FROM head_office_photo WHERE product_id = a.product_id),
    (SELECT max(changed_at) FROM head_office_photo_tombstone WHERE product_id = a.product_id)
))
FROM head_office_assortment a WHERE a.store_id = %(store_id)s
"""

# Of each table the newest rows. If one of them is visible, the newest such is the newest of all; if none is, and they were all
# that changed, nothing visible did.
CHANGED_SINCE = f"""
SELECT max(at) FILTER (WHERE is_sold), count(*)
FROM (
    SELECT c.at, EXISTS (
        SELECT FROM head_office_assortment WHERE store_id = %(store_id)s AND product_id = c.product_id OFFSET 0
    ) AS is_sold
    FROM (
        (SELECT id AS product_id, updated_at AS at FROM head_office_product
         WHERE updated_at >= %(as_of)s ORDER BY updated_at DESC LIMIT {NEWEST_ROWS})
        UNION ALL
        (SELECT product_id, updated_at FROM head_office_photo
         WHERE updated_at >= %(as_of)s ORDER BY updated_at DESC LIMIT {NEWEST_ROWS})
        UNION ALL
        (SELECT product_id, changed_at FROM head_office_photo_tombstone
         WHERE changed_at >= %(as_of)s ORDER BY changed_at DESC LIMIT {NEWEST_ROWS})
    ) c
) looked_at
"""

KEEP_DIGEST = """
INSERT INTO head_office_assortment_digest AS kept (assortment, digest, changed_at, as_of)
VALUES (%s, %s, %s, %s)
ON CONFLICT (assortment) DO UPDATE SET digest = EXCLUDED.digest, changed_at = EXCLUDED.changed_at, as_of = EXCLUDED.as_of
WHERE kept.as_of < EXCLUDED.as_of OR (kept.as_of = EXCLUDED.as_of AND kept.digest = '')
"""
