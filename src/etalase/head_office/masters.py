"""Keeps uploads and old versions of photos in the private bucket, and gets them back.

Keys name the bytes, so that the same bytes of a photo are stored once and no object is ever overwritten with others.
"""

from collections.abc import Mapping
from functools import cache
from uuid import UUID

from etalase.checksum import md5_hex
from etalase.errors import ObjectMissing
from etalase.head_office import obsolete
from etalase.objectstore.client import ObjectStore
from etalase.objectstore.private_bucket import ensure_private_bucket
from etalase.own_bucket import own_bucket
from etalase.settings.head_office import head_office_settings

MASTERS_PREFIX = "masters/"
# Of any kind, and shown to nobody.
CONTENT_TYPE = "application/octet-stream"


@cache
def masters() -> ObjectStore:
    """Returns the private bucket, created if it is missing.

    Raises :class:`ObjectStoreError` if it is unavailable, or not proved to be private; the next call then tries again.
    """
    settings = head_office_settings()
    store = own_bucket(settings, bucket=settings.masters_bucket)
    ensure_private_bucket(store)
    return store


def master_key(photo_id: UUID, checksum: str) -> str:
    """Returns the key of the bytes with this MD5."""
    return f"{MASTERS_PREFIX}{photo_id}/{checksum}"


def keep(photo_id: UUID, bodies: Mapping[str, bytes], *, is_new: bool = False) -> None:
    """Stores the bytes by their MD5s, unless they are there. Raises :class:`ObjectStoreError`.

    Of an ``is_new`` photo, none can be there.
    """
    keys = {master_key(photo_id, checksum): checksum for checksum in bodies}
    obsolete.claim(*keys)
    for key, checksum in keys.items():
        body, there = bodies[checksum], None if is_new else masters().head(key)
        if there is None or (there.etag, there.size) != (checksum, len(body)):
            masters().put(key, body, content_type=CONTENT_TYPE)


def keep_public(public: ObjectStore, photo_id: UUID, checksum: str, key: str) -> bool:
    """Stores the bytes with this MD5 from the public bucket's object ``key``, unless they are stored already.

    Returns False if the object is missing or has other bytes. Raises :class:`ObjectStoreError`.
    """
    if masters().head(master_key(photo_id, checksum)) is not None:
        return True
    try:
        body = public.get(key)
    except ObjectMissing:
        return False
    if md5_hex(body) != checksum:
        return False
    keep(photo_id, {checksum: body}, is_new=True)
    return True


def fetch(photo_id: UUID, checksum: str) -> bytes | None:
    """Returns the bytes with this MD5, or None if they are missing or damaged. Raises :class:`ObjectStoreError`."""
    try:
        body = masters().get(master_key(photo_id, checksum))
    except ObjectMissing:
        return None
    return body if md5_hex(body) == checksum else None
