"""Chooses the list that a run requests, and adds the pending photos of earlier runs."""

import heapq
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from etalase.edge.models import Removal
from etalase.edge.sync import renditions, storage
from etalase.edge.sync.anomalies import Anomaly
from etalase.edge.sync.context import Run, Scope, mark_damage
from etalase.edge.sync.feed.client import VALUE_REFUSED
from etalase.edge.sync.feed.pull import Coverage, Feed, pull
from etalase.edge.sync.feed.renditions import RenditionPage
from etalase.edge.sync.plan.model import Row
from etalase.edge.sync.plan.renditions import shown_first
from etalase.edge.sync.result import RunKind
from etalase.errors import HeadOfficeError, HeadOfficeRefused
from etalase.photo_digest import photos_digest
from etalase.protocol import Page, Photo, defect

logger = logging.getLogger("etalase.edge")

# States of removals whose photo head office no longer lists and whose row is still here.
PROPOSED = (Removal.State.HELD, Removal.State.WAITING, Removal.State.REFUSED)
# The pause between two requests for a damaged photo that head office's list does not contain.
REQUEST_AGAIN = timedelta(days=1)


def choose_scope(requested: Scope, anomalies: Sequence[Anomaly]) -> Scope:
    """Returns the requested scope, or the full one where an anomaly was found."""
    return Scope.FULL if anomalies else requested


def pull_feed(run: Run, scope: Scope) -> Feed:
    """Returns head office's full list, or the changes since the checkpoint.

    From an Etalase head office a full run requests the changes and the digest of the full list. Where the digest proves that
    the rest is here, the rest is not transferred (hazard 25). Raises :class:`HeadOfficeError`.
    """
    changes = _pull_changes(run, scope)
    if scope is Scope.CHANGES and changes is not None and not changes.is_full:
        return changes
    run.result.kind = RunKind.FULL
    run.audit.list_bucket(may_be_missing=run.services.is_read_only)  # a run that writes has created the bucket
    if changes is not None and not changes.is_full:
        changes = _prove_by_digest(run, changes)
    arrived = partial(_fetch_ahead, run) if _is_empty(run) else lambda _: None
    return changes or pull(run.services.head_office, None, pulled=run.progress.pulled, arrived=arrived)


def _is_empty(run: Run) -> bool:
    """Returns whether this edge has nothing yet, so that it wants every photo, and only a missing product refuses one."""
    return (
        not run.services.is_read_only
        and not run.checkpoint.sync_timestamp
        and not run.audit.listing
        and storage.checkpoint.row_counts()[1] == 0
        and not storage.retry_list.is_anything_pending()
        and not run.services.rules.for_writes
    )


def _fetch_ahead(run: Run, page: Page) -> None:
    """Begins the downloads that the plan will ask for: of the photos, or of the renditions that come first (ADR 0030)."""
    workers = run.services.early_workers
    if isinstance(page, RenditionPage) and any(one.renditions for one in page.renditions):
        first = list(shown_first(page.renditions))
        here = storage.renditions.here_among([one.object_key for one in first])
        run.rendition_start.begin([one for one in first if one.object_key not in here], workers)
        return
    photos = page.photos
    products, settings = run.services.products, run.services.settings
    product_ids = {photo.product_id for photo in photos}
    sold = product_ids if products.is_ours else set(products.existing(product_ids))
    wanted = [
        photo
        for photo in photos
        if photo.product_id in sold and not photo.flaws and not defect(photo, max_photo_bytes=settings.MAX_PHOTO_BYTES)
    ]
    run.head_start.begin(sorted(wanted, key=lambda photo: (not photo.is_primary, photo.size or 0)), workers)


def _pull_changes(run: Run, scope: Scope) -> Feed | None:
    """Returns the changes since the checkpoint, or None where the full list is necessary."""
    since = run.checkpoint.sync_timestamp
    with_digest = scope is Scope.FULL and run.checkpoint.products_changed_at is not None
    if not since or (scope is Scope.FULL and not with_digest):
        return None
    try:
        feed = pull(run.services.head_office, since, pulled=run.progress.pulled, with_digest=with_digest)
    except HeadOfficeRefused as error:
        if error.status not in VALUE_REFUSED:
            raise
        # The cause may be the checkpoint, which each later run would send again.
        run.result.note("checkpoint_refused", kept=since)
        return None
    if feed.is_older_than(since):
        # By the new clock, changes are older than the checkpoint: head office would never list them (hazard 9).
        logger.warning("head office's clock went back, from %s to %s: comparing everything", since, feed.sync_timestamp)
        run.result.note("ho_clock_back", told=feed.sync_timestamp, kept=since)
        return None
    return feed


def _prove_by_digest(run: Run, changes: Feed) -> Feed | None:
    """Returns the changes as a feed that covers the full list, where head office's digest and the bucket prove it; else None.

    Adds the photos of the retry list to the feed: head office lists them, and they are not here. Leaves
    out the store's own rows.
    """
    if changes.digest is None or changes.error is not None:
        return None
    photos = changes.photos
    photos.add_pending(photo for photo in _pending(run, due_before=None) if photo.id not in changes.deleted_ids)
    leaving = changes.deleted_ids | {removal.photo_id for removal in storage.removals.in_states(PROPOSED)}
    own = storage.own_photos.exempt()
    unchanged = 0

    def rest() -> Iterator[Row]:
        nonlocal unchanged
        for row in storage.photos.every():
            if row.id not in leaving and row.id not in own and not photos.knows(row.id):
                unchanged += 1
                yield row

    if photos_digest(heapq.merge(rest(), photos.by_id(), key=lambda photo: photo.id)) != changes.digest:
        return None
    if changes.renditions is not None and not renditions.are_proved(changes, changes.renditions):
        return None
    for part in storage.photos.in_batches():
        mark_damage(run, run.audit.look([row for row in part if row.id in own]))
        if mark_damage(run, run.audit.look([row for row in part if row.id not in own])).found:
            return None
    run.result.unchanged += unchanged
    return replace(changes, coverage=Coverage.DIGEST_PROVED)


def add_pending(run: Run, feed: Feed) -> None:
    """Adds due photos of the retry list, and known damage. A complete feed needs none: it lists all photos that exist."""
    if not feed.proved_complete:
        due = _pending(run, due_before=None if run.by_hand or feed.is_full else run.now)
        feed.photos.add_pending(photo for photo in due if photo.id not in feed.deleted_ids)
        if feed.coverage is Coverage.CHANGES and feed.error is None:
            feed.photos.add_pending(_damaged(run, feed))
    if run.dropped:
        run.result.note("state_dropped", told=", ".join(sorted(set(run.dropped))))


def _pending(run: Run, *, due_before: datetime | None) -> Iterator[Photo]:
    def unreadable(photo_id: UUID) -> None:
        logger.warning("photo %s leaves the retry list: its entry is unreadable", photo_id)
        run.dropped.append("etalase_pending_photo.wire")
        run.services.write(storage.retry_list.drop_unreadable, photo_id)

    return storage.retry_list.due(due_before=due_before, unreadable=unreadable)


def _damaged(run: Run, feed: Feed) -> list[Photo]:
    """Returns the photos with known damage, as head office lists them, so that an hourly run repairs them.

    Pulls the full list, because a row has no ``image_url``; does not list the bucket. Photos on the retry list or with a
    proposed removal are left out. For a photo that the list does not contain, the list is pulled once a day.
    """
    if not run.audit.marked:
        return []
    marked = storage.photos.marked_unattended(asked_before=run.now - REQUEST_AGAIN)
    marked = [row for row in marked if not feed.photos.knows(row.id) and row.id not in feed.deleted_ids]
    damaged = list(mark_damage(run, run.audit.look(marked)).damaged)  # some may be intact again
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
        run.services.write(storage.damage_marks.record_not_listed, not_listed, at=run.now)
    return listed
