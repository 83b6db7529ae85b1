"""Collects what nobody needs any more: versions after their time, and objects of both buckets after their last use."""

from dataclasses import dataclass
from datetime import datetime

from etalase.errors import ObjectStoreError
from etalase.head_office import ingest, obsolete, versions
from etalase.head_office.masters import MASTERS_PREFIX, masters
from etalase.head_office.models import Photo, Rendition
from etalase.head_office.obsolete import ObsoleteKind
from etalase.protocol import KEY_PREFIX
from etalase.renditions import RENDITION_PREFIX, parse_key
from etalase.settings.head_office import head_office_settings


@dataclass(frozen=True, slots=True)
class Collected:
    """The numbers of deleted versions and objects."""

    versions: int
    objects: int


def collect(now: datetime) -> Collected:
    """Deletes what is due. For a loop, a daily command, and the end of an import; processes may call it at once.

    A bucket that fails keeps nothing of the other. Raises :class:`ObjectStoreError` in the end; the next call continues.
    """
    forgotten = versions.forget(now, keep_days=head_office_settings().KEEP_VERSIONS_DAYS)
    deleted, failure = 0, None
    for prefix, kind in KINDS.items():
        try:
            deleted += obsolete.delete_due(now, prefix, kind)
        except ObjectStoreError as error:
            failure = error
    if failure is not None:
        raise failure
    return Collected(forgotten, deleted)


def _is_photo(key: str) -> bool:
    return Photo.objects.filter(object_key=key).exists()


def _delete_photo(key: str) -> None:
    versions.keep_last(ingest.bucket(), key)  # the photo may be from before the private bucket
    ingest.bucket().delete([key])


def _is_rendition(key: str) -> bool:
    parts = parse_key(key)
    return parts is None or Rendition.objects.filter(set_id=parts.photo_id, checksum=parts.checksum, width=parts.width).exists()


def _delete_public(key: str) -> None:
    ingest.bucket().delete([key])


def _delete_master(key: str) -> None:
    masters().delete([key])


KINDS = {
    KEY_PREFIX: ObsoleteKind(_is_photo, _delete_photo),
    RENDITION_PREFIX: ObsoleteKind(_is_rendition, _delete_public),
    MASTERS_PREFIX: ObsoleteKind(versions.is_used, _delete_master),
}
