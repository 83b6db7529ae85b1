"""What is really in the edge's bucket, as far as a run has looked: by listing, by HEAD, and by reading objects through.

Compared with rows it tells what is damaged (:mod:`etalase.edge.integrity`); the planner is given what lies there instead.
"""

import zlib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

from etalase.edge.integrity import Damage, damage, damage_read, was_put_since
from etalase.edge.sync import storage
from etalase.edge.sync.plan.plan import Found, Row
from etalase.edge.sync.scratch import Listing
from etalase.edge.sync.services import Services
from etalase.errors import ObjectMissing, ObjectStoreError
from etalase.objectstore.model import ObjectInfo, names_one_object
from etalase.protocol import KEY_PREFIX, Photo, is_md5


@dataclass(slots=True)
class Inventory:
    """One run's look at the bucket. ``listing`` is None until it was listed, which a full run does.

    ``deep`` reads every object; else a full run reads those that were put since all were last compared, at ``compared_at``, and
    those whose day has come since then, each once in ``DEEP_VERIFY_DAYS``: a disk that rots keeps its listing (hazard 22).
    What is in doubt is read by every look. ``keeps``: what a look finds is kept for the runs and looks after it.
    """

    services: Services
    today: date
    compared_at: datetime | None = None
    deep: bool = False
    keeps: bool = True
    listing: Listing | None = None
    # What lies under the keys of unsettled intents, and what was read through and is not what its row says.
    known: dict[str, Found] = field(default_factory=dict)
    damaged: dict[UUID, Damage] = field(default_factory=dict)
    doubted: set[UUID] = field(default_factory=lambda: set(storage.suspects.kinds()))
    # What an earlier run that was cut off may have put: whole, and promised, though its row does not say so yet (invariant I1).
    _coming: dict[str, str] = field(default_factory=storage.intents.new_checksums)
    _read: set[UUID] = field(default_factory=set)
    _right_again: set[UUID] = field(default_factory=set)
    _new: dict[UUID, Damage] = field(default_factory=dict)

    def list_bucket(self, *, may_be_missing: bool = False) -> None:
        """List all photos of the bucket. Raises :class:`ObjectMissing` without a bucket, unless that is all right."""
        try:
            self.listing = Listing(self.services.bucket.list(KEY_PREFIX))
        except ObjectMissing:
            if not may_be_missing:
                raise
            self.listing = Listing([])

    def settle_intents(self) -> None:
        """Look at the keys that an earlier run was about to overwrite: what lies there now, nobody knows (hazard 18)."""
        for key, checksum in storage.intents.checksums():
            there = self._head(key)
            etag = there.etag if there else None
            if checksum is None:  # its product went meanwhile, and the row with it
                storage.reclaims.schedule([key])
            elif etag != checksum:
                self.known[key] = Found(etag)
                continue
            storage.intents.clear([key])

    def is_lost(self, some: Collection[Row]) -> bool:
        """Whether none of ``some`` rows has its object: somebody emptied the bucket, or put another disk in."""
        return bool(some) and all(self._head(row.object_key) is None for row in some)

    def found(self, known: Collection[Row]) -> dict[str, Found]:
        """What is really under the keys of these rows, where it is not what they say."""
        found = self._look(known)
        if self.keeps:
            storage.suspects.mark(self._new)
            storage.suspects.clear(self._right_again)
        self._new, self._right_again = {}, set()
        return found

    def _look(self, known: Collection[Row]) -> dict[str, Found]:
        found = {row.object_key: self.known[row.object_key] for row in known if row.object_key in self.known}
        if self.listing is None:
            return found | self._read_all([row for row in known if row.id in self.doubted and row.id not in self._read])
        listed = self.listing.of(row.object_key for row in known)
        to_read = []
        for row in known:
            there = listed.get(row.object_key)
            match damage(row.size, row.checksum, row.content_type, there):
                case None if there is not None:
                    if self._is_to_be_read(row, there):
                        to_read.append(row)
                case Damage.CHANGED if there is not None and there.size == row.size:
                    to_read.append(row)  # an ETag need not be an MD5 (hazard 56)
                case what if what is not None:
                    self._note(found, row, what, Found(there.etag if there else None))
        return found | self._read_all(to_read)

    def _read_all(self, to_read: Collection[Row]) -> dict[str, Found]:
        found: dict[str, Found] = {}
        for row, (what, lies) in zip(to_read, self.services.workers.map(self._examine, to_read), strict=True):
            self._read.add(row.id)
            if what is None:
                self._right_again |= self.doubted & {row.id}
            else:
                self._note(found, row, what, lies)
                self.known[row.object_key] = lies
        return found

    def orphans(self, photos: Collection[Photo], known: Collection[Row]) -> dict[str, str]:
        """The MD5s by key of objects that no row names and that are ``photos`` already, as read; a listing only suggests it."""
        if self.listing is None:
            return {}
        named = {row.object_key for row in known}
        wanted = {photo.object_key: photo for photo in photos if photo.object_key and photo.object_key not in named}
        same = [key for key, info in self.listing.of(wanted).items() if info.size == wanted[key].size]

        def is_right(key: str) -> bool:
            try:
                read = self.services.bucket.read_through(key)
            except ObjectStoreError:
                return False  # it is fetched and put, which tells whether the store is away
            return damage_read(wanted[key].checksum, wanted[key].content_type, read) is None

        right = zip(same, self.services.workers.map(is_right, same), strict=True)
        return {key: (wanted[key].checksum or "").lower() for key, is_one in right if is_one}

    def copies(self, photos: Collection[Photo], known: Collection[Row]) -> dict[str, str]:
        """The keys by MD5 of objects that seem to have the bytes of ``photos`` which no row of their products has: they are
        read and hashed before they are copied."""
        have = {(row.product_id, row.object_etag) for row in known}
        wanted = ((photo.product_id, (photo.checksum or "").lower()) for photo in photos if is_md5(photo.checksum))
        lacking = {md5 for product_id, md5 in wanted if (product_id, md5) not in have}
        if not lacking:
            return {}
        listed = self.listing.with_bytes(lacking) if self.listing is not None else {}
        # A row whose own object was found to be damaged still claims its bytes.
        there = {row.object_key: row.object_etag for row in known}
        return {md5: key for md5, key in (listed | storage.photos.with_bytes(lacking)).items() if there.get(key, md5) == md5}

    def _is_to_be_read(self, row: Row, there: ObjectInfo) -> bool:
        if row.id in self._read:
            return False
        if self.deep or row.id in self.doubted or self.compared_at is None or was_put_since(self.compared_at, there):
            return True
        days = self.services.settings.DEEP_VERIFY_DAYS
        # A run that comes once a week, or after a day on which the store was closed, has the shares of those days too.
        shares = max(1, (self.today - self.compared_at.astimezone(UTC).date()).days)
        return bool(days and (self.today.toordinal() - zlib.crc32(row.id.bytes)) % days < shares)

    def _head(self, key: str) -> ObjectInfo | None:
        """What lies under ``key``; of what its store cannot read, only that it does. Raises where the store is away."""
        try:
            return self.services.bucket.head(key)
        except ObjectStoreError:
            next(self.services.bucket.list(key), None)
            return ObjectInfo(key, 0, "")

    def _examine(self, row: Row) -> tuple[Damage | None, Found]:
        if not names_one_object(row.object_key):
            return Damage.MISSING, Found(None)
        try:
            read = self.services.bucket.read_through(row.object_key)
        except ObjectMissing:
            return Damage.MISSING, Found(None)
        except ObjectStoreError:
            # A disk that rots, or an object with a lock of its own: the store lists it and does not give it. A store that is
            # away, or refuses the key, lists nothing.
            next(self.services.bucket.list(row.object_key), None)
            return Damage.UNREADABLE, Found(None)
        what = damage_read(row.checksum, row.content_type, read)
        return what, Found(read.digest, mistyped=what is Damage.MISTYPED)

    def _note(self, found: dict[str, Found], row: Row, what: Damage, lies: Found) -> None:
        found[row.object_key] = lies
        if self.damaged.get(row.id) is not what:
            self.damaged[row.id] = what
            if lies.etag in {None, row.object_etag} or lies.etag != self._coming.get(row.object_key):
                self._new[row.id] = what
