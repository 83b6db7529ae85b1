"""Compares the renditions of the bucket with their rows for ``status``, and records the lost and damaged ones.

A run that is in flight records its own findings, and may put what this look misses.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import django.db

from etalase.edge.integrity import Damage
from etalase.edge.status.looks import Looks
from etalase.edge.status.snapshot import DamagedPhoto
from etalase.edge.sync import storage
from etalase.edge.sync.rendition_audit import list_renditions
from etalase.errors import DatabaseAway, ObjectStoreError, SpoolFull

# More are left to the full run: a person waits for the status.
MAX_RENDITIONS: Final = 20_000


def damaged_renditions(looks: Looks, *, records: bool) -> tuple[DamagedPhoto, ...] | None:
    """Returns the renditions that were here and are missing or damaged; None if that cannot be seen now.

    ``records``: so that the POS leaves them out, and the next run fetches them.
    """
    if storage.rendition_counts.count_objects() > MAX_RENDITIONS:
        return None
    found: list[DamagedPhoto] = []
    try:
        for one in _damaged(looks):
            found.append(one)  # noqa: PERF402 - kept where the store goes away meanwhile
    except (ObjectStoreError, SpoolFull):
        return None
    finally:
        if records:
            with suppress(DatabaseAway, django.db.Error):  # the status of a read-only database is shown all the same
                storage.renditions.record_lost([one.object_key for one in found])
    return tuple(found)


def _damaged(looks: Looks) -> Iterator[DamagedPhoto]:
    listing = None
    for part in storage.renditions.objects():
        # Nothing is listed for a store without renditions.
        listing = list_renditions(looks.bucket, may_be_missing=True) if listing is None else listing
        listed = listing.of(one.object_key for one in part)
        for one in part:
            is_lost = one.was_here and not one.is_here
            if not (is_lost or (one.is_here and looks.is_doubtful(one, listed.get(one.object_key)))):
                continue
            there = looks.there(one.object_key, listed)
            kind, _ = looks.judge(one, there, marked=Damage.CHANGED if is_lost else None)
            if kind is not None:
                yield DamagedPhoto(one.photo_id, one.product_id, one.object_key, kind)
