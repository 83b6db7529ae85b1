"""Adds, changes and deletes photos at head office: row and object together; the object is visible before the row.

Every writer of a product's photos holds the product's advisory lock, so that parallel imports, uploads and deletions never
mix the row of one with the object of another. Before a photo changes, the private bucket has the upload and the photo of its
old version and of its new one.
"""

import uuid
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from django.db import connection, transaction

from etalase.checksum import md5_hex
from etalase.errors import UsageError
from etalase.head_office import masters, obsolete, versions
from etalase.head_office.images.recipe import Recipe, blanked
from etalase.head_office.images.validate import Picture, PictureLimits, Upload, extension
from etalase.head_office.models import Photo
from etalase.head_office.version_models import ObsoleteObject
from etalase.objectstore.client import ObjectStore
from etalase.own_bucket import own_bucket
from etalase.protocol import KEY_PREFIX, printable
from etalase.settings.head_office import head_office_settings


class PhotoChange(StrEnum):
    """The change that an offer made. ``restored``: the row was right, but its object was missing or damaged."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Offer:
    """The wanted state of a photo. ``source`` is its identity within the product; ``photo_id`` prescribes its id.

    ``picture`` is the photo that ``recipe`` makes of the upload; without it, it is made where it is needed.
    """

    source: str
    filename: str
    upload: Upload
    is_primary: bool
    sort_order: int
    photo_id: uuid.UUID | None = None
    picture: Picture | None = None
    recipe: str = ""
    made_by: str = ""


@cache
def bucket() -> ObjectStore:
    """Returns head office's own bucket."""
    return own_bucket(head_office_settings())


@cache
def limits() -> PictureLimits:
    """Returns the limits for uploads, from the settings."""
    return PictureLimits(max_bytes=head_office_settings().MAX_PHOTO_BYTES, max_pixels=head_office_settings().MAX_PIXELS)


@cache
def recipe() -> Recipe:
    """Returns the way from an upload to a photo, from the settings."""
    return Recipe(head_office_settings().PHOTO_MAX_PIXELS, head_office_settings().PHOTO_MAX_BYTES)


def make_picture(upload: Upload) -> Picture:
    """Returns the photo of the upload. Raises :class:`PictureRefused`."""
    return recipe().make(upload, limits())


@transaction.atomic
def accept(product_id: uuid.UUID, offer: Offer, *, object_is_sound: bool = False, is_remade: bool = False) -> PhotoChange:
    """Creates or updates the product's photo of this source as offered; the offer's picture has been validated.

    An upload that is the present one changes no bytes, unless ``is_remade``: the offered picture then counts.
    ``object_is_sound``: the bucket is known to hold the photo's bytes. Raises :class:`UsageError` if the prescribed id is not
    the photo's, :class:`PictureRefused`, and :class:`ObjectStoreError` if a bucket fails; then no row has changed.
    """
    lock(product_id)
    photo = Photo.objects.filter(product_id=product_id, source=offer.source).first()
    if photo is None:
        photo = _with_prescribed_id(product_id, offer) or _new(product_id, offer)
    elif offer.photo_id is not None and photo.id != offer.photo_id:
        raise UsageError(f"this product's photo of that file already has the id {photo.id}")
    new = photo._state.adding  # noqa: SLF001 - Django's documented way to ask
    is_present = not new and not is_remade and versions.is_present(versions.known_uploads([photo])[photo.id], offer.upload)
    picture = _present_picture(photo, offer.upload, object_is_sound=object_is_sound) if is_present else None
    if picture is None:
        picture, is_present = offer.picture or make_picture(offer.upload), False
    before, old_key, old_checksum = _fields(photo), photo.object_key, photo.checksum
    bytes_changed = old_checksum != picture.checksum
    photo.source, photo.filename = offer.source, offer.filename
    photo.is_primary, photo.sort_order = offer.is_primary, offer.sort_order
    if bytes_changed:
        _set_picture(photo, picture, is_remade=is_remade)
    if new or _fields(photo) != before:
        if photo.is_primary:
            _demote_others(photo)
        photo.save()
        change = PhotoChange.CREATED if new else PhotoChange.UPDATED
    else:
        change = PhotoChange.UNCHANGED if object_is_sound else PhotoChange.RESTORED
    # The rows are written but not committed: a row that the database refuses never touches an object, and no reader sees the
    # row before the object.
    if not is_present:
        if bytes_changed and not new:
            masters.keep_public(bucket(), photo.id, old_checksum, old_key)
        kept = {offer.upload.checksum: offer.upload.body, picture.checksum: picture.body}
        masters.keep(photo.id, kept, is_new=new and photo.version == 1)
        versions.record(photo, offer.upload, recipe=offer.recipe or str(recipe()), made_by=offer.made_by)
    if bytes_changed or not object_is_sound:
        _take(photo.object_key)
        bucket().put(photo.object_key, picture.body, content_type=photo.content_type)
    return change


@transaction.atomic
def rearrange(photo: Photo) -> None:
    """Saves the photo's ``is_primary`` and ``sort_order``; its object stays as it is."""
    lock(photo.product_id)
    if photo.is_primary:
        _demote_others(photo)
    photo.save(update_fields=["is_primary", "sort_order"])


@transaction.atomic
def ensure_primary(product_id: uuid.UUID) -> Photo | None:
    """Makes the first photo primary if the product has photos but no primary one, since the guide's edge shows no other.

    Returns the promoted photo, or None. Objects and keys stay as they are.
    """
    lock(product_id)
    photos = Photo.objects.filter(product_id=product_id)
    first = photos.order_by("sort_order", "position").first()
    if first is None or photos.filter(is_primary=True).exists():
        return None
    first.is_primary = True
    first.save(update_fields=["is_primary"])
    return first


def holds(key: str, *, checksum: str, size: int) -> bool:
    """Returns whether the bucket has these bytes under ``key``, by the ETag (the MD5 for single-part puts)."""
    there = bucket().head(key)
    return there is not None and (there.etag, there.size) == (checksum, size)


def lock(product_id: uuid.UUID) -> None:
    """Waits until no other transaction writes the product's photos, and keeps others waiting until this one ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"etalase.head_office {product_id}"])


def _new(product_id: uuid.UUID, offer: Offer) -> Photo:
    """Returns a new photo; a deleted one that comes again goes on with its version, and with its key unless another has it."""
    photo = Photo(id=offer.photo_id or uuid.uuid4(), product_id=product_id, version=0)
    last = versions.last_version(offer.photo_id) if offer.photo_id else None
    if last is None:
        return photo
    photo.version = last.version
    if last.object_key.startswith(f"{KEY_PREFIX}{product_id}/") and not _is_taken(last.object_key):
        photo.object_key = last.object_key
    return photo


def _set_picture(photo: Photo, picture: Picture, *, is_remade: bool) -> None:
    """Gives the photo other bytes, with their version and key; a focal point is that of one upload."""
    photo.size, photo.content_type, photo.checksum = len(picture.body), picture.content_type, picture.checksum
    photo.version += 1
    photo.object_key = _key(photo, extension(picture))
    if not is_remade:
        photo.focal_x = photo.focal_y = None


def _present_picture(photo: Photo, upload: Upload, *, object_is_sound: bool) -> Picture | None:
    """Returns the photo's present bytes, from the upload, or from the private bucket; None if they are lost.

    Where the object is sound, nobody reads the bytes: they stay empty.
    """
    if object_is_sound:
        return Picture(b"", photo.content_type, photo.checksum)
    body = upload.body if upload.checksum == photo.checksum else blanked(upload)
    found = body if md5_hex(body) == photo.checksum else masters.fetch(photo.id, photo.checksum)
    return None if found is None else Picture(found, photo.content_type, photo.checksum)


def _take(key: str) -> None:
    """Takes the key into use; the bytes of a deleted photo that still lie there are kept first."""
    if ObsoleteObject.objects.filter(key=key).exists():
        versions.keep_last(bucket(), key)
        obsolete.claim(key)


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
    if photo.is_primary and not _is_taken(f"{folder}primary.{ext}"):
        return f"{folder}primary.{ext}"
    return f"{folder}{photo.id}.{ext}"


def _is_taken(key: str) -> bool:
    """Returns whether a photo has this key, with any extension."""
    return Photo.objects.filter(object_key__startswith=f"{key.rpartition('.')[0]}.").exists()
