"""Fetches renditions: small pictures that arrive before the photos, so that a new store shows its menu early.

A rendition is tried once a run. One that fails waits for the next run, and neither delays nor fails its photo (ADR 0030).
"""

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.sync import storage
from etalase.edge.sync.context import Run
from etalase.edge.sync.download.concurrency import START
from etalase.edge.sync.download.proof import Promised
from etalase.edge.sync.feed.pull import Coverage, Feed
from etalase.edge.sync.plan.renditions import MAX_ATTEMPTS, RenditionBreaker, WantedRendition, pause
from etalase.edge.sync.publish.put import is_kept
from etalase.edge.sync.services import Services
from etalase.errors import ObjectStoreError, PhotoError, PictureRefused, Reason, ReasonClass
from etalase.objectstore.client import IMMUTABLE
from etalase.objectstore.model import Body
from etalase.pictures.reading import read_outline

logger = logging.getLogger("etalase.edge")

COMMIT_SECONDS: Final = 1.0


def fetch(run: Run, feed: Feed) -> None:
    """Fetches the missing renditions that are due, and puts them. Ends early where many fail in a row, or the run has to."""
    if run.by_hand:
        storage.renditions.make_due()
    _Carrier(run, gives_way=feed.coverage is Coverage.CHANGES).carry_all()


@dataclass(slots=True)
class _Carrier:
    """Carries one run's renditions: as many at once as there are workers, with the results committed once a second."""

    run: Run
    gives_way: bool
    _breaker: RenditionBreaker = field(init=False)
    _in_flight: dict[Future[None], WantedRendition] = field(default_factory=dict)
    _arrived: list[WantedRendition] = field(default_factory=list)
    # The id of each failed rendition, its attempts, its next try and the reason.
    _failed: list[tuple[int, int, datetime, str]] = field(default_factory=list)
    _committed_at: float = 0.0
    _is_over: bool = False
    _are_public: bool | None = None

    def __post_init__(self) -> None:
        self._breaker = RenditionBreaker(self.run.services.clock.monotonic())

    def carry_all(self) -> None:
        """Tries the renditions, the most useful first."""
        try:
            self._carry()
        finally:
            self._commit()
        if self._breaker.is_open:
            tally = self.run.result.renditions
            logger.warning("renditions: %d arrived, %d failed; the next run tries again", tally.fetched, tally.failed)

    def _carry(self) -> None:
        services = self.run.services
        waiting: deque[WantedRendition] = deque()
        is_last = False
        while True:
            if not waiting and not is_last:
                waiting.extend(self._due())
                is_last = not waiting
            while waiting and self._has_room_for(waiting[0]):
                self._begin(waiting.popleft())
            if not self._in_flight:
                return
            done, _ = wait(self._in_flight, return_when=FIRST_COMPLETED)
            for future in done:
                self._note(self._in_flight.pop(future), future)
            if services.clock.monotonic() - self._committed_at >= COMMIT_SECONDS:
                self._commit()

    def _due(self) -> list[WantedRendition]:
        """Returns the next renditions to try, none where the run has to end. Commits first: an arrived one is not due."""
        self._commit()
        in_flight = [one.id for one in self._in_flight.values()]
        limit = self.run.services.slice_photos
        return [] if self._is_over else storage.renditions.due(now=self.run.now, limit=limit, besides=in_flight)

    def _begin(self, rendition: WantedRendition) -> None:
        """Begins to carry a rendition; on a far link its download apart from the puts, as the publisher does."""
        services, head_start = self.run.services, self.run.rendition_start
        if services.images.transfers_at_once > START:
            head_start.begin_planned(rendition, services.early_workers)
        self._in_flight[services.workers.submit(carry, rendition, services, head_start.fetch)] = rendition

    def _has_room_for(self, rendition: WantedRendition) -> bool:
        at_once = self.run.services.images.transfers_at_once
        # On a far link some are put while others are downloaded.
        most = at_once if at_once <= START else at_once * 2
        if self._is_over or self._breaker.is_open or self.run.services.stopped.is_set() or len(self._in_flight) >= most:
            return False
        bytes_in_flight = sum(one.size for one in self._in_flight.values())
        return not self._in_flight or bytes_in_flight + rendition.size <= self.run.services.settings.MAX_BYTES_IN_FLIGHT

    def _note(self, rendition: WantedRendition, future: Future[None]) -> None:
        try:
            future.result()
        except PhotoError as error:
            self._fail(rendition, error.reason, error.detail)
        except Exception as error:
            logger.exception("rendition %s failed", rendition.object_key)
            self._fail(rendition, Reason.UNFORESEEN, type(error).__name__)
        else:
            self._breaker.record(None, at=self.run.services.clock.monotonic())
            self._arrived.append(rendition)

    def _fail(self, rendition: WantedRendition, reason: Reason, detail: str) -> None:
        services = self.run.services
        if services.stopped.is_set() and reason.policy.kind is ReasonClass.TRANSIENT:
            return  # the run stopped this transfer
        logger.info("rendition %s failed: %s (%s)", rendition.object_key, detail, reason)
        self._breaker.record(reason, at=services.clock.monotonic())
        self.run.result.renditions.failed += 1
        attempts = min(rendition.attempts + 1, MAX_ATTEMPTS)
        self._failed.append((rendition.id, attempts, services.clock.utc() + pause(attempts), reason))

    def _commit(self) -> None:
        """Records the results. A rendition that no till may read is not shown: the policy may allow photos alone."""
        if self._arrived and self._are_public is None:
            self._are_public = self.run.services.bucket.is_public(self._arrived[0].object_key)
        if self._arrived and not self._are_public:
            for one in self._arrived:
                self._fail(one, Reason.STORE_DENIED, "nobody can read it from the bucket without a key")
            self._arrived = []
        if self._arrived or self._failed:
            with translated(), transaction.atomic():
                self.run.services.lock.still_held()
                storage.renditions.record_arrived([one.object_key for one in self._arrived])
                storage.renditions.record_failed(self._failed)
        self.run.result.renditions.fetched += len(self._arrived)
        self.run.result.renditions.healed += sum(one.heals for one in self._arrived)
        self.run.result.renditions.bytes += sum(one.size for one in self._arrived)
        self._arrived, self._failed, self._committed_at = [], [], self.run.services.clock.monotonic()
        self._is_over = self._breaker.is_open or self.run.services.time_is_up or self._gives_way_now()

    def _gives_way_now(self) -> bool:
        return self.gives_way and self.run.services.lock.full_is_due()


def carry(rendition: WantedRendition, services: Services, fetch: Callable[[Promised], Body]) -> None:
    """Fetches one rendition, verifies and puts it. Raises :class:`PhotoError`."""
    body = bytes(fetch(rendition))
    check_picture(body, rendition)
    try:
        etag = services.bucket.put(rendition.object_key, body, content_type=rendition.content_type, cache_control=IMMUTABLE)
        if not is_kept(services.bucket, rendition.object_key, etag, rendition.checksum):
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
