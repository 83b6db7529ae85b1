"""Chooses which list a run asks head office for, and adds the photos that earlier runs left undone."""

import heapq
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from etalase.edge.models import Removal
from etalase.edge.sync import storage
from etalase.edge.sync.anomalies import Anomaly
from etalase.edge.sync.context import Run, Scope, mark_damage
from etalase.edge.sync.feed.client import VALUE_REFUSED
from etalase.edge.sync.feed.pull import Coverage, Feed, pull
from etalase.edge.sync.plan.plan import Row
from etalase.edge.sync.result import RunKind
from etalase.errors import HeadOfficeError, HeadOfficeRefused
from etalase.photo_digest import photos_digest
from etalase.protocol import Photo

logger = logging.getLogger("etalase.edge")

# Removals that are not applied: head office lists these photos no longer, and their rows are still here.
PROPOSED = (Removal.State.HELD, Removal.State.WAITING, Removal.State.REFUSED)
# How often head office is asked for a damaged photo that its list does not name.
ASK_AGAIN = timedelta(days=1)


def choose_scope(asked: Scope, anomalies: Sequence[Anomaly]) -> Scope:
    """Returns the scope that was asked for, or the full one where an anomaly was found."""
    return Scope.FULL if anomalies else asked


def pull_feed(run: Run, scope: Scope) -> Feed:
    """Pulls everything that head office lists, or the changes since the checkpoint.

    A full run asks a head office of ours for the changes, too, and for the digest of everything: where the digest proves that
    the rest is here, the rest need not come over the link (hazard 25). Raises :class:`HeadOfficeError`.
    """
    changes = _pull_changes(run, scope)
    if scope is Scope.CHANGES and changes is not None and not changes.is_full:
        return changes
    run.result.kind = RunKind.FULL
    run.audit.list_bucket(may_be_missing=run.services.is_read_only)  # a run that writes has created the bucket
    if changes is not None and not changes.is_full:
        changes = _prove_by_digest(run, changes)
    return changes or pull(run.services.head_office, None, pulled=run.progress.pulled)


def _pull_changes(run: Run, scope: Scope) -> Feed | None:
    """Returns the changes since the checkpoint, or None where the whole list has to be pulled instead."""
    since = run.checkpoint.sync_timestamp
    with_digest = scope is Scope.FULL and run.checkpoint.products_changed_at is not None
    if not since or (scope is Scope.FULL and not with_digest):
        return None
    try:
        feed = pull(run.services.head_office, since, pulled=run.progress.pulled, with_digest=with_digest)
    except HeadOfficeRefused as error:
        if error.status not in VALUE_REFUSED:
            raise
        # It may be the checkpoint: then it would be refused for ever.
        run.result.note("checkpoint_refused", kept=since)
        return None
    if feed.is_older_than(since):
        # Changes by the new clock are older than the checkpoint, and would never be listed (hazard 9).
        logger.warning("head office's clock went back, from %s to %s: comparing everything", since, feed.sync_timestamp)
        run.result.note("ho_clock_back", told=feed.sync_timestamp, kept=since)
        return None
    return feed


def _prove_by_digest(run: Run, changes: Feed) -> Feed | None:
    """Returns the changes as a feed that covers everything, where head office's digest and the bucket prove it; else None.

    The photos on the retry list are added to it: they are listed, and not here.
    """
    if changes.digest is None or changes.error is not None:
        return None
    photos = changes.photos
    photos.owe(photo for photo in _pending(run, due_before=None) if photo.id not in changes.deleted_ids)
    leaving = changes.deleted_ids | {removal.photo_id for removal in storage.removals.in_states(PROPOSED)}
    unchanged = 0

    def rest() -> Iterator[Row]:
        nonlocal unchanged
        for row in storage.photos.every():
            if row.id not in leaving and not photos.knows(row.id):
                unchanged += 1
                yield row

    if photos_digest(heapq.merge(rest(), photos.by_id(), key=lambda photo: photo.id)) != changes.digest:
        return None
    if any(mark_damage(run, run.audit.look(part)).found for part in storage.photos.in_batches()):
        return None
    run.result.unchanged += unchanged
    return replace(changes, coverage=Coverage.DIGEST_PROVED)


def add_owed(run: Run, feed: Feed) -> None:
    """Adds the photos that are due on the retry list, and known damage; a photo that is not in a complete feed is gone."""
    if not feed.proved_complete:
        due = _pending(run, due_before=None if run.by_hand or feed.is_full else run.now)
        feed.photos.owe(photo for photo in due if photo.id not in feed.deleted_ids)
        if feed.coverage is Coverage.CHANGES and feed.error is None:
            feed.photos.owe(_damaged(run, feed))
    if run.dropped:
        run.result.note("state_dropped", told=", ".join(sorted(set(run.dropped))))


def _pending(run: Run, *, due_before: datetime | None) -> Iterator[Photo]:
    def unreadable(photo_id: UUID) -> None:
        logger.warning("photo %s leaves the retry list, its entry cannot be read", photo_id)
        run.dropped.append("etalase_pending_photo.wire")
        run.services.write(storage.retry_list.drop_unreadable, photo_id)

    return storage.retry_list.due(due_before=due_before, unreadable=unreadable)


def _damaged(run: Run, feed: Feed) -> list[Photo]:
    """Returns the photos that are known to be damaged, as head office lists them, so that an hourly run repairs them.

    A row has no ``image_url``, so the whole list is pulled for it; the bucket is not listed. Photos on the retry list or with a
    proposed removal are left to those; a photo that the list does not name is asked for once a day.
    """
    if not run.audit.suspects:
        return []
    doubted = storage.photos.suspect_unattended(asked_before=run.now - ASK_AGAIN)
    doubted = [row for row in doubted if not feed.photos.knows(row.id) and row.id not in feed.deleted_ids]
    damaged = list(mark_damage(run, run.audit.look(doubted)).damaged)  # some may be right again
    if not damaged:
        return []
    try:
        everything = pull(run.services.head_office, None, pulled=lambda _: None)
    except HeadOfficeError as error:
        logger.warning("head office's list of %d damaged photos could not be pulled: %s", len(damaged), error)
        return []
    listed = [photo for photo in map(everything.photos.get, damaged) if photo is not None]
    if everything.error is None:
        not_listed = set(damaged) - {photo.id for photo in listed}
        run.services.write(storage.suspects.record_not_listed, not_listed, at=run.now)
    return listed
