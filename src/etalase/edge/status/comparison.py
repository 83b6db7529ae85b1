"""Compares the bucket with the rows for ``status``, and marks the damage."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import django.db

from etalase.edge.bucket_audit import MAX_LOOKS, Judged, Reads, UnlockedAudit
from etalase.edge.command_names import as_typed
from etalase.edge.database import translated
from etalase.edge.displayed_photo import photos_in_order
from etalase.edge.integrity import Damage
from etalase.edge.status.snapshot import Comparison, DamagedPhoto, Trouble
from etalase.edge.sync import storage
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.plan.plan import Row
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

MAX_NAMED = 1000
PRODUCTS_AT_ONCE = 1000


def compare(
    bucket: ObjectStore,
    lock: RunLock,
    *,
    compared_at: datetime | None,
    reads: Reads,
    max_looks: int = MAX_LOOKS,
    max_named: int = MAX_NAMED,
) -> Comparison:
    """Returns the comparison now; a bucket that is away is a fact in it. Raises :class:`DatabaseAway`.

    ``compared_at`` is when a run last compared all: objects put since are asked for their type too, which a listing does not
    have. Damage is marked, so that the POS shows another photo and the next run mends it; a run that is under way knows better.
    """
    at = datetime.now(UTC)
    try:
        judged = UnlockedAudit(bucket, compared_at, reads, max_looks).judged()
        tally = _Tally(max_named)
        for one in judged:
            tally.add(one)
        _check_public(bucket, tally.whole)
    except (ObjectStoreError, SpoolFull) as error:
        return Comparison(at=at, error=str(error), trouble=_trouble(error))
    if tally.photos and not lock.is_taken():
        with suppress(DatabaseAway, django.db.Error):  # a read-only database can be looked at all the same
            storage.suspects.mark({photo.photo_id: photo.kind for photo in tally.photos})
    # Only now: the till selects by the marks.
    return replace(tally.comparison(at), bare=_bare(tally.kind_of, tally.kind_of_product))


class _NotPublic(ObjectStoreDenied):
    """The access key may read, and tills may not."""


def _check_public(bucket: ObjectStore, whole: Row | None) -> None:
    """Asks for a whole photo without a key, as a till does. Raises :class:`ObjectStoreDenied` where the store refuses."""
    if whole is not None and not bucket.is_public(whole.object_key):
        raise _NotPublic(
            "The photo store does not let the tills read photos: its policy was removed.",
            hint=as_typed("`etalase edge sync` puts it back."),
        )


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


class _Tally:
    """Counts judged rows. Names the first ``max_named`` damaged photos."""

    def __init__(self, max_named: int) -> None:
        self._max_named = max_named
        self._rows = self._replacing = 0
        self._kinds: Counter[Damage] = Counter()
        self.photos: list[DamagedPhoto] = []
        self.kind_of: dict[UUID, Damage] = {}
        self.kind_of_product: dict[UUID, Damage] = {}
        self.whole: Row | None = None

    def add(self, judged: Judged) -> None:
        """Counts one row."""
        row, kind = judged.row, judged.kind
        self._rows += 1
        self._replacing += judged.is_replaced
        if kind is not None:
            self._kinds[kind] += 1
            self.kind_of[row.id] = kind
            self.kind_of_product.setdefault(row.product_id, kind)
            if len(self.photos) < self._max_named:
                self.photos.append(DamagedPhoto(row.id, row.product_id, row.object_key, kind))
        elif not judged.is_replaced:
            self.whole = row

    def comparison(self, at: datetime) -> Comparison:
        """Returns the counts as the status shows them."""
        return Comparison(
            at=at,
            rows=self._rows,
            verified=self._rows - self._replacing - len(self.kind_of),
            replacing=self._replacing,
            damaged=dict(self._kinds),
            photos=tuple(self.photos),
            whole=(self.whole.object_key, self.whole.checksum, self.whole.version) if self.whole else None,
        )


def _bare(kind_of: Mapping[UUID, Damage], kind_of_product: Mapping[UUID, Damage]) -> dict[UUID, Damage]:
    """Returns the products whose displayed photo is damaged, each with the damage of one: a till shows the placeholder."""
    products, shown = list(kind_of_product), dict[UUID, UUID]()
    for start in range(0, len(products), PRODUCTS_AT_ONCE):
        with translated():
            for product_id, photo_id in photos_in_order(products[start : start + PRODUCTS_AT_ONCE]):
                shown.setdefault(product_id, photo_id)
    whole = {product_id for product_id, photo_id in shown.items() if photo_id not in kind_of}
    return {product_id: kind for product_id, kind in kind_of_product.items() if product_id not in whole}
