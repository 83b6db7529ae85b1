"""Compares the bucket with the rows: one audit for runs, ``verify`` and ``status``. It only looks; its callers mark.

:class:`BucketAudit` works under the lock of runs and reads objects in the worker pool. :class:`UnlockedAudit` works beside
runs, in bounded time. Both judge by :mod:`etalase.edge.integrity` and have one idea of an unreadable object (docs/adr/0021).
"""

import math
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TypeVar
from uuid import UUID

from etalase.edge.integrity import Damage, damage, damage_read, is_replacement, is_suspicion, was_put_since
from etalase.edge.sync import storage
from etalase.edge.sync.plan.plan import Found, Row
from etalase.edge.sync.scratch import Listing
from etalase.edge.sync.services import Bucket
from etalase.errors import ObjectMissing, ObjectStoreError
from etalase.objectstore.model import ObjectInfo, ObjectRead, names_one_object
from etalase.protocol import KEY_PREFIX, Photo, is_md5

# Bounds of a look for `status`. Beyond so many HEADs and reads, a bucket that lost everything is judged by its listing.
MAX_LOOKS = 1000
MAX_ROUNDS = 5
# A bad disk makes single objects unreadable; where so many are, the store does not work, or each request takes its time.
MAX_UNREADABLE = 5
MAX_READS = 20_000

# Objects that were read, by key, size and ETag: an equal ETag means equal bytes (RFC 9110, section 8.8.1).
Reads = dict[ObjectInfo, ObjectRead]
Response = TypeVar("Response", ObjectInfo, ObjectRead)


class _Objects:
    """Asks for single objects. ``unreadable_left`` bounds how many may be unreadable before the store counts as away."""

    def __init__(self, bucket: Bucket, unreadable_left: float = math.inf) -> None:
        self._bucket, self.unreadable_left = bucket, unreadable_left

    def head(self, key: str) -> ObjectInfo | Damage:
        """Returns the metadata of the object, ``MISSING`` or ``UNREADABLE``. Raises :class:`ObjectStoreError`."""
        return self._ask(key, self._bucket.head)

    def read(self, key: str) -> ObjectRead | Damage:
        """Reads and hashes the object. Returns ``MISSING`` or ``UNREADABLE`` instead. Raises :class:`ObjectStoreError`."""
        return self._ask(key, self._bucket.read_through)

    def _ask(self, key: str, request: Callable[[str], Response | None]) -> Response | Damage:
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


def _judge(row: Row, read: ObjectRead | Damage) -> tuple[Damage | None, Found]:
    """Returns how the object of ``row`` is damaged by what a read gave, and what lies under its key."""
    if isinstance(read, Damage):
        return read, Found(None)
    kind = damage_read(row.checksum, row.content_type, read)
    return kind, Found(read.digest, mistyped=kind is Damage.MISTYPED)


def _list(bucket: Bucket, *, may_be_missing: bool) -> Listing:
    """Lists all photos of the bucket. Raises :class:`ObjectMissing` without a bucket, unless it may be missing."""
    try:
        return Listing(bucket.list(KEY_PREFIX))
    except ObjectMissing:
        if not may_be_missing:
            raise
        return Listing([])


@dataclass(frozen=True, slots=True)
class Look:
    """The findings of one look at some rows. ``found`` has by key what lies there where it differs from the row.

    ``damaged`` are the damaged photos among the rows, also where an earlier look found them. The caller marks ``to_mark`` as
    suspects and clears the marks of ``to_clear``.
    """

    found: dict[str, Found] = field(default_factory=dict)
    damaged: dict[UUID, Damage] = field(default_factory=dict)
    to_mark: dict[UUID, Damage] = field(default_factory=dict)
    to_clear: set[UUID] = field(default_factory=set)


@dataclass(slots=True)
class BucketAudit:
    """The audit of a run or of ``verify``, which hold the lock. ``listing`` is None until :meth:`list_bucket`.

    ``deep`` reads every object. Otherwise a look with a listing reads the objects put since ``compared_at``, when a run last
    compared all, and those whose day has come since then, each once in ``deep_verify_days``: a bad disk does not change its
    listing (hazard 22). Every look reads suspects.
    """

    bucket: Bucket
    workers: Executor
    today: date
    compared_at: datetime | None
    deep_verify_days: int
    deep: bool = False
    listing: Listing | None = None
    # False once the run has put objects: a row written since then disagrees with the listing.
    is_listing_current: bool = True
    suspects: Mapping[UUID, Damage] = field(default_factory=storage.suspects.kinds)
    # What lies under the keys of unsettled intents, and under those of objects that were read and are damaged.
    _known: dict[str, Found] = field(default_factory=dict)
    _damaged: dict[UUID, Damage] = field(default_factory=dict)
    # Newer bytes that an interrupted run may have put: whole, and promised, before their row (invariant I1).
    _coming: dict[str, str] = field(default_factory=storage.intents.new_checksums)
    _read: set[UUID] = field(default_factory=set)
    _objects: _Objects = field(init=False)

    def __post_init__(self) -> None:
        self._objects = _Objects(self.bucket)

    def list_bucket(self, *, may_be_missing: bool = False) -> None:
        """Lists all photos of the bucket. Raises :class:`ObjectMissing` without a bucket, unless it may be missing."""
        self.listing = _list(self.bucket, may_be_missing=may_be_missing)

    def look_at_intents(self) -> tuple[list[str], list[str]]:
        """Looks under the keys that an interrupted run was about to overwrite (hazard 18).

        Returns the keys that no row names any more, and those whose object is as its row says. The rest stays known.
        """
        rowless, settled = [], []
        for key, checksum in storage.intents.checksums():
            there = self._objects.head(key)
            etag = there.etag if isinstance(there, ObjectInfo) else "" if there is Damage.UNREADABLE else None
            if checksum is None:  # its product went meanwhile, and the row with it
                rowless.append(key)
            elif etag == checksum:
                settled.append(key)
            else:
                self._known[key] = Found(etag)
        return rowless, settled

    def is_lost(self, some: Collection[Row]) -> bool:
        """Tells whether none of ``some`` rows has its object: the bucket was emptied, or its disk exchanged."""
        return bool(some) and all(self._objects.head(row.object_key) is Damage.MISSING for row in some)

    def look(self, rows: Collection[Row]) -> Look:
        """Compares these rows with their objects. Raises :class:`ObjectStoreError` where the store is away."""
        look = Look({row.object_key: self._known[row.object_key] for row in rows if row.object_key in self._known})
        if self.listing is not None and self.is_listing_current:
            to_read = self._look_at_listing(look, rows, self.listing)
        else:
            to_read = [row for row in rows if row.id in self.suspects and row.id not in self._read]
        for row, read in zip(to_read, self.workers.map(lambda row: self._objects.read(row.object_key), to_read), strict=True):
            self._read.add(row.id)
            kind, lies = _judge(row, read)
            if kind is not None:
                self._note(look, row, kind, lies)
                self._known[row.object_key] = lies
            elif row.id in self.suspects:
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
                proved = row.object_key.startswith(KEY_PREFIX)  # else nobody has listed its place
            else:
                proved = kind is not None and not is_suspicion(kind, row.size, there)
            if kind is not None and proved:
                self._note(look, row, kind, Found(there.etag if there else None))
            elif kind is not None or (there is not None and self._is_to_be_read(row, there)):
                to_read.append(row)
        return to_read

    def _is_to_be_read(self, row: Row, there: ObjectInfo) -> bool:
        if row.id in self._read:
            return False
        if self.deep or row.id in self.suspects or self.compared_at is None or was_put_since(self.compared_at, there):
            return True
        # A run that comes once a week, or after a day on which the store was closed, has the shares of those days too.
        shares = max(1, (self.today - self.compared_at.astimezone(UTC).date()).days)
        days = self.deep_verify_days
        return bool(days and (self.today.toordinal() - zlib.crc32(row.id.bytes)) % days < shares)

    def _note(self, look: Look, row: Row, kind: Damage, lies: Found) -> None:
        look.found[row.object_key] = lies
        if self._damaged.get(row.id) is not kind:
            self._damaged[row.id] = kind
            if not is_replacement(lies.etag, row.checksum, self._coming.get(row.object_key)):
                look.to_mark[row.id] = kind

    def orphans(self, photos: Collection[Photo], known: Collection[Row]) -> dict[str, str]:
        """Returns by key the MD5s of objects without a row that were read and are ``photos`` already."""
        if self.listing is None:
            return {}
        named = {row.object_key for row in known}
        wanted = {photo.object_key: photo for photo in photos if photo.object_key and photo.object_key not in named}
        same = [key for key, info in self.listing.of(wanted).items() if info.size == wanted[key].size]

        def is_right(key: str) -> bool:
            try:
                read = self.bucket.read_through(key)
            except ObjectStoreError:
                return False  # it is fetched and put, which shows whether the store is away
            return damage_read(wanted[key].checksum, wanted[key].content_type, read) is None

        right = zip(same, self.workers.map(is_right, same), strict=True)
        return {key: (wanted[key].checksum or "").lower() for key, is_one in right if is_one}

    def copies(self, photos: Collection[Photo], known: Collection[Row]) -> dict[str, str]:
        """Returns by MD5 the keys of objects that seem to have the bytes of ``photos`` which no row of their products has.

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
        return {md5: key for md5, key in (listed | storage.photos.with_bytes(lacking)).items() if there.get(key, md5) == md5}


@dataclass(frozen=True, slots=True)
class Judged:
    """A row and how its object is damaged, if it is. ``is_replaced``: newer, promised bytes lie there before their row."""

    row: Row
    kind: Damage | None = None
    is_replaced: bool = False


class UnlockedAudit:
    """The audit of ``status``, which takes no lock: a run may write at the same time, and a listing may lag (hazard 62).

    It asks for the objects that the listing leaves in doubt, ``max_looks`` at most; beyond that it believes the listing and the
    marks of earlier looks. ``reads`` outlives one audit, so that a page that is reloaded reads an object once.
    """

    def __init__(self, bucket: Bucket, compared_at: datetime | None, reads: Reads, max_looks: int = MAX_LOOKS) -> None:
        self._bucket, self._compared_at, self._reads = bucket, compared_at, reads
        self._objects = _Objects(bucket, MAX_UNREADABLE)
        self._looks_left = max_looks
        self._suspects = storage.suspects.kinds()

    def judged(self) -> Iterator[Judged]:
        """Yields every row once, judged. Raises :class:`ObjectStoreError` where the store is away or refuses."""
        # Before the first run there is no bucket, and no row that needs one.
        listing = _list(self._bucket, may_be_missing=not storage.photos.count())
        for rows in storage.photos.in_batches():
            listed = listing.of(row.object_key for row in rows)
            doubtful = []
            for row in rows:
                if self._is_doubtful(row, listed.get(row.object_key)):
                    doubtful.append(row)
                else:
                    yield Judged(row)
            yield from self._look_again(doubtful, listed)

    def _is_doubtful(self, row: Row, there: ObjectInfo | None) -> bool:
        if there is None or row.id in self._suspects or was_put_since(self._compared_at, there):
            return True
        return damage(row.size, row.checksum, row.content_type, there) is not None

    def _look_again(self, rows: Collection[Row], listed: Mapping[str, ObjectInfo]) -> Iterator[Judged]:
        """Judges each row by an object that was seen while the row stayed the same: a run that publishes causes no damage."""
        before = {row.id: row for row in rows}
        for round_number in range(1, MAX_ROUNDS + 1):
            if not before:
                return
            there = {row.object_key: self._there(row.object_key, listed.get(row.object_key)) for row in before.values()}
            coming = storage.intents.new_checksums()
            after = {row.id: row for row in storage.photos.with_ids(before)}
            moved = {id_: row for id_, row in after.items() if row != before[id_] and round_number < MAX_ROUNDS}
            for row in after.values():
                if row.id not in moved:
                    yield self._judged(row, there.get(row.object_key, Damage.MISSING), coming.get(row.object_key))
            before = moved

    def _judged(self, row: Row, there: ObjectInfo | Damage, coming: str | None) -> Judged:
        if isinstance(there, Damage):
            return Judged(row, there)
        kind, etag = damage(row.size, row.checksum, row.content_type, there), there.etag
        if kind is None or is_suspicion(kind, row.size, there):
            if row.id in self._suspects:  # the listing and the ETag of a bad disk stay
                if not self._may_look():
                    return Judged(row, self._suspects[row.id])
                kind, lies = _judge(row, self._objects.read(row.object_key))
                etag = lies.etag or ""
            elif kind is not None:
                kind, lies = _judge(row, self._read_once(there))
                etag = lies.etag or ""
        is_replaced = kind is not None and is_replacement(etag, row.checksum, coming)
        return Judged(row, None if is_replaced else kind, is_replaced)

    def _may_look(self) -> bool:
        if self._looks_left <= 0 or self._objects.unreadable_left <= 0:
            return False
        self._looks_left -= 1
        return True

    def _there(self, key: str, listed: ObjectInfo | None) -> ObjectInfo | Damage:
        return self._objects.head(key) if self._may_look() else listed or Damage.MISSING

    def _read_once(self, there: ObjectInfo) -> ObjectRead | Damage:
        """Returns the object as it was read under this ETag, with the type that it is served as now."""
        if there.etag and (known := self._reads.get(there)) is not None:
            return replace(known, content_type=there.content_type or known.content_type)
        read = self._objects.read(there.key)
        if isinstance(read, ObjectRead):
            if len(self._reads) >= MAX_READS:
                self._reads.clear()
            self._reads[there] = read
        return read
