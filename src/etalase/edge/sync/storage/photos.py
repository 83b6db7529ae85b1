"""Reads ``product_photo``, the guide's table, with plain SQL over arrays: a batch of products is one statement."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from etalase.edge.database import cursor
from etalase.edge.models import OwnState
from etalase.edge.sync.plan.model import Row, StoredRow
from etalase.edge.sync.storage.paging import AFTER_ID, PAGE_ROWS, paged
from etalase.objectstore.model import names_one_object
from etalase.postgres import takes
from etalase.protocol import KEY_PREFIX, Photo

COLUMN_NAMES = [column.name for column in fields(StoredRow)]
COLUMNS = ", ".join(COLUMN_NAMES)


def touching(photos: Collection[Photo]) -> list[Row]:
    """Returns the rows that a plan for ``photos`` needs: rows with the same products, ids or keys."""
    with cursor() as db:
        db.execute(
            f"SELECT {COLUMNS} FROM product_photo WHERE product_id = ANY(%s) OR id = ANY(%s) OR object_key = ANY(%s)",
            [
                list({photo.product_id for photo in photos}),
                [photo.id for photo in photos],
                [
                    photo.object_key
                    for photo in photos
                    if photo.object_key and "\0" not in photo.object_key and takes(photo.object_key)
                ],
            ],
        )
        return [_row(record) for record in db.fetchall()]


def every() -> Iterator[Row]:
    """Yields all rows, in the order of their ids."""
    return map(_row, paged(f"SELECT {COLUMNS} FROM product_photo WHERE {AFTER_ID} ORDER BY id"))


def in_batches() -> Iterator[list[Row]]:
    """Yields all rows in lists of at most :data:`PAGE_ROWS`."""
    rest = every()
    while batch := list(islice(rest, PAGE_ROWS)):
        yield batch


def count() -> int:
    """Returns the number of rows."""
    with cursor() as db:
        db.execute("SELECT count(*) FROM product_photo")
        return int(db.fetchone()[0])


def count_among(ids: Iterable[UUID]) -> int:
    """Returns how many of the photos ``ids`` have a row."""
    with cursor() as db:
        db.execute("SELECT count(*) FROM product_photo WHERE id = ANY(%s)", [list(ids)])
        return int(db.fetchone()[0])


def sample(count: int, *, first: UUID) -> list[Row]:
    """Returns up to ``count`` rows with an object, from the id ``first`` on, or from the least id if too few follow."""
    with cursor() as db:
        for start in (first, UUID(int=0)):
            db.execute(
                f"SELECT {COLUMNS} FROM product_photo WHERE id >= %s AND object_key > '' ORDER BY id LIMIT %s", [start, count]
            )
            if len(found := db.fetchall()) == count:
                break
        return [_row(record) for record in found]


def ids() -> Iterator[UUID]:
    """Yields the ids of all rows."""
    return (record[0] for record in paged(f"SELECT id FROM product_photo WHERE {AFTER_ID} ORDER BY id"))


def keys() -> Iterator[str]:
    """Yields the object keys of all rows."""
    return (record[1] or "" for record in paged(f"SELECT id, object_key FROM product_photo WHERE {AFTER_ID} ORDER BY id"))


def of_products(ids: Collection[UUID]) -> list[Row]:
    """Returns all rows of the products ``ids``."""
    with cursor() as db:
        db.execute(f"SELECT {COLUMNS} FROM product_photo WHERE product_id = ANY(%s)", [list(ids)])
        return [_row(record) for record in db.fetchall()]


def undamaged_of(product_ids: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """Returns the photos that each of these products can show; without a product that has none (invariant I2)."""
    with cursor() as db:
        db.execute(
            "SELECT product_id, array_agg(id) FROM product_photo WHERE product_id = ANY(%s)"
            " AND id NOT IN (SELECT photo_id FROM etalase_doubt) GROUP BY product_id",
            [list(product_ids)],
        )
        return {product_id: set(ids) for product_id, ids in db.fetchall()}


def with_ids(ids: Collection[UUID]) -> list[Row]:
    """Returns the existing rows with these ids."""
    with cursor() as db:
        db.execute(f"SELECT {COLUMNS} FROM product_photo WHERE id = ANY(%s) ORDER BY id", [list(ids)])
        return [_row(record) for record in db.fetchall()]


def owners(keys: Collection[str]) -> dict[str, str]:
    """Returns the checksum of a row of each key that has rows; rows that share a key count once."""
    with cursor() as db:
        db.execute(
            "SELECT object_key, lower(checksum) FROM product_photo WHERE object_key = ANY(%s)", [list(filter(takes, keys))]
        )
        return {key: checksum or "" for key, checksum in db.fetchall()}


def with_bytes(checksums: Collection[str]) -> dict[str, str]:
    """Returns the key of one object with these bytes, by checksum; without objects that are marked as damaged."""
    if not checksums:
        return {}
    with cursor() as db:
        db.execute(
            "SELECT lower(checksum), min(object_key) FROM product_photo WHERE lower(checksum) = ANY(%s)"
            " AND starts_with(object_key, %s) AND id NOT IN (SELECT photo_id FROM etalase_doubt) GROUP BY 1",
            [list(checksums), KEY_PREFIX],
        )
        return {checksum: key for checksum, key in db.fetchall() if names_one_object(key)}


def products_with_a_photo() -> int:
    """Returns the number of products with at least one photo."""
    with cursor() as db:
        db.execute("SELECT count(DISTINCT product_id) FROM product_photo")
        return int(db.fetchone()[0])


def marked_unattended(*, asked_before: datetime) -> list[Row]:
    """Returns the damaged photos that no other part of the sync handles: not on the retry list, without an open removal.

    Leaves out photos that were missing from head office's list at ``asked_before`` or later.
    """
    with cursor() as db:
        db.execute(
            f"SELECT {COLUMNS} FROM product_photo WHERE id IN (SELECT photo_id FROM etalase_doubt d"
            " WHERE (asked_at IS NULL OR asked_at < %s)"
            " AND NOT EXISTS (SELECT 1 FROM etalase_pending_photo o WHERE o.photo_id = d.photo_id)"
            " AND NOT EXISTS (SELECT 1 FROM etalase_removal r WHERE r.photo_id = d.photo_id AND r.state <> 'applied')"
            " AND NOT EXISTS (SELECT 1 FROM etalase_own_photo w WHERE w.photo_id = d.photo_id AND w.state <> %s))",
            [asked_before, OwnState.DISOWNED],
        )
        return [_row(record) for record in db.fetchall()]


def listed_and_here() -> tuple[int, int]:
    """Returns the number of photos on head office's list, by the last finished runs, and how many of them are published here.

    Neither number counts a photo with an open or refused removal, a parked photo, nor one of the store's own.
    """
    with cursor() as db:
        db.execute(
            "SELECT count(*), count(*) FILTER (WHERE o.photo_id IS NULL) FROM product_photo p"
            " FULL JOIN (SELECT photo_id FROM etalase_pending_photo WHERE reason <> 'product_missing') o ON o.photo_id = p.id"
            " WHERE NOT EXISTS (SELECT 1 FROM etalase_removal r"
            " WHERE r.photo_id = coalesce(p.id, o.photo_id) AND r.state <> 'applied')"
            " AND NOT EXISTS (SELECT 1 FROM etalase_own_photo w WHERE w.photo_id = p.id AND w.state <> %s)",
            [OwnState.DISOWNED],
        )
        listed, here = db.fetchone()
        return listed, here


def _row(record: tuple[Any, ...]) -> Row:
    values = dict(zip(COLUMN_NAMES, record, strict=True))
    values["object_key"], values["is_primary"] = values["object_key"] or "", bool(values["is_primary"])
    return Row(**values, object_etag=values["checksum"] and values["checksum"].lower())
