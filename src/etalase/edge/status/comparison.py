"""What the bucket really has, against what the rows promise: one listing, and a closer look at whatever does not fit."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import django.db

from etalase.edge.database import cursor
from etalase.edge.displayed_photo import place
from etalase.edge.integrity import Damage, damage, damage_read, was_put_since
from etalase.edge.status.snapshot import Comparison, DamagedPhoto, Trouble
from etalase.edge.sync import storage
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.plan.plan import Row
from etalase.edge.sync.scratch import Listing
from etalase.errors import (
    DatabaseAway,
    EtalaseError,
    ObjectMissing,
    ObjectStoreDenied,
    ObjectStoreError,
    ObjectStoreMisconfigured,
    SpoolFull,
)
from etalase.objectstore.client import ObjectStore
from etalase.objectstore.model import ObjectInfo, names_one_object
from etalase.protocol import KEY_PREFIX

# A bucket that lost everything need not be asked a hundred thousand times: beyond so many, the listing is believed.
MAX_LOOKS = 1000
MAX_ROUNDS = 5
MAX_NAMED = 1000
PRODUCTS_AT_ONCE = 1000
# A disk that rots makes single objects unreadable; where so many are, it is the store that does not answer.
MAX_UNREADABLE = 5
MAX_DIGESTS = 20_000

# The MD5 of objects whose ETag is none, by key and ETag: what has the same ETag has the same bytes (RFC 9110, section 8.8.1),
# so that a page which is asked again and again reads them once.
_digests: dict[tuple[str, str], str] = {}


def compare(bucket: ObjectStore, lock: RunLock, *, compared_at: datetime | None) -> Comparison:
    """The comparison now. A bucket that is away is a fact. Raises :class:`DatabaseAway`.

    What was put since ``compared_at``, when a run last compared all, is asked for its type too, which a listing does not tell.
    What is damaged is remembered, so that the POS shows another photo and the next run mends it.
    """
    at = datetime.now(UTC)
    try:
        look = _Look(bucket, compared_at)
        comparison = look.compared(at)
    except (ObjectStoreError, SpoolFull) as error:
        return Comparison(at=at, error=str(error), trouble=_trouble(error))
    if comparison.photos and not lock.is_taken():  # a run knows better
        with suppress(DatabaseAway, django.db.Error):  # a database that can only be read can be looked at all the same
            storage.suspects.mark({photo.photo_id: photo.kind for photo in comparison.photos})
    # Only now: the till picks by what is remembered.
    return replace(comparison, bare=look.bare())


class _NotPublic(ObjectStoreDenied):
    """The access key may read, and tills may not."""


def _trouble(error: EtalaseError) -> Trouble:
    match error:
        case _NotPublic():
            return Trouble.NOT_PUBLIC
        case ObjectStoreDenied():
            return Trouble.DENIED
        case ObjectStoreMisconfigured():
            return Trouble.MISCONFIGURED
        case ObjectMissing():
            return Trouble.MISSING
        case _:
            return Trouble.AWAY


class _Look:
    """One comparison while it is made."""

    def __init__(self, bucket: ObjectStore, compared_at: datetime | None) -> None:
        self._bucket, self._compared_at = bucket, compared_at
        self._looks_left = MAX_LOOKS
        self._rows = self._verified = self._replacing = 0
        self._kinds: Counter[Damage] = Counter()
        self._photos: list[DamagedPhoto] = []
        self._kind_of: dict[UUID, Damage] = {}
        self._kind_of_product: dict[UUID, Damage] = {}
        self._whole: Row | None = None
        self._unreadable: set[str] = set()
        self._unreadable_left = MAX_UNREADABLE
        self._doubts = storage.suspects.kinds()

    def compared(self, at: datetime) -> Comparison:
        listing = Listing(self._listed())
        for part in storage.photos.in_batches():
            listed = listing.of(row.object_key for row in part)
            suspects = []
            for row in part:
                if self._is_suspect(row, listed.get(row.object_key)):
                    suspects.append(row)
                else:
                    self._whole = row
            self._rows += len(part) - len(suspects)
            self._verified += len(part) - len(suspects)
            if suspects:
                self._look_again(suspects, listed)
        self._ask_as_a_till()
        return Comparison(
            at=at,
            rows=self._rows,
            verified=self._verified,
            replacing=self._replacing,
            damaged=dict(self._kinds),
            photos=tuple(self._photos),
            whole=(self._whole.object_key, self._whole.checksum, self._whole.version) if self._whole else None,
        )

    def _listed(self) -> Iterator[ObjectInfo]:
        try:
            yield from self._bucket.list(KEY_PREFIX)
        except ObjectMissing:
            if storage.photos.count():
                raise
            # No run has made the bucket yet, and nothing is promised.

    def _ask_as_a_till(self) -> None:
        """Ask for a whole photo without a key. Raises :class:`ObjectStoreDenied` where tills may not read it."""
        if self._whole is not None and not self._bucket.is_public(self._whole.object_key):
            raise _NotPublic(
                "The photo store does not let the tills read photos: its policy was removed.",
                hint="`etalase edge sync` puts it back.",
            )

    def _is_suspect(self, row: Row, there: ObjectInfo | None) -> bool:
        kind = damage(row.size, row.checksum, row.content_type, there)
        return kind is not None or row.id in self._doubts or (there is not None and was_put_since(self._compared_at, there))

    def _look_again(self, suspects: Collection[Row], listed: Mapping[str, ObjectInfo]) -> None:
        """A run may have written since, a listing may lag (hazard 62), an ETag may be no MD5 (hazard 56).

        A row is judged by what was seen while it stayed the same: so a run that publishes meanwhile looks like no damage.
        """
        before = {row.id: row for row in suspects}
        for round_number in range(1, MAX_ROUNDS + 1):
            there = {row.object_key: self._there(row.object_key, listed.get(row.object_key)) for row in before.values()}
            coming = storage.intents.new_checksums()
            after = {row.id: row for row in storage.photos.with_ids(before)}
            moved = {id_: row for id_, row in after.items() if row != before[id_] and round_number < MAX_ROUNDS}
            for row in after.values():
                if row.id not in moved:
                    self._judge(row, there.get(row.object_key), coming.get(row.object_key))
            if not moved:
                return
            before = moved

    def _judge(self, row: Row, there: ObjectInfo | None, coming: str | None) -> None:
        kind = damage(row.size, row.checksum, row.content_type, there)
        if (kind is None and row.id in self._doubts) or kind is Damage.MISTYPED:
            kind = self._read_anew(row, kind)
        elif kind is Damage.CHANGED and there is not None and there.size == row.size and self._holds(row, there):
            kind = None
        if row.object_key in self._unreadable:
            kind = Damage.UNREADABLE
        self._rows += 1
        if kind is None:
            self._verified += 1
            self._whole = row
        elif there is not None and there.etag == coming != row.object_etag:
            self._replacing += 1  # whole, and promised, before its row says so: a run is at it, or was cut off
        else:
            self._note(row, kind)

    def _there(self, key: str, listed: ObjectInfo | None) -> ObjectInfo | None:
        if not self._looks_left or not names_one_object(key):
            return listed
        self._looks_left -= 1
        try:
            return self._bucket.head(key)
        except ObjectStoreError:
            if listed is None or not self._may_be_unreadable(key):
                raise
            return listed

    def _may_be_unreadable(self, key: str) -> bool:
        """Take the object under ``key`` for one that its store cannot read, unless there were too many of those."""
        if self._unreadable_left <= 0:
            return False
        self._unreadable_left -= 1
        self._unreadable.add(key)
        return True

    def _holds(self, row: Row, there: ObjectInfo) -> bool:
        """Whether the row's bytes lie there after all."""
        known = (row.object_key, there.etag)
        if not there.etag or known not in _digests:
            if len(_digests) >= MAX_DIGESTS:
                _digests.clear()
            try:
                _digests[known] = self._bucket.read_through(row.object_key).digest
            except ObjectMissing:
                return False
            except ObjectStoreError:
                if not self._may_be_unreadable(row.object_key):
                    raise
                return False
        return _digests[known] == row.object_etag

    def _read_anew(self, row: Row, looked: Damage | None) -> Damage | None:
        """How the object of a row in doubt is damaged, if it is: what it ``looked`` like before need not be so."""
        if not self._looks_left or self._unreadable_left <= 0 or row.object_key in self._unreadable:
            return self._doubts.get(row.id, looked)
        self._looks_left -= 1
        try:
            read = self._bucket.read_through(row.object_key)
        except ObjectMissing:
            return Damage.MISSING
        except ObjectStoreError:
            self._unreadable_left -= 1
            return Damage.UNREADABLE
        return damage_read(row.checksum, row.content_type, read)

    def _note(self, row: Row, kind: Damage) -> None:
        self._kinds[kind] += 1
        self._kind_of[row.id] = kind
        self._kind_of_product.setdefault(row.product_id, kind)
        if len(self._photos) < MAX_NAMED:
            self._photos.append(DamagedPhoto(row.id, row.product_id, row.object_key, kind))

    def bare(self) -> dict[UUID, Damage]:
        """The products whose photo, as a till picks it, is damaged: it shows the placeholder. Each with how one is damaged."""
        damaged_products = list(self._kind_of_product)
        shown: dict[UUID, tuple[Any, UUID]] = {}
        for start in range(0, len(damaged_products), PRODUCTS_AT_ONCE):
            with cursor() as db:
                db.execute(
                    "SELECT product_id, id, is_primary, sort_order, EXISTS (SELECT 1 FROM etalase_doubt WHERE photo_id = id)"
                    " FROM product_photo WHERE product_id = ANY(%s) AND object_key > ''",
                    [damaged_products[start : start + PRODUCTS_AT_ONCE]],
                )
                for product_id, photo_id, is_primary, sort_order, known in db.fetchall():
                    stands = place(photo_id, damaged=known, is_primary=is_primary, sort_order=sort_order)
                    if product_id not in shown or stands < shown[product_id][0]:
                        shown[product_id] = stands, photo_id
        whole = {product_id for product_id, (_, photo_id) in shown.items() if photo_id not in self._kind_of}
        return {product_id: kind for product_id, kind in self._kind_of_product.items() if product_id not in whole}
