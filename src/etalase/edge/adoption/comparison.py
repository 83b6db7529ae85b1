"""Compares rows, bucket and head office's list before an adoption, by the planner and the audit of a run."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from etalase.edge.adoption.decisions import Code
from etalase.edge.database import cursor
from etalase.edge.integrity import Damage
from etalase.edge.models import OwnObject, OwnPhoto
from etalase.edge.sync import storage
from etalase.edge.sync.bucket_audit import BucketAudit
from etalase.edge.sync.feed.pull import Feed, pull
from etalase.edge.sync.plan.model import Kind, Step
from etalase.edge.sync.planner import Planner
from etalase.edge.sync.removals import unlisted
from etalase.edge.sync.services import Services
from etalase.errors import HeadOfficeError, ObjectMissing
from etalase.postgres import takes
from etalase.protocol import KEY_PREFIX

# Rows that claim to be older were written under a wrong clock.
FIRST_PHOTO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Contents:
    """The contents of the store: counts of rows and objects, and the photos and objects that head office never listed."""

    rows: Counter[str] = field(default_factory=Counter)
    bucket: Counter[str] = field(default_factory=Counter)
    photos: list[OwnPhoto] = field(default_factory=list)
    objects: list[OwnObject] = field(default_factory=list)


def compare(services: Services, audit: BucketAudit, feed: Feed) -> Contents:
    """Returns the contents. Raises :class:`ObjectStoreError`; reads no deletion where head office does not answer."""
    contents = Contents()
    audit.list_bucket(may_be_missing=True)
    damaged = _compare_objects(audit, contents)
    _count_rows(services, contents)
    _find_not_listed(services, feed, damaged, contents)
    _find_unknown_objects(audit, feed, contents)
    with suppress(ObjectMissing):  # the first run makes the bucket
        contents.bucket["outside"] = sum(not info.key.startswith(KEY_PREFIX) for info in services.bucket.list(""))
    return contents


def _compare_objects(audit: BucketAudit, contents: Contents) -> set[UUID]:
    """Counts rows by the state of their objects. Returns the damaged ones."""
    damaged: set[UUID] = set()
    for part in storage.photos.in_batches():
        look = audit.look(part)
        damaged |= look.damaged.keys()
        contents.bucket.update(look.damaged[row.id].value if row.id in look.damaged else "whole" for row in part)
    contents.rows["damaged"] = len(damaged)
    for name in ("whole", *(kind.value for kind in Damage)):
        contents.bucket.setdefault(name, 0)
    contents.bucket["objects"] = len(audit.listing) if audit.listing is not None else 0
    return damaged


def _count_rows(services: Services, contents: Contents) -> None:
    products = services.products
    with cursor() as db:
        db.execute(
            "SELECT count(*), count(*) FILTER (WHERE num_nulls(object_key, size, content_type, checksum) > 0),"
            " (SELECT count(*) FROM (SELECT FROM product_photo WHERE is_primary GROUP BY product_id HAVING count(*) > 1) p),"
            f" count(*) FILTER (WHERE NOT EXISTS (SELECT FROM {products.table} p WHERE p.{products.id} = product_id))"
            " FROM product_photo"
        )
        names = ("total", "nulls", "duplicate_primaries", "product_missing")
        contents.rows.update(dict(zip(names, db.fetchone(), strict=True)))


def compare_list(services: Services, audit: BucketAudit, feed: Feed, contents: Contents) -> None:
    """Counts what each listed photo needs, as a run plans it. It leaves the recorded photos of the store's own alone."""
    rows = contents.rows
    rows.update(dict.fromkeys(("equal", "row_only", "taken_over", "to_fetch", "bytes_to_fetch", "parked", "failed"), 0))
    for part in Planner(services, feed, audit=audit, adds_products=True).slices():
        rows["equal"] += len(part.plan.unchanged)
        rows["parked"] += len(part.plan.parked)
        rows["failed"] += len(part.plan.failed)
        steps = [step for product in part.plan.products for step in product.steps]
        rows.update(map(_need, steps))
        rows["bytes_to_fetch"] += sum(step.photo.size or 0 for step in steps if step.kind is Kind.FETCH)
    if (seconds := services.limiter.seconds_for(rows["bytes_to_fetch"])) is not None:
        rows["seconds_to_fetch"] = round(seconds)


def _need(step: Step) -> str:
    if step.kind is Kind.FETCH:
        return "to_fetch"
    return "row_only" if step.kind is Kind.ROW and step.row_key is not None else "taken_over"


def _find_not_listed(services: Services, feed: Feed, damaged: set[UUID], contents: Contents) -> None:
    """Finds the rows that head office has never listed: without those that it has deleted."""
    rows = [row for part in unlisted(feed) for row in part]
    deleted = deleted_since(services, _oldest_time()) if rows else set()
    once_listed = deleted | feed.deleted_ids
    checksums = _listed_checksums(feed, {row.object_key for row in rows})
    labels = services.products.labels({row.product_id for row in rows})
    for row in rows:
        if row.id in once_listed:
            continue
        has_own_object = row.object_key not in checksums or (
            row.id not in damaged and checksums[row.object_key] != (row.checksum or "").lower()
        )
        contents.photos.append(
            OwnPhoto(
                photo_id=row.id,
                product_id=row.product_id,
                product_name=labels[row.product_id].name,
                what=Code.ROW_NOT_LISTED if has_own_object else Code.ROW_WITHOUT_OWN_OBJECT,
                row=storage.removed_rows.to_json(row),
            )
        )
    contents.rows["not_listed"] = len(rows)
    contents.rows["not_listed_deleted"] = len(rows) - len(contents.photos)
    contents.rows["not_listed_unknown"] = len(contents.photos)


def deleted_since(services: Services, since: datetime | None) -> set[UUID]:
    """Returns the photos that head office names as deleted since then: it has listed them once.

    A head office that forgets its deletions sooner names none of the older ones.
    """
    if since is None:
        return set()
    try:
        return pull(services.head_office, since.astimezone(UTC).isoformat(), pulled=lambda _: None).deleted_ids
    except HeadOfficeError:
        return set()


def _oldest_time() -> datetime | None:
    with cursor() as db:
        db.execute(
            "SELECT min(least(created_at, updated_at)) FROM product_photo WHERE least(created_at, updated_at) >= %s",
            [FIRST_PHOTO],
        )
        oldest: datetime | None = db.fetchone()[0]
        return oldest


def _listed_checksums(feed: Feed, keys: set[str]) -> dict[str, str]:
    listed = ((photo.object_key or "", (photo.checksum or "").lower()) for photo in feed.photos.by_id())
    return {key: checksum for key, checksum in listed if key in keys}


def _find_unknown_objects(audit: BucketAudit, feed: Feed, contents: Contents) -> None:
    """Finds the objects below ``products/`` that neither a row nor a listed photo names."""
    if audit.listing is None:
        return
    audit.listing.use(storage.photos.keys())
    audit.listing.use(photo.object_key or "" for photo in feed.photos.by_id())
    for keys in audit.listing.unused():
        sizes = audit.listing.of(keys)
        contents.bucket["unknown"] += len(keys)
        # An object whose key the database cannot hold is never deleted either.
        contents.objects += [OwnObject(object_key=key, size=sizes[key].size) for key in keys if takes(key)]
