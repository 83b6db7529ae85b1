"""Compares the bucket with the rows for ``status``, beside runs and in bounded time, and marks the damage.

``status`` takes no lock: a run may write at the same time, and a listing may lag (hazard 62). The objects that the listing
leaves in doubt are therefore requested one by one, up to a bound; beyond it the listing and the marks of earlier audits count.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import django.db

from etalase.edge.database import translated
from etalase.edge.displayed_photo import photos_in_order
from etalase.edge.integrity import Damage, is_replacement
from etalase.edge.status.looks import Looks, Reads
from etalase.edge.status.public_sample import NotPublic, PublicSample, ReadDenied
from etalase.edge.status.rendition_comparison import damaged_renditions
from etalase.edge.status.snapshot import Comparison, DamagedPhoto, Trouble
from etalase.edge.sync import storage
from etalase.edge.sync.bucket_audit import list_photos
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.plan.model import Row
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
from etalase.objectstore.model import ObjectInfo

# HEADs and reads of one comparison: beyond them, a bucket that lost everything is judged by its listing.
MAX_LOOKS = 1000
# How often rows are judged again that a run changes meanwhile.
MAX_ROUNDS = 5
MAX_NAMED = 1000
PRODUCTS_AT_ONCE = 1000


def compare(
    bucket: ObjectStore,
    lock: RunLock,
    *,
    compared_at: datetime | None,
    now: datetime,
    reads: Reads,
    max_looks: int = MAX_LOOKS,
    max_named: int = MAX_NAMED,
) -> Comparison:
    """Returns the comparison now; a bucket that is away is a fact in it. Raises :class:`DatabaseAway`.

    ``reads`` outlives one comparison, so that a page that is reloaded reads an object once. Damage is marked, so that the POS
    shows another photo and the next run repairs it; while a run is in flight, the run marks.
    """
    tally = _Tally(max_named, storage.own_photos.exempt())
    looks = Looks(bucket, compared_at, reads, max_looks)
    try:
        sample = PublicSample(bucket, seed=int(now.timestamp()))
        for row, kind, is_replaced in _Audit(looks).rows():
            tally.add(row, kind, is_replaced=is_replaced)
            if kind in {None, Damage.UNREADABLE}:  # a Deny may be about the access key, too
                sample.add(row.object_key)
        renditions = damaged_renditions(looks, shown=sample.add)
        sample.check()
    except (ObjectStoreError, SpoolFull) as error:
        return Comparison(at=now, error=str(error), trouble=_trouble(error))
    if not lock.is_taken():
        with suppress(DatabaseAway, django.db.Error):  # the status of a read-only database is shown all the same
            storage.damage_marks.mark(tally.kind_of)
            storage.renditions.record_lost([one.object_key for one in renditions or ()])
    # After the marks: the POS selects by them.
    return replace(tally.comparison(now), bare=_bare(tally.kind_of, tally.kind_of_product), renditions=renditions)


def _trouble(error: EtalaseError) -> Trouble:
    match error:
        case NotPublic():
            return Trouble.NOT_PUBLIC
        case ReadDenied():
            return Trouble.READ_DENIED
        case ObjectStoreDenied():
            return Trouble.DENIED
        case ObjectStoreMisconfigured():
            return Trouble.MISCONFIGURED
        case ObjectMissing():
            return Trouble.MISSING
        case _:
            return Trouble.AWAY


@dataclass(slots=True)
class _Audit:
    """One audit of the photos without the lock."""

    looks: Looks
    marked: Mapping[UUID, Damage] = field(default_factory=storage.damage_marks.kinds)

    def rows(self) -> Iterator[tuple[Row, Damage | None, bool]]:
        """Yields every row once, with its damage, and whether newer, promised bytes are in the bucket before their row.

        Raises :class:`ObjectStoreError` where the store is away or refuses.
        """
        # Before the first run there is neither a bucket nor a row that needs one.
        listing = list_photos(self.looks.bucket, may_be_missing=not storage.photos.count())
        for rows in storage.photos.in_batches():
            listed = listing.of(row.object_key for row in rows)
            doubtful = []
            for row in rows:
                if row.id in self.marked or self.looks.is_doubtful(row, listed.get(row.object_key)):
                    doubtful.append(row)
                else:
                    yield row, None, False
            yield from self._look_again(doubtful, listed)

    def _look_again(self, rows: Collection[Row], listed: Mapping[str, ObjectInfo]) -> Iterator[tuple[Row, Damage | None, bool]]:
        """Judges each row by an object that was seen while the row stayed the same: a run that publishes causes no damage."""
        before = {row.id: row for row in rows}
        for round_number in range(1, MAX_ROUNDS + 1):
            if not before:
                return
            there = {row.object_key: self.looks.there(row.object_key, listed) for row in before.values()}
            coming = storage.intents.new_checksums()
            after = {row.id: row for row in storage.photos.with_ids(before)}
            moved = {id_: row for id_, row in after.items() if row != before[id_] and round_number < MAX_ROUNDS}
            for row in after.values():
                if row.id not in moved:
                    now = there.get(row.object_key, Damage.MISSING)
                    kind, etag = self.looks.judge(row, now, marked=self.marked.get(row.id))
                    is_replaced = kind is not None and is_replacement(etag, row.checksum, coming.get(row.object_key))
                    yield row, None if is_replaced else kind, is_replaced
            before = moved


class _Tally:
    """Counts judged rows. Names the first ``max_named`` damaged photos."""

    def __init__(self, max_named: int, own: Collection[UUID]) -> None:
        self._max_named, self._own = max_named, own
        self._rows = self._replacing = self._own_rows = self._own_damaged = 0
        self._kinds: Counter[Damage] = Counter()
        self.photos: list[DamagedPhoto] = []
        self.kind_of: dict[UUID, Damage] = {}
        self.kind_of_product: dict[UUID, Damage] = {}
        self.whole: Row | None = None

    def add(self, row: Row, kind: Damage | None, *, is_replaced: bool) -> None:
        """Counts one row; those of the store's own apart, since no run can repair them."""
        if kind is not None:
            self.kind_of[row.id] = kind
            self.kind_of_product.setdefault(row.product_id, kind)
        if row.id in self._own:
            self._own_rows += 1
            self._own_damaged += kind is not None
            return
        self._rows += 1
        self._replacing += is_replaced
        if kind is not None:
            self._kinds[kind] += 1
            if len(self.photos) < self._max_named:
                self.photos.append(DamagedPhoto(row.id, row.product_id, row.object_key, kind))
        elif not is_replaced:
            self.whole = row

    def comparison(self, at: datetime) -> Comparison:
        """Returns the counts as the status shows them."""
        return Comparison(
            at=at,
            rows=self._rows,
            verified=self._rows - self._replacing - self._kinds.total(),
            own=self._own_rows,
            own_damaged=self._own_damaged,
            replacing=self._replacing,
            damaged=dict(self._kinds),
            photos=tuple(self.photos),
            whole=(self.whole.object_key, self.whole.checksum, self.whole.version) if self.whole else None,
        )


def _bare(kind_of: Mapping[UUID, Damage], kind_of_product: Mapping[UUID, Damage]) -> dict[UUID, Damage]:
    """Returns the products whose displayed photo is damaged, with the damage of one photo each: the POS shows a placeholder."""
    products, shown = list(kind_of_product), dict[UUID, UUID]()
    for start in range(0, len(products), PRODUCTS_AT_ONCE):
        with translated():
            for product_id, photo_id in photos_in_order(products[start : start + PRODUCTS_AT_ONCE]):
                shown.setdefault(product_id, photo_id)
    whole = {product_id for product_id, photo_id in shown.items() if photo_id not in kind_of}
    return {product_id: kind for product_id, kind in kind_of_product.items() if product_id not in whole}
