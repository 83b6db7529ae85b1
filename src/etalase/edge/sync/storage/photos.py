"""Reads and writes ``product_photo``, the guide's table, with plain SQL over arrays: a batch of products is one statement.

Each function that inserts or deletes rows changes the expected row count of the checkpoint in the same transaction. If the
table has fewer rows than that count, another program deleted some.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction

from etalase.edge.database import cursor, translated
from etalase.edge.models import OwnState
from etalase.edge.sync.plan.model import Row, StoredRow
from etalase.edge.sync.publish.put import ProductResult
from etalase.edge.sync.storage import checkpoint, intents, own_objects, reclaims, suspects
from etalase.edge.sync.storage.paging import AFTER_ID, PAGE_ROWS, paged
from etalase.objectstore.model import names_one_object
from etalase.postgres import sqlstate_of
from etalase.protocol import KEY_PREFIX, Photo

# https://www.postgresql.org/docs/current/errcodes-appendix.html
FOREIGN_KEY_VIOLATION = "23503"
_COLUMN_NAMES = [column.name for column in fields(StoredRow)]
_COLUMNS = ", ".join(_COLUMN_NAMES)
_UPSERT = f"""
    INSERT INTO product_photo ({_COLUMNS}, created_at)
    SELECT {_COLUMNS.replace("updated_at", "coalesce(updated_at, now())")}, now() FROM json_to_recordset(%s::json) AS photo (
        id uuid, product_id uuid, object_key text, filename text, size int, content_type text, checksum text, version int,
        is_primary bool, sort_order int, updated_at timestamptz)
    ON CONFLICT (id) DO UPDATE SET
        product_id = excluded.product_id, object_key = excluded.object_key, filename = excluded.filename,
        size = excluded.size, content_type = excluded.content_type, checksum = excluded.checksum,
        version = excluded.version, is_primary = excluded.is_primary, sort_order = excluded.sort_order,
        updated_at = excluded.updated_at
    RETURNING xmax = 0
"""


def touching(photos: Collection[Photo]) -> list[Row]:
    """Returns the rows that a plan for ``photos`` needs: rows with the same products, ids or keys."""
    with cursor() as db:
        db.execute(
            f"SELECT {_COLUMNS} FROM product_photo WHERE product_id = ANY(%s) OR id = ANY(%s) OR object_key = ANY(%s)",
            [
                list({photo.product_id for photo in photos}),
                [photo.id for photo in photos],
                [photo.object_key for photo in photos if photo.object_key and "\0" not in photo.object_key],
            ],
        )
        return [_row(record) for record in db.fetchall()]


def every() -> Iterator[Row]:
    """Yields all rows, in the order of their ids."""
    return map(_row, paged(f"SELECT {_COLUMNS} FROM product_photo WHERE {AFTER_ID} ORDER BY id"))


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
                f"SELECT {_COLUMNS} FROM product_photo WHERE id >= %s AND object_key > '' ORDER BY id LIMIT %s", [start, count]
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
        db.execute(f"SELECT {_COLUMNS} FROM product_photo WHERE product_id = ANY(%s)", [list(ids)])
        return [_row(record) for record in db.fetchall()]


def with_ids(ids: Collection[UUID]) -> list[Row]:
    """Returns the existing rows with these ids."""
    with cursor() as db:
        db.execute(f"SELECT {_COLUMNS} FROM product_photo WHERE id = ANY(%s) ORDER BY id", [list(ids)])
        return [_row(record) for record in db.fetchall()]


def owners(keys: Collection[str]) -> dict[str, str]:
    """Returns the checksum of a row of each key that has rows; rows that share a key count once."""
    with cursor() as db:
        db.execute("SELECT object_key, lower(checksum) FROM product_photo WHERE object_key = ANY(%s)", [list(keys)])
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


def suspect_unattended(*, asked_before: datetime) -> list[Row]:
    """Returns the damaged photos that no other part of the sync handles: not on the retry list, without an open removal.

    Leaves out photos that were missing from head office's list at ``asked_before`` or later.
    """
    with cursor() as db:
        db.execute(
            f"SELECT {_COLUMNS} FROM product_photo WHERE id IN (SELECT photo_id FROM etalase_doubt d"
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


# Publishing: rows after objects
def commit(batch: Sequence[ProductResult], *, at: datetime) -> list[ProductResult]:
    """Writes the rows of whole products in the caller's transaction. Returns the products that no longer exist.

    Each product fails inside its own savepoint, so that a deleted product does not affect the others.
    """
    with cursor() as db:
        # PostgreSQL checks a foreign key made by a project's own Django at COMMIT, after every savepoint (hazard 58).
        db.execute("SET CONSTRAINTS ALL IMMEDIATE")
    try:
        with translated(), transaction.atomic():
            _write(batch, at)
        return []
    except IntegrityError as error:
        if sqlstate_of(error) != FOREIGN_KEY_VIOLATION:
            raise
        vanished: list[ProductResult] = []
        for product in batch:
            try:
                with translated(), transaction.atomic():
                    _write([product], at)
            except IntegrityError as failure:
                if sqlstate_of(failure) != FOREIGN_KEY_VIOLATION:
                    raise
                vanished.append(product)
        return vanished


def _write(batch: Sequence[ProductResult], at: datetime) -> None:
    steps = [step for product in batch for step in product.published]
    displaced = [photo_id for product in batch for photo_id in product.displaced]
    more = 0
    with cursor() as db:
        if displaced:
            db.execute("DELETE FROM product_photo WHERE id = ANY(%s)", [displaced])
            more -= db.rowcount
        demoted = [step.photo.id for step in steps if step.row_is_primary and not step.photo.is_primary]
        if demoted:
            # Before the upsert, because a customer's unique index on the primary photo cannot be deferred (hazard 58).
            db.execute("UPDATE product_photo SET is_primary = FALSE WHERE id = ANY(%s)", [demoted])
        if steps:
            # Each photo once, because PostgreSQL refuses a statement that writes a row twice.
            photos = {step.photo.id: _as_row(step.photo) for step in steps}
            db.execute(_UPSERT, [msgspec.json.encode(list(photos.values())).decode()])
            more += sum(inserted for (inserted,) in db.fetchall())
    checkpoint.add_to_row_count(more)
    named = {step.photo.object_key or "" for step in steps}
    own_objects.end(named)  # before any later schedule: the object is head office's by now
    reclaims.cancel(named)
    reclaims.schedule([s.row_key for s in steps if s.row_key and s.row_key != s.photo.object_key], at=at)
    unsettled = {key for product in batch for key in product.unsettled_keys}
    # A photo that failed before its put keeps the intent of an earlier run, whose object may be under the key.
    settled = [step for step in steps if not step.demotes]
    intents.clear({step.photo.object_key or "" for step in settled} - unsettled)
    # Also if only the row changed: then the object already has the right bytes.
    suspects.clear([step.photo.id for step in settled])
    suspects.mark_unless_replaced({one for product in batch for one in product.rotten}, but=[step.photo.id for step in settled])


def delete(photo_ids: Collection[UUID], *, at: datetime) -> int:
    """Deletes rows and schedules their objects for deletion after the grace period (hazard 15). Returns the number of rows."""
    with cursor() as db:
        db.execute("DELETE FROM product_photo WHERE id = ANY(%s) RETURNING object_key", [list(photo_ids)])
        gone = db.fetchall()
    checkpoint.add_to_row_count(-len(gone))
    reclaims.schedule([record[0] for record in gone if record[0]], at=at)
    return len(gone)


def to_json(row: Row) -> dict[str, Any]:
    """Returns the row as JSON for :func:`restore`."""
    record: dict[str, Any] = json.loads(json.dumps({name: getattr(row, name) for name in _COLUMN_NAMES}, default=str))
    return record


@dataclass(frozen=True, slots=True)
class _SavedRow(StoredRow):
    """The JSON of :func:`to_json`, to check a value of the JSON column against."""

    product_sku: str = ""


def is_restorable(record: object) -> bool:
    """Returns whether :func:`restore` can write ``record`` as a row."""
    try:
        msgspec.convert(record, _SavedRow)
    except msgspec.ValidationError:
        return False
    return True


def restore(records: Sequence[dict[str, Any]]) -> None:
    """Writes rows that :func:`to_json` saved. A product's current primary photo stays the primary one."""
    with cursor() as db:
        db.execute(_UPSERT, [json.dumps(list(records))])
        checkpoint.add_to_row_count(sum(inserted for (inserted,) in db.fetchall()))
        db.execute(
            "UPDATE product_photo p SET is_primary = FALSE WHERE id = ANY(%s) AND is_primary AND EXISTS"
            " (SELECT 1 FROM product_photo o WHERE o.product_id = p.product_id AND o.is_primary AND o.id <> ALL(%s))",
            2 * [[UUID(record["id"]) for record in records]],
        )
        db.execute("DELETE FROM etalase_reclaim r USING product_photo p WHERE p.object_key = r.object_key")


def _as_row(photo: Photo) -> Photo:
    """Returns the photo in a form that PostgreSQL accepts.

    Texts without a column are empty, because a NUL in them must not fail the row. The time is in UTC, because PostgreSQL
    refuses large offsets; a time beyond the year 9999 counts as unknown.
    """
    try:
        at = photo.updated_at and photo.updated_at.astimezone(UTC)
    except OverflowError:
        at = None
    return msgspec.structs.replace(photo, product_sku=None, product_name=None, image_url="", updated_at=at)


def _row(record: tuple[Any, ...]) -> Row:
    values = dict(zip(_COLUMN_NAMES, record, strict=True))
    values["object_key"], values["is_primary"] = values["object_key"] or "", bool(values["is_primary"])
    return Row(**values, object_etag=values["checksum"] and values["checksum"].lower())
