"""Writes the rows of published photos to ``product_photo``, product by product.

Each function of this module and of :mod:`.removed_rows` that inserts or deletes rows changes the expected row count of the
checkpoint in the same transaction. If the table has fewer rows than that count, another program deleted some.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import transaction

from etalase.edge.database import cursor, translated
from etalase.edge.sync.plan.model import ProductPlan
from etalase.edge.sync.publish.put import ProductResult
from etalase.edge.sync.storage import checkpoint, damage_marks, intents, own_objects, reclaims
from etalase.edge.sync.storage.photo_rules import PhotoRules
from etalase.edge.sync.storage.photos import COLUMNS
from etalase.edge.sync.storage.savepoints import apart, check_at_once
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
Refused = list[tuple[ProductResult, RowRefused]]


def commit(batch: Sequence[ProductResult], *, rules: PhotoRules, at: datetime) -> Refused:
    """Writes the rows of whole products in the caller's transaction. Returns the products that PostgreSQL refuses."""
    if rules.at_commit:
        check_at_once()
    return _by_product(batch, lambda some: _write(some, rules, at))


def try_plans(plans: Sequence[ProductPlan], *, rules: PhotoRules) -> list[tuple[ProductPlan, RowRefused]]:
    """Writes the rows of plans as :func:`commit` will, and rolls back. Returns the plans that PostgreSQL refuses."""
    with translated(), transaction.atomic():
        refused = write_plans(plans, rules=rules)
        transaction.set_rollback(True)
    return refused


def write_plans(plans: Sequence[ProductPlan], *, rules: PhotoRules) -> list[tuple[ProductPlan, RowRefused]]:
    """Writes the rows of plans, and nothing else, in a transaction that the caller rolls back. Returns the refused plans."""
    if rules.at_commit:
        check_at_once()
    results = [ProductResult(plan, published=list(plan.steps)) for plan in plans]
    return [(result.plan, error) for result, error in _by_product(results, lambda some: _write_rows(some, rules))]


def _by_product(batch: Sequence[ProductResult], write: Callable[[Sequence[ProductResult]], object]) -> Refused:
    """Writes all, else in halves of whole products, else the parts of a product one by one.

    The photos of a product go together, because they may exchange values that a rule wants to be different.
    """
    products: dict[UUID, list[ProductResult]] = {}
    for result in batch:
        products.setdefault(result.plan.product_id, []).append(result)
    refused: Refused = []

    def write_groups(groups: Sequence[list[ProductResult]]) -> None:
        write([result for group in groups for result in group])

    for group, error in apart(list(products.values()), write_groups):
        refused += apart(group, write) if len(group) > 1 else [(group[0], error)]
    return refused


def _write(batch: Sequence[ProductResult], rules: PhotoRules, at: datetime) -> None:
    steps = [step for product in batch for step in product.published]
    checkpoint.add_to_row_count(_write_rows(batch, rules))
    named = {step.photo.object_key or "" for step in steps}
    own_objects.end(named)  # before any later schedule: the object is head office's by now
    reclaims.cancel(named)
    reclaims.schedule([s.row_key for s in steps if s.row_key and s.row_key != s.photo.object_key], at=at)
    unsettled = {key for product in batch for key in product.unsettled_keys}
    # A photo that failed before its put keeps the intent of an earlier run, whose object may be under the key.
    settled = [step for step in steps if not step.demotes]
    intents.clear({step.photo.object_key or "" for step in settled} - unsettled)
    # Also if only the row changed: then the object already has the right bytes.
    damage_marks.clear([step.photo.id for step in settled])
    rotten = {one for product in batch for one in product.rotten}
    damage_marks.mark_unless_replaced(rotten, but=[step.photo.id for step in settled])


def _write_rows(batch: Sequence[ProductResult], rules: PhotoRules) -> int:
    """Writes the rows. Returns how many more there are. Raises :class:`RowRefused`, also where a trigger swallows a write."""
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
            written = _write_photos(db, photos, rules)
            more += sum(inserted for inserted, *_ in written)
            _check_kept(photos, {id_: values for _, id_, *values in written}, rules)
    return more


def _write_photos(db: Any, photos: dict[UUID, Photo], rules: PhotoRules) -> list[tuple[Any, ...]]:
    """Writes the photos and returns their rows. Where there are rules, existing rows are updated before others are inserted."""
    written: list[tuple[Any, ...]] = []
    if rules.for_writes:
        db.execute(_UPDATE, [_encoded(photos.values())])
        written += db.fetchall()
    here = {record[1] for record in written}
    if new := [photo for photo in photos.values() if photo.id not in here]:
        db.execute(UPSERT, [_encoded(new)])
        written += db.fetchall()
    return written


def _encoded(photos: Iterable[Photo]) -> str:
    return msgspec.json.encode(list(photos)).decode()


def _check_kept(photos: dict[UUID, Photo], rows: dict[UUID, list[object]], rules: PhotoRules) -> None:
    """Raises :class:`RowRefused` where a trigger drops a row, or changes its product, key or checksum.

    The URL on the POS follows from these, so that such a row would lead to no object. The customer may change other columns.
    """
    for photo in photos.values():
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
