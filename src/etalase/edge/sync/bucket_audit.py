"""Compares the bucket with the rows, by :mod:`etalase.edge.integrity`. It only looks; its callers mark the damage.

:class:`BucketAudit` is the audit of runs and ``verify``. ``status`` lists, requests and judges objects by the same functions,
so that all three have one idea of an unreadable object (docs/adr/0021).
"""

import math
import zlib
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeVar
from uuid import UUID

from etalase.edge.integrity import Damage, Described, damage, damage_read, is_replacement, is_suspicion, was_put_since
from etalase.edge.sync import storage
from etalase.edge.sync.plan.model import Found, Row
from etalase.edge.sync.scratch import Listing
from etalase.edge.sync.services import Bucket
from etalase.errors import ObjectMissing, ObjectStoreError
from etalase.objectstore.model import PROBE_PREFIX, ObjectInfo, ObjectRead, names_one_object
from etalase.protocol import KEY_PREFIX, Photo, is_md5

Read = TypeVar("Read", ObjectInfo, ObjectRead)


class Objects:
    """Requests single objects. ``unreadable_left`` bounds how many may be unreadable before the store counts as away."""

    def __init__(self, bucket: Bucket, unreadable_left: float = math.inf) -> None:
        self._bucket, self.unreadable_left = bucket, unreadable_left

    def head(self, key: str) -> ObjectInfo | Damage:
        """Returns the metadata of the object, ``MISSING`` or ``UNREADABLE``. Raises :class:`ObjectStoreError`."""
        return self._request(key, self._bucket.head)

    def read(self, key: str) -> ObjectRead | Damage:
        """Reads and hashes the object. Returns ``MISSING`` or ``UNREADABLE`` instead. Raises :class:`ObjectStoreError`."""
        return self._request(key, self._bucket.read_through)

    def _request(self, key: str, request: Callable[[str], Read | None]) -> Read | Damage:
        if not names_one_object(key):
            return Damage.MISSING
        try:
            return request(key) or Damage.MISSING
        except ObjectMissing:
            return Damage.MISSING
        except ObjectStoreError:
            if self.unreadable_left <= 0:
                raise
            # A bad disk, or an object with a lock of its own: the store still lists. Where it is away, this raises.
            next(self._bucket.list(key), None)
            self.unreadable_left -= 1
            return Damage.UNREADABLE


def judge_read(row: Described, read: ObjectRead | Damage) -> tuple[Damage | None, Found]:
    """Returns the damage of the object of ``row`` by the result of a read, and the object found under its key."""
    if isinstance(read, Damage):
        return read, Found(None)
    kind = damage_read(row.checksum, row.content_type, read)
    return kind, Found(read.digest, mistyped=kind is Damage.MISTYPED)


def list_photos(bucket: Bucket, *, may_be_missing: bool) -> Listing:
    """Lists all photos of the bucket. Raises :class:`ObjectMissing` without a bucket, unless it may be missing."""
    try:
        return Listing(info for info in bucket.list(KEY_PREFIX) if not info.key.startswith(PROBE_PREFIX))
    except ObjectMissing:
        if not may_be_missing:
            raise
        return Listing([])


@dataclass(frozen=True, slots=True)
class Look:
    """The findings of one look at some rows. ``found`` has by key the objects that differ from their rows.

    ``damaged`` are the damaged photos among the rows, also where an earlier look found them. The caller marks
    ``to_mark`` and clears the marks of ``to_clear``.
    """

    found: dict[str, Found] = field(default_factory=dict)
    damaged: dict[UUID, Damage] = field(default_factory=dict)
    to_mark: dict[UUID, Damage] = field(default_factory=dict)
    to_clear: set[UUID] = field(default_factory=set)


@dataclass(slots=True)
class BucketAudit:
    """The audit of a run or of ``verify``, which hold the lock. ``listing`` is None until :meth:`list_bucket`.

    ``deep`` reads every object. Otherwise a look with a listing reads the objects put since ``compared_at``, when a run last
    compared all, and a share of the others, so that each object is read once in ``deep_verify_days``: a bad disk does not
    change its listing (hazard 22). Every look reads the objects of photos with a damage mark.
    """

    bucket: Bucket
    workers: Executor
    today: date
    compared_at: datetime | None
    deep_verify_days: int
    deep: bool = False
    listing: Listing | None = None
    # The renditions of the bucket, once :mod:`.rendition_audit` has listed them.
    renditions: Listing | None = None
    # False once the run has put objects: a row written since then disagrees with the listing.
    is_listing_current: bool = True
    marked: Mapping[UUID, Damage] = field(default_factory=storage.damage_marks.kinds)
    # The objects under the keys of unsettled intents, and those that were read and are damaged.
    _known: dict[str, Found] = field(default_factory=dict)
    _damaged: dict[UUID, Damage] = field(default_factory=dict)
    # Newer, promised bytes that an interrupted run may have put before their row (invariant I1).
    _coming: dict[str, str] = field(default_factory=storage.intents.new_checksums)
    _read: set[UUID] = field(default_factory=set)
    objects: Objects = field(init=False)

    def __post_init__(self) -> None:
        self.objects = Objects(self.bucket)

    def list_bucket(self, *, may_be_missing: bool = False) -> None:
        """Lists all photos of the bucket. Raises :class:`ObjectMissing` without a bucket, unless it may be missing."""
        self.listing = list_photos(self.bucket, may_be_missing=may_be_missing)

    def look_at_intents(self) -> tuple[list[str], list[str]]:
        """Requests the objects that an interrupted run was about to overwrite (hazard 18).

        Returns the keys that no row names any more, and those whose object matches its row. The audit remembers the rest.
        """
        rowless, settled = [], []
        for key, checksum in storage.intents.checksums():
            there = self.objects.head(key)
            etag = there.etag if isinstance(there, ObjectInfo) else "" if there is Damage.UNREADABLE else None
            if checksum is None:  # the product was deleted meanwhile, and the row with it
                rowless.append(key)
            elif etag == checksum:
                settled.append(key)
            else:
                self._known[key] = Found(etag)
        return rowless, settled

    def is_lost(self, some: Collection[Row]) -> bool:
        """Returns whether none of ``some`` rows has its object: the bucket was emptied, or its disk exchanged."""
        return bool(some) and all(self.objects.head(row.object_key) is Damage.MISSING for row in some)

    def look(self, rows: Collection[Row]) -> Look:
        """Compares these rows with their objects. Raises :class:`ObjectStoreError` where the store is away."""
        look = Look({row.object_key: self._known[row.object_key] for row in rows if row.object_key in self._known})
        if self.listing is not None and self.is_listing_current:
            to_read = self._look_at_listing(look, rows, self.listing)
        else:
            to_read = [row for row in rows if row.id in self.marked and row.id not in self._read]
        for row, read in zip(to_read, self.workers.map(lambda row: self.objects.read(row.object_key), to_read), strict=True):
            self._read.add(row.id)
            kind, found = judge_read(row, read)
            if kind is not None:
                self._note(look, row, kind, found)
                self._known[row.object_key] = found
            elif row.id in self.marked:
                look.to_clear.add(row.id)
        look.damaged.update({row.id: self._damaged[row.id] for row in rows if row.id in self._damaged})
        return look

    def _look_at_listing(self, look: Look, rows: Collection[Row], listing: Listing) -> list[Row]:
        """Notes the damage that the listing proves. Returns the rows whose objects are to be read."""
        listed, to_read = listing.of(row.object_key for row in rows), []
        for row in rows:
            there = listed.get(row.object_key)
            kind = damage(row.size, row.checksum, row.content_type, there)
            if there is None:
                proved = row.object_key.startswith(KEY_PREFIX)  # the listing has no other keys
            else:
                proved = kind is not None and not is_suspicion(kind, row.size, there)
            if kind is not None and proved:
                self._note(look, row, kind, Found(there.etag if there else None))
            elif kind is not None or (there is not None and self._is_to_be_read(row, there)):
                to_read.append(row)
        return to_read

    def _is_to_be_read(self, row: Row, there: ObjectInfo) -> bool:
        return row.id not in self._read and (row.id in self.marked or self.is_due(row.id.bytes, there))

    def is_due(self, name: bytes, there: ObjectInfo) -> bool:
        """Returns whether an object is in today's share, by its ``name``, or was put since the last comparison."""
        if self.deep or self.compared_at is None or was_put_since(self.compared_at, there):
            return True
        # After days without a full run, for example in a closed store, the shares of those days are due, too.
        shares = max(1, (self.today - self.compared_at.astimezone(UTC).date()).days)
        days = self.deep_verify_days
        return bool(days and (self.today.toordinal() - zlib.crc32(name)) % days < shares)

    def _note(self, look: Look, row: Row, kind: Damage, found: Found) -> None:
        look.found[row.object_key] = found
        if self._damaged.get(row.id) is not kind:
            self._damaged[row.id] = kind
            if not is_replacement(found.etag, row.checksum, self._coming.get(row.object_key)):
                look.to_mark[row.id] = kind

    def orphans(self, photos: Collection[Photo], known: Collection[Row]) -> dict[str, str]:
        """Returns by key the MD5s of orphans that were read and have the bytes of ``photos``."""
        if self.listing is None:
            return {}
        named = {row.object_key for row in known}
        wanted = {photo.object_key: photo for photo in photos if photo.object_key and photo.object_key not in named}
        same = [key for key, info in self.listing.of(wanted).items() if info.size == wanted[key].size]

        def is_right(key: str) -> bool:
            try:
                read = self.bucket.read_through(key)
            except ObjectStoreError:
                return False  # the photo is fetched and put, which shows whether the store is away
            return damage_read(wanted[key].checksum, wanted[key].content_type, read) is None

        right = zip(same, self.workers.map(is_right, same), strict=True)
        return {key: (wanted[key].checksum or "").lower() for key, is_one in right if is_one}

    def copies(self, photos: Collection[Photo], known: Collection[Row]) -> dict[str, str]:
        """Returns by MD5 the keys of objects that seem to have the bytes of ``photos`` that no row of their products has.

        The caller reads and hashes them before it copies them.
        """
        have = {(row.product_id, row.object_etag) for row in known}
        wanted = ((photo.product_id, (photo.checksum or "").lower()) for photo in photos if is_md5(photo.checksum))
        lacking = {md5 for product_id, md5 in wanted if (product_id, md5) not in have}
        if not lacking:
            return {}
        listed = self.listing.with_bytes(lacking) if self.listing is not None else {}
        # A row whose own object was found to be damaged still claims its bytes.
        there = {row.object_key: row.object_etag for row in known}
        claims = [*listed.items(), *storage.photos.with_bytes(lacking).items()]
        return {md5: key for md5, key in claims if there.get(key, md5) == md5}
