"""Adds, changes and deletes photos at head office: row and object together; the object is visible before the row.

Every writer of a product's photos holds the product's advisory lock, so that parallel imports, uploads and deletions never
mix the row of one with the object of another.
"""

import logging
import uuid
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from django.db import connection, transaction
from django.db.models.signals import post_delete

from etalase.errors import ObjectStoreError, UsageError
from etalase.head_office.images.validate import Picture, PictureLimits, extension
from etalase.head_office.models import Photo
from etalase.objectstore.client import ObjectStore
from etalase.own_bucket import own_bucket
from etalase.protocol import KEY_PREFIX, printable
from etalase.settings.head_office import head_office_settings

logger = logging.getLogger("etalase.head_office")


class PhotoChange(StrEnum):
    """The change that an offer made. ``restored``: the row was right, but its object was missing or damaged."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Offer:
    """The wanted state of a photo. ``source`` is its identity within the product; ``photo_id`` prescribes its id."""

    source: str
    filename: str
    picture: Picture
    is_primary: bool
    sort_order: int
    photo_id: uuid.UUID | None = None


@cache
def bucket() -> ObjectStore:
    """Returns head office's own bucket."""
    return own_bucket(head_office_settings())


@cache
def limits() -> PictureLimits:
    """Returns the limits for photos, from the settings."""
    return PictureLimits(max_bytes=head_office_settings().MAX_PHOTO_BYTES, max_pixels=head_office_settings().MAX_PIXELS)


@transaction.atomic
def accept(product_id: uuid.UUID, offer: Offer, *, object_is_sound: bool = False) -> PhotoChange:
    """Creates or updates the product's photo of this source as offered; the picture has been validated.

    ``object_is_sound``: the bucket is known to hold these bytes under the photo's key. Raises :class:`UsageError` if the
    prescribed id is not the photo's, and :class:`ObjectStoreError` if the bucket fails; then no row has changed.
    """
    _lock(product_id)
    photo = Photo.objects.filter(product_id=product_id, source=offer.source).first()
    if photo is None:
        photo = _with_prescribed_id(product_id, offer) or Photo(id=offer.photo_id or uuid.uuid4(), product_id=product_id)
    elif offer.photo_id is not None and photo.id != offer.photo_id:
        raise UsageError(f"this product's photo of that file already has the id {photo.id}")
    new = photo._state.adding  # noqa: SLF001 - Django's documented way to ask
    before = _fields(photo)
    old_key = photo.object_key
    bytes_changed = photo.checksum != offer.picture.checksum
    photo.source, photo.filename = offer.source, offer.filename
    photo.is_primary, photo.sort_order = offer.is_primary, offer.sort_order
    if bytes_changed:
        photo.size, photo.content_type = len(offer.picture.body), offer.picture.content_type
        photo.checksum = offer.picture.checksum
        photo.version = 1 if new else photo.version + 1
        photo.object_key = _key(photo, extension(offer.picture))
    if new or _fields(photo) != before:
        if photo.is_primary:
            _demote_others(photo)
        photo.save()
        change = PhotoChange.CREATED if new else PhotoChange.UPDATED
    else:
        change = PhotoChange.UNCHANGED if object_is_sound else PhotoChange.RESTORED
    # The row is written but not committed: a row that the database refuses never touches the object, and no reader sees the
    # row before the object.
    if bytes_changed or not object_is_sound:
        bucket().put(photo.object_key, offer.picture.body, content_type=photo.content_type)
    if old_key and old_key != photo.object_key:
        _reclaim_after_commit(product_id, old_key)
    return change


@transaction.atomic
def rearrange(photo: Photo) -> None:
    """Saves the photo's ``is_primary`` and ``sort_order``; its object stays as it is."""
    _lock(photo.product_id)
    if photo.is_primary:
        _demote_others(photo)
    photo.save(update_fields=["is_primary", "sort_order"])


@transaction.atomic
def ensure_primary(product_id: uuid.UUID) -> Photo | None:
    """Makes the first photo primary if the product has photos but no primary one, since the guide's edge shows no other.

    Returns the promoted photo, or None. Objects and keys stay as they are.
    """
    _lock(product_id)
    photos = Photo.objects.filter(product_id=product_id)
    first = photos.order_by("sort_order", "position").first()
    if first is None or photos.filter(is_primary=True).exists():
        return None
    first.is_primary = True
    first.save(update_fields=["is_primary"])
    return first


def holds(key: str, picture: Picture) -> bool:
    """Returns whether the bucket has these bytes under ``key``, by the ETag (the MD5 for single-part puts)."""
    there = bucket().head(key)
    return there is not None and there.etag == picture.checksum and there.size == len(picture.body)


def follow_deletions() -> None:
    """Registers the deletion of a photo's object after the deletion of its row is committed."""
    post_delete.connect(_after_delete, sender=Photo, dispatch_uid="etalase.head_office.ingest")


def _after_delete(instance: Photo, **_: Any) -> None:
    _reclaim_after_commit(instance.product_id, instance.object_key)


def _reclaim_after_commit(product_id: uuid.UUID, key: str) -> None:
    transaction.on_commit(lambda: _reclaim(product_id, key))


@transaction.atomic
def _reclaim(product_id: uuid.UUID, key: str) -> None:
    """Deletes an object, unless a photo uses its key again. A failure leaves an orphan in the bucket and is logged."""
    _lock(product_id)
    if Photo.objects.filter(object_key=key).exists():
        return
    try:
        bucket().delete([key])
    except ObjectStoreError as error:
        logger.warning(
            "cannot delete the object of a deleted photo",
            extra={"object_key": key, "error": str(error)},
        )


def _lock(product_id: uuid.UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"etalase.head_office {product_id}"])


def _with_prescribed_id(product_id: uuid.UUID, offer: Offer) -> Photo | None:
    """Returns the photo with the prescribed id, whose file has been renamed."""
    if offer.photo_id is None:
        return None
    photo = Photo.objects.filter(id=offer.photo_id).select_related("product").first()
    if photo is not None and photo.product_id != product_id:
        raise UsageError(f"this id belongs to a photo of SKU {printable(photo.product.sku)}")
    return photo


def _demote_others(photo: Photo) -> None:
    Photo.objects.filter(product_id=photo.product_id, is_primary=True).exclude(id=photo.id).update(is_primary=False)


def _fields(photo: Photo) -> tuple[Any, ...]:
    return (photo.source, photo.filename, photo.size, photo.content_type, photo.checksum, photo.is_primary, photo.sort_order)


def _key(photo: Photo, ext: str) -> str:
    """Returns the key: only its extension ever changes (docs/PRODUCT_PHOTO_SYNC_API_REFERENCE.md, "The images")."""
    if photo.object_key:
        return f"{photo.object_key.rpartition('.')[0]}.{ext}"
    folder = f"{KEY_PREFIX}{photo.product_id}/"
    if photo.is_primary and not Photo.objects.filter(object_key__startswith=f"{folder}primary.").exists():
        return f"{folder}primary.{ext}"
    return f"{folder}{photo.id}.{ext}"
