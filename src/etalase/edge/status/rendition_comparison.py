"""Compares the renditions of the bucket with their rows for ``status``, by the rules of the audit."""

from collections.abc import Callable, Iterator
from typing import Final

from etalase.edge.integrity import Damage
from etalase.edge.status.looks import Looks
from etalase.edge.status.snapshot import DamagedPhoto
from etalase.edge.sync import storage
from etalase.edge.sync.rendition_audit import list_renditions
from etalase.errors import ObjectStoreError, SpoolFull

# More are left to the full run: a person waits for the status.
MAX_RENDITIONS: Final = 20_000


def damaged_renditions(looks: Looks, *, shown: Callable[[str], None]) -> tuple[DamagedPhoto, ...] | None:
    """Returns the renditions that were here and are missing or damaged; None if that cannot be seen now.

    ``shown`` is called with the key of each that tills can show.
    """
    if storage.rendition_counts.count_objects() > MAX_RENDITIONS:
        return None
    try:
        return tuple(_damaged(looks, shown))
    except (ObjectStoreError, SpoolFull):
        return None


def _damaged(looks: Looks, shown: Callable[[str], None]) -> Iterator[DamagedPhoto]:
    listing = None
    for part in storage.renditions.objects():
        # Nothing is listed for a store without renditions.
        listing = list_renditions(looks.bucket, may_be_missing=True) if listing is None else listing
        listed = listing.of(one.object_key for one in part)
        for one in part:
            is_lost, kind = one.was_here and not one.is_here, None
            if is_lost or (one.is_here and looks.is_doubtful(one, listed.get(one.object_key))):
                there = looks.there(one.object_key, listed)
                kind, _ = looks.judge(one, there, marked=Damage.CHANGED if is_lost else None)
            if kind is not None:
                yield DamagedPhoto(one.photo_id, one.product_id, one.object_key, kind)
            if one.is_here and kind in {None, Damage.UNREADABLE}:  # a Deny may be about the access key, too
                shown(one.object_key)
