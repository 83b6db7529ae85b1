"""Lists and fetches renditions: small pictures that arrive before the photos, so that a new store shows its menu early.

A rendition that fails waits for the next run. It neither delays nor fails its photo (ADR 0030).
"""

import heapq
import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.sync import storage
from etalase.edge.sync.context import Run
from etalase.edge.sync.feed.features import offers_renditions
from etalase.edge.sync.feed.pull import Coverage, Feed
from etalase.edge.sync.plan.renditions import ASKS_FOR_LIST, MAX_ATTEMPTS, RenditionBreaker, WantedRendition, pause
from etalase.edge.sync.rendition_sets import RenditionSets
from etalase.edge.sync.services import Services
from etalase.errors import DatabaseAway, ObjectStoreError, PhotoError, PictureRefused, Reason, ReasonClass
from etalase.objectstore.client import IMMUTABLE
from etalase.pictures.reading import read_outline
from etalase.renditions import ListedRenditions, renditions_digest

logger = logging.getLogger("etalase.edge")

PAGE_RENDITIONS: Final = 200
# An unresponsive host delays the photos by so long, once a run.
MAX_WAIT_SECONDS: Final = 5
COMMIT_SECONDS: Final = 1.0


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
        if len(part) == PAGE_RENDITIONS:
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


@dataclass(slots=True)
class _Batch:
    """Renditions that were tried and whose result is not committed yet."""

    arrived: list[str] = field(default_factory=list)
    failed: list[tuple[int, int, datetime, str]] = field(default_factory=list)


def fetch(run: Run, feed: Feed) -> None:
    """Fetches the missing renditions that are due, and puts them. Ends early where many fail in a row, or the run has to."""
    if run.by_hand:
        storage.renditions.make_due()
    breaker = RenditionBreaker()
    gives_way = feed.coverage is Coverage.CHANGES
    while not _ends(run, breaker, gives_way=gives_way):
        wanted = storage.renditions.due(now=run.now, limit=PAGE_RENDITIONS)
        if not wanted:
            break
        _fetch_page(run, wanted, breaker)
    if breaker.is_open:
        tally = run.result.renditions
        logger.warning("renditions: %d arrived, %d failed; the next run tries again", tally.fetched, tally.failed)


def _ends(run: Run, breaker: RenditionBreaker, *, gives_way: bool) -> bool:
    services = run.services
    is_over = breaker.is_open or services.time_is_up or services.stopped.is_set()
    return is_over or (gives_way and services.lock.full_is_due())


def _fetch_page(run: Run, wanted: list[WantedRendition], breaker: RenditionBreaker) -> None:
    """Tries the renditions in the worker pool, as many at once as there are workers. Commits the results once a second."""
    services, waiting, batch = run.services, deque(wanted), _Batch()
    committed_at = services.clock.monotonic()
    in_flight: dict[Future[None], WantedRendition] = {}
    try:
        while True:
            while (
                waiting and len(in_flight) < services.settings.WORKERS and not breaker.is_open and not services.stopped.is_set()
            ):
                bytes_in_flight = sum(one.size for one in in_flight.values())
                if in_flight and bytes_in_flight + waiting[0].size > services.settings.MAX_BYTES_IN_FLIGHT:
                    break
                one = waiting.popleft()
                in_flight[services.workers.submit(carry, one, services)] = one
            if not in_flight:
                break
            if services.clock.monotonic() - committed_at >= COMMIT_SECONDS:
                _commit(run, batch)
                batch, committed_at = _Batch(), services.clock.monotonic()
            done, _ = wait(in_flight, return_when=FIRST_COMPLETED)
            for future in done:
                _note(run, in_flight.pop(future), future, batch, breaker)
    finally:
        _commit(run, batch)


def _note(run: Run, rendition: WantedRendition, future: Future[None], batch: _Batch, breaker: RenditionBreaker) -> None:
    tally = run.result.renditions
    try:
        future.result()
    except PhotoError as error:
        reason, detail = error.reason, error.detail
    except Exception as error:
        logger.exception("rendition %s failed", rendition.object_key)
        reason, detail = Reason.UNFORESEEN, type(error).__name__
    else:
        batch.arrived.append(rendition.object_key)
        breaker.record(None)
        tally.fetched += 1
        tally.bytes += rendition.size
        return
    if run.services.stopped.is_set() and reason.policy.kind is ReasonClass.TRANSIENT:
        return  # the run stopped this transfer
    logger.info("rendition %s failed: %s (%s)", rendition.object_key, detail, reason)
    breaker.record(reason)
    tally.failed += 1
    attempts = min(rendition.attempts + 1, MAX_ATTEMPTS)
    batch.failed.append((rendition.id, attempts, run.services.clock.utc() + pause(attempts), reason))


def _commit(run: Run, batch: _Batch) -> None:
    if batch.arrived or batch.failed:
        with translated(), transaction.atomic():
            run.services.lock.still_held()
            if batch.arrived:
                storage.renditions.record_arrived(batch.arrived)
            if batch.failed:
                storage.renditions.record_failed(batch.failed)


def carry(rendition: WantedRendition, services: Services) -> None:
    """Fetches one rendition, verifies and puts it. Raises :class:`PhotoError`."""
    body = bytes(services.images.fetch_once(rendition, max_wait_seconds=MAX_WAIT_SECONDS))
    check_picture(body, rendition)
    try:
        etag = services.bucket.put(rendition.object_key, body, content_type=rendition.content_type, cache_control=IMMUTABLE)
        if etag != rendition.checksum and services.bucket.read_through(rendition.object_key).digest != rendition.checksum:
            raise PhotoError(Reason.STORE_CONFLICT, "the object store keeps other bytes than it was given")
    except ObjectStoreError as error:
        raise PhotoError(error.reason, str(error)) from error


def check_picture(body: bytes, rendition: WantedRendition) -> None:
    """Raises :class:`PhotoError` where the bytes are not a picture of the listed type and size by their structure."""
    try:
        content_type, outline = read_outline(body)
    except PictureRefused as error:
        raise PhotoError(Reason.TYPE_MISMATCH, f"HO's own data: {error.message}") from error
    found = (content_type, outline.width, outline.height)
    if found != (rendition.content_type, rendition.width, rendition.height):
        raise PhotoError(Reason.TYPE_MISMATCH, f"HO's own data: it is {content_type}, {outline.width}×{outline.height}")
