"""Writes the rows of published photos to ``product_photo``, product by product.

Each function of this module and of :mod:`.removed_rows` that inserts or deletes rows changes the expected row count of the
checkpoint in the same transaction. If the table has fewer rows than that count, another program deleted some.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from etalase.edge.database import cursor
from etalase.edge.sync.product_result import ProductResult, Replaced
from etalase.edge.sync.storage import checkpoint, damage_marks, intents, own_objects, photos, reclaims
from etalase.edge.sync.storage.photo_rules import PhotoRules
from etalase.edge.sync.storage.photos import COLUMN_NAMES, COLUMNS
from etalase.edge.sync.storage.product_groups import Refused, Writer, by_product
from etalase.edge.sync.storage.room import NUMBERS, TEXTS, Leaving, Room, Way, interim_values
from etalase.edge.sync.storage.savepoints import check_at_once
from etalase.edge.sync.storage.whole_rows import insert_whole
from etalase.errors import RowRefused
from etalase.protocol import Photo

_RECORDS: Final = """json_to_recordset(%s::json) AS photo (
        id uuid, product_id uuid, object_key text, filename text, size int, content_type text, checksum text, version int,
        is_primary bool, sort_order int, updated_at timestamptz)"""
# Refuses an existing row, too, for want of a value that only new rows need, and runs the triggers of inserts for it.
UPSERT: Final = f"""
    INSERT INTO product_photo ({COLUMNS}, created_at)
    SELECT {COLUMNS.replace("updated_at", "coalesce(updated_at, now())")}, now() FROM {_RECORDS}
    ON CONFLICT (id) DO UPDATE SET
        product_id = excluded.product_id, object_key = excluded.object_key, filename = excluded.filename,
        size = excluded.size, content_type = excluded.content_type, checksum = excluded.checksum,
        version = excluded.version, is_primary = excluded.is_primary, sort_order = excluded.sort_order,
        updated_at = excluded.updated_at
    RETURNING xmax = 0, id, product_id, object_key, checksum
"""
_UPDATE: Final = f"""
    UPDATE product_photo AS p SET
        product_id = photo.product_id, object_key = photo.object_key, filename = photo.filename, size = photo.size,
        content_type = photo.content_type, checksum = photo.checksum, version = photo.version,
        is_primary = photo.is_primary, sort_order = photo.sort_order, updated_at = coalesce(photo.updated_at, now())
    FROM {_RECORDS} WHERE p.id = photo.id
    RETURNING FALSE, p.id, p.product_id, p.object_key, p.checksum
"""


def commit(batch: Sequence[ProductResult], *, rules: PhotoRules, at: datetime, together: bool) -> Refused:
    """Writes the rows of whole products in the caller's transaction. Returns the products that PostgreSQL refuses.

    ``together``: photos of different products may exchange values of unique rules.
    """
    if rules.at_commit:
        check_at_once()
    return by_product(batch, writer(rules, lambda some: _write(some, rules, at), counts=True), together=together)


def writer(rules: PhotoRules, write: Callable[[Sequence[ProductResult]], object], *, counts: bool = False) -> Writer:
    """Returns the writer of rows under these rules. ``counts``: the checkpoint's row count follows."""

    def room(batch: Sequence[ProductResult], room: Room) -> None:
        deleted = make_room(batch, rules, room)
        if counts:
            checkpoint.add_to_row_count(-deleted)

    ways = [[Way.NEAR, Way.FAR, Way.NULL]] + ([] if rules.for_deletes else [[Way.LIFTED]])
    return Writer(write, room, ways)


def _write(batch: Sequence[ProductResult], rules: PhotoRules, at: datetime) -> None:
    checkpoint.add_to_row_count(write_rows(batch, rules))
    steps = [step for product in batch for step in product.published]
    named = {step.photo.object_key or "" for step in steps}
    own_objects.end(named)  # before any later schedule: the object is head office's by now
    reclaims.cancel(named)
    reclaims.schedule([s.row_key for s in steps if s.row_key and s.row_key != s.photo.object_key], at=at)
    reclaims.schedule({one.row.object_key for product in batch for one in product.replaced} - named, at=at)
    unsettled = {key for product in batch for key in product.unsettled_keys}
    # A photo that failed before its put keeps the intent of an earlier run, whose object may be under the key.
    settled = [step for step in steps if not step.is_interim]
    intents.clear({step.photo.object_key or "" for step in settled} - unsettled)
    # Also if only the row changed: then the object already has the right bytes.
    damage_marks.clear([step.photo.id for step in settled])
    rotten = {one for product in batch for one in product.rotten}
    damage_marks.mark_unless_replaced(rotten, but=[step.photo.id for step in settled])


def write_rows(batch: Sequence[ProductResult], rules: PhotoRules) -> int:
    """Writes the rows. Returns how many more there are. Raises :class:`RowRefused`, also where a trigger swallows a write."""
    displaced = [photo_id for product in batch for photo_id in product.displaced]
    gone = [one.row.id for product in batch for one in product.replaced]
    lifted = {photo_id: whole for product in batch for photo_id, whole in product.lifted.items()}
    steps = [step for product in batch for step in product.published if step.photo.id not in gone]
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
            rows = {step.photo.id: _as_row(step.photo) for step in steps}
            for photo_id in lifted.keys() & rows.keys():
                insert_whole(db, lifted[photo_id], msgspec.json.encode(_columns(rows[photo_id])).decode())
            written = _write_photos(db, rows, rules)
            more += sum(inserted for inserted, *_ in written)
            _check_kept(rows, {id_: values for _, id_, *values in written}, rules)
        if gone:
            more -= _delete(db, gone, rules)
    return more


def make_room(batch: Sequence[ProductResult], rules: PhotoRules, room: Room) -> int:
    """Gives existing rows values that no other row has, in each column that a unique rule is about. Returns the deletions.

    Raises :class:`RowRefused`. Rows that head office no longer lists are noted in the results where they make room, too.
    """
    leaving = [] if room.leaving is Leaving.STAY else _note_leaving(batch)
    listed = {step.photo.id: step.photo for product in batch for step in product.published if step.photo.id not in leaving}
    columns = [name for name in (*NUMBERS, *TEXTS, "is_primary") if name in rules.unique]
    deleted = 0
    with cursor() as db:
        if leaving:
            db.execute("UPDATE product_photo SET is_primary = FALSE WHERE is_primary AND id = ANY(%s)", [leaving])
        if room.leaving is Leaving.FIRST:
            deleted = _delete(db, leaving, rules)
        if room.way is Way.LIFTED:
            _lift(db, [*listed], batch)
        elif columns:
            rows = photos.with_ids([*listed, *leaving])
            products = {row.product_id for row in rows} | {photo.product_id for photo in listed.values()}
            db.execute(f"SELECT {', '.join(f'max({name})' for name in NUMBERS)} FROM product_photo")
            largest = {name: value or 0 for name, value in zip(NUMBERS, db.fetchone(), strict=True)}
            values = interim_values(room.way, rows, listed, columns, neighbours=photos.of_products(products), largest=largest)
            db.execute(
                f"UPDATE product_photo AS p SET {', '.join(f'{name} = photo.{name}' for name in columns)}"
                f" FROM {_RECORDS} WHERE p.id = photo.id",
                [msgspec.json.encode([{"id": id_, **some} for id_, some in values.items()]).decode()],
            )
    return deleted


def _delete(db: Any, leaving: Sequence[UUID], rules: PhotoRules) -> int:
    """Deletes the rows that are still here. Returns their number. Raises :class:`RowRefused` where a trigger keeps one."""
    db.execute("DELETE FROM product_photo WHERE id = ANY(%s)", [leaving])
    deleted = int(db.rowcount)
    db.execute("SELECT 1 FROM product_photo WHERE id = ANY(%s)", [leaving])
    if db.fetchone():
        raise RowRefused(rules.silent, "a row is not deleted")
    return deleted


def _lift(db: Any, listed: Sequence[UUID], batch: Sequence[ProductResult]) -> None:
    """Deletes existing rows, and keeps them whole in the results, from which :func:`write_rows` inserts them again."""
    product_of = {step.photo.id: product for product in batch for step in product.published}
    db.execute("DELETE FROM product_photo p WHERE id = ANY(%s) RETURNING id, to_jsonb(p)::text", [listed])
    for photo_id, whole in db.fetchall():
        product_of[photo_id].lifted[photo_id] = whole


def _columns(photo: Photo) -> dict[str, object]:
    """Returns the guide's columns of a photo; the row keeps its time of change where head office names none."""
    columns: dict[str, object] = {name: getattr(photo, name) for name in COLUMN_NAMES}
    if photo.updated_at is None:
        del columns["updated_at"]
    return columns


def _note_leaving(batch: Sequence[ProductResult]) -> list[UUID]:
    """Notes in the results the leaving rows of products that have a photo to show in their place. Returns their ids."""
    for product in batch:
        product.replaced = []
    causes = {
        photo_id: (product, cause)
        for product in batch
        if any(not step.is_interim for step in product.published)
        for photo_id, cause in product.plan.leaving
    }
    if not causes:
        return []
    with cursor() as db:
        db.execute("SELECT id, to_jsonb(p)::text FROM product_photo p WHERE id = ANY(%s)", [list(causes)])
        whole = dict(db.fetchall())
    for row in photos.with_ids(whole):
        product, cause = causes[row.id]
        product.replaced.append(Replaced(row, cause, whole[row.id]))
    return list(whole)


def _write_photos(db: Any, listed: dict[UUID, Photo], rules: PhotoRules) -> list[tuple[Any, ...]]:
    """Writes the photos and returns their rows. Where there are rules, existing rows are updated before others are inserted."""
    written: list[tuple[Any, ...]] = []
    if rules.for_writes:
        db.execute(_UPDATE, [_encoded(listed.values())])
        written += db.fetchall()
    here = {record[1] for record in written}
    if new := [photo for photo in listed.values() if photo.id not in here]:
        db.execute(UPSERT, [_encoded(new)])
        written += db.fetchall()
    return written


def _encoded(listed: Iterable[Photo]) -> str:
    return msgspec.json.encode(list(listed)).decode()


def _check_kept(listed: dict[UUID, Photo], rows: dict[UUID, list[object]], rules: PhotoRules) -> None:
    """Raises :class:`RowRefused` where a trigger drops a row, or changes its product, key or checksum.

    The URL on the POS follows from these, so that such a row would lead to no object. The customer may change other columns.
    """
    for photo in listed.values():
        kept = rows.get(photo.id)
        if kept is None:
            raise RowRefused(rules.silent, f"the row of photo {photo.id} is not kept")
        for name, value in zip(("product_id", "object_key", "checksum"), kept, strict=True):
            if value != getattr(photo, name):
                raise RowRefused(rules.silent, f"{name} becomes {value!r} instead of {getattr(photo, name)!r}")


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
