"""Compares head office's list of renditions with the table, and writes the differences to it.

The table is list, progress and retry list in one (ADR 0030). :mod:`.rendition_audit` compares it with the bucket, and
:mod:`.rendition_fetch` fetches what is missing.
"""

import heapq
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.sync import storage
from etalase.edge.sync.context import Run
from etalase.edge.sync.feed.features import offers_renditions
from etalase.edge.sync.feed.pull import Feed
from etalase.edge.sync.plan.renditions import ASKS_FOR_LIST
from etalase.edge.sync.rendition_sets import RenditionSets
from etalase.errors import DatabaseAway
from etalase.renditions import ListedRenditions, renditions_digest

PAGE_SETS: Final = 500


@contextmanager
def features_remembered(run: Run) -> Iterator[None]:
    """Keeps the abilities that head office announces while the block reads its list, also where the list breaks off."""
    try:
        yield
    finally:
        with suppress(DatabaseAway):
            _remember_features(run)


def _remember_features(run: Run) -> None:
    """Writes changed abilities for the next run. A head office that no longer offers renditions lists none."""
    features, url = run.services.head_office.features, run.services.settings.HO_URL
    if (features, url) == (run.checkpoint.features, run.checkpoint.features_of) or not (features or run.checkpoint.features):
        return
    changes: dict[str, object] = {"features": features, "features_of": url}
    if not offers_renditions(features):
        storage.renditions.unlist_all()
    if not offers_renditions(features) or url != run.checkpoint.features_of:
        changes["renditions_compared"] = False
    storage.checkpoint.update(run.checkpoint.store_id, changes)


def are_proved(changes: Feed, listed: RenditionSets) -> bool:
    """Returns whether head office's digest proves that the table lists all its renditions, with those of the changes."""
    if changes.rendition_digest is None or storage.renditions.is_list_doubtful(ASKS_FOR_LIST):
        return False

    def rest() -> Iterator[ListedRenditions]:
        for part in _in_parts(storage.renditions.listed()):
            replaced = listed.known_among(one.photo_id for one in part) | changes.deleted_ids
            yield from (one for one in part if one.photo_id not in replaced)

    def new() -> Iterator[ListedRenditions]:
        for one in listed.by_id():
            if one.renditions:
                keys = [rendition.object_key for rendition in one.renditions]
                yield ListedRenditions(one.photo_id, one.photo_checksum, one.thumbhash, keys)

    return renditions_digest(heapq.merge(rest(), new(), key=lambda one: one.photo_id)) == changes.rendition_digest


def _in_parts(sets: Iterator[ListedRenditions]) -> Iterator[list[ListedRenditions]]:
    part: list[ListedRenditions] = []
    for one in sets:
        part.append(one)
        if len(part) == PAGE_SETS:
            yield part
            part = []
    yield part


def list_sets(run: Run, feed: Feed) -> None:
    """Writes what head office lists to the table, slice by slice. A set that it no longer lists stays with the photo's row."""
    if feed.deleted_ids:
        storage.renditions.unlist(feed.deleted_ids)
    if feed.renditions is None:
        return
    for sets in feed.renditions.in_slices():
        with translated(), transaction.atomic():
            run.services.lock.still_held()
            storage.renditions.list_sets(sets)
    if feed.proved_complete:
        for part in _in_parts(storage.renditions.listed()):
            photo_ids = {one.photo_id for one in part}
            storage.renditions.unlist(photo_ids - feed.photos.known_among(photo_ids))


def foresee(feed: Feed) -> tuple[int, int]:
    """Returns the number of renditions that a run will try to fetch, and their bytes."""
    count = size_bytes = 0
    listed = feed.renditions or RenditionSets()
    for sets in listed.in_slices():
        wanted = {rendition.object_key: rendition.size for one in sets for rendition in one.renditions}
        missing = wanted.keys() - storage.renditions.here_among(wanted)
        count, size_bytes = count + len(missing), size_bytes + sum(wanted[key] for key in missing)
    for photo_id, waiting, waiting_bytes in storage.renditions.waiting():
        if not listed.known_among([photo_id]):
            count, size_bytes = count + waiting, size_bytes + waiting_bytes
    return count, size_bytes
