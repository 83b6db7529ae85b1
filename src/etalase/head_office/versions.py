"""Remembers the versions of a photo with their uploads, decides whether an upload is the present one, and forgets old ones.

A photo from before migration 0008 has no version row and is its own upload.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from etalase.checksum import md5_hex
from etalase.head_office import obsolete
from etalase.head_office.images.recipe import RECIPE_0, blanked
from etalase.head_office.images.validate import Upload
from etalase.head_office.masters import MASTERS_PREFIX, keep_public, master_key
from etalase.head_office.models import Photo
from etalase.head_office.version_models import PhotoVersion
from etalase.objectstore.client import ObjectStore

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class KnownUpload:
    """The upload of a photo's present version, by its MD5, and the recipe by which the photo was made from it."""

    checksum: str
    recipe: str


def known_uploads(photos: Iterable[Photo]) -> dict[UUID, KnownUpload]:
    """Returns the present upload of each photo."""
    photos = list(photos)
    found: dict[tuple[UUID, int, str], KnownUpload] = {}
    for begin in range(0, len(photos), AT_ONCE):
        ids = [photo.id for photo in photos[begin : begin + AT_ONCE]]
        rows = PhotoVersion.objects.filter(photo_id__in=ids, ends_at=None)
        found |= {(row.photo_id, row.version, row.checksum): KnownUpload(row.upload_checksum, row.recipe) for row in rows}
    # Another writer than ingest may have changed the photo since.
    return {
        photo.id: found.get((photo.id, photo.version, photo.checksum), KnownUpload(photo.checksum, RECIPE_0))
        for photo in photos
    }


def is_present(known: KnownUpload, upload: Upload) -> bool:
    """Returns whether ``upload`` is the present one. Nothing is encoded again.

    Head office before recipe 1 blanked the GPS position of an upload and forgot its MD5, so that the MD5 of the blanked file
    counts as well.
    """
    return known.checksum == upload.checksum or known.checksum == md5_hex(blanked(upload))


def record(photo: Photo, upload: Upload, *, recipe: str, made_by: str) -> None:
    """Records the upload of the photo's present version. Does not touch the photo's row."""
    fields = {
        **{name: getattr(photo, name) for name in ("product_id", "object_key", "filename", "source")},
        **{name: getattr(photo, name) for name in ("size", "content_type", "checksum")},
        "upload_size": len(upload.body),
        "upload_checksum": upload.checksum,
        "recipe": recipe,
        "made_by": made_by,
        "ends_at": None,
    }
    before = PhotoVersion.objects.filter(photo_id=photo.id, version=photo.version).first()
    if before is None:
        PhotoVersion.objects.create(photo_id=photo.id, version=photo.version, **fields)
        return
    PhotoVersion.objects.filter(pk=before.pk).update(**fields)
    if not is_used(key := master_key(photo.id, before.upload_checksum)):
        obsolete.retire(key, timezone.now() + obsolete.GRACE)


def last_version(photo_id: UUID) -> PhotoVersion | None:
    """Returns the last version of the photo with this id, which may be deleted."""
    return PhotoVersion.objects.filter(photo_id=photo_id).order_by("-version").first()


def keep_last(public: ObjectStore, key: str) -> None:
    """Keeps the bytes that the last owner of the public object ``key`` had, if they are there and not kept yet."""
    last = PhotoVersion.objects.filter(object_key=key, ends_at__isnull=False).order_by("ends_at").last()
    if last is not None:
        keep_public(public, last.photo_id, last.checksum, key)


def forget(now: datetime, *, keep_days: int) -> int:
    """Deletes versions that ended more than ``keep_days`` ago, and retires their bytes; returns the number of versions."""
    forgotten = 0
    old = PhotoVersion.objects.filter(ends_at__lt=now - timedelta(days=keep_days)).order_by("id")
    while rows := list(old[:AT_ONCE]):
        with transaction.atomic():
            forgotten += PhotoVersion.objects.filter(id__in=[row.id for row in rows]).delete()[0]
            for key in {master_key(row.photo_id, md5) for row in rows for md5 in (row.checksum, row.upload_checksum)}:
                if not is_used(key):
                    # Not at once: an upload in progress may just have found these bytes there.
                    obsolete.retire(key, now + obsolete.GRACE)
    return forgotten


def is_used(key: str) -> bool:
    """Returns whether a version has its bytes under this key of the private bucket."""
    photo_id, _, checksum = key.removeprefix(MASTERS_PREFIX).partition("/")
    return PhotoVersion.objects.filter(Q(checksum=checksum) | Q(upload_checksum=checksum), photo_id=photo_id).exists()
