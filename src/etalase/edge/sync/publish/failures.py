"""Collects the photos of a run that were not published, and records them in the retry list (hazard 5)."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.sync import storage
from etalase.edge.sync.publish.circuit_breaker import probe_bytes
from etalase.edge.sync.result import RunResult
from etalase.edge.sync.services import Services
from etalase.errors import ObjectStoreError, PhotoError, Reason
from etalase.protocol import Photo

logger = logging.getLogger("etalase.edge")

# The number of failures in memory before they are written to the retry list.
MANY = 1000
# The number of failures in memory at which even those that a second look at the list may settle are written.
TOO_MANY = 5000

ACCEPTS_SMALLER: Final = " It takes smaller ones: a proxy before it may drop bodies of this size."


@dataclass(slots=True)
class Failures:
    """The failed photos that are not in the retry list yet."""

    services: Services
    result: RunResult
    now: datetime
    _by_id: dict[UUID, tuple[Photo, PhotoError]] = field(default_factory=dict)
    _untried: set[UUID] = field(default_factory=set)
    _bucket_is_away: bool = False

    def add(self, photo: Photo, error: PhotoError, *, untried: bool = False) -> None:
        """Adds the failure of a photo, in place of an earlier one. An ``untried`` photo gets no attempt counted."""
        self._by_id[photo.id] = (photo, error)
        if untried:
            self._untried.add(photo.id)

    def resolve(self, photo_ids: Iterable[UUID]) -> None:
        """Drops the failures of photos that were published after all, or that the run tries again."""
        for photo_id in photo_ids:
            self._by_id.pop(photo_id, None)

    @property
    def product_ids(self) -> set[UUID]:
        """Returns the products of the failed photos."""
        return {photo.product_id for photo, _ in self._by_id.values()}

    @property
    def maybe_stale(self) -> list[Photo]:
        """Returns the failed photos whose metadata head office may have replaced since the feed was pulled (hazard 20)."""
        return [photo for photo, error in self._by_id.values() if error.reason.policy.may_be_stale]

    def record_many(self) -> None:
        """Records the failures once there are many, without those that a second look at head office's list may settle.

        These stay in memory until :meth:`record`, or until there are too many: then the next run has the second look.
        """
        everything = len(self._by_id) >= TOO_MANY
        settled = {id_: (p, e) for id_, (p, e) in self._by_id.items() if everything or not e.reason.policy.may_be_stale}
        if len(settled) >= MANY:
            self._record(settled)

    def record(self) -> None:
        """Records all failures in the retry list, so that no photo is forgotten."""
        if self._by_id:
            self._record(dict(self._by_id))

    def bucket_accepts(self, size_bytes: int) -> bool:
        """Returns whether the bucket accepts a picture of this size under another key."""
        try:
            self.services.bucket.prove_writable(size_bytes)
        except ObjectStoreError as error:
            logger.warning("the object store does not accept a picture: %s", error)
            return False
        return True

    def blame_bucket(self) -> None:
        """Leaves all failures to the bucket, which accepts no picture at all."""
        self._bucket_is_away = True

    def _record(self, settled: dict[UUID, tuple[Photo, PhotoError]]) -> None:
        self._blame_photos(settled)
        self.result.count_failures(error.reason for _, error in settled.values())
        with translated(), transaction.atomic():
            self.services.lock.still_held()
            storage.retry_list.record_failures(settled.values(), now=self.now, untried=self._untried)
        self.resolve(settled)
        self._untried -= settled.keys()

    def _blame_photos(self, failures: dict[UUID, tuple[Photo, PhotoError]]) -> None:
        """Makes failures at a bucket that accepts other objects the photos' own, with growing pauses (hazard 78)."""
        reasons = {id_: error.reason.policy.of_one_photo for id_, (_, error) in failures.items() if id_ not in self._untried}
        own = {id_: Reason[name] for id_, name in reasons.items() if name}
        if not own or self._bucket_is_away:
            return
        largest_bytes = max(probe_bytes(*failures[id_]) for id_ in own)
        is_of_size = not self.bucket_accepts(largest_bytes)
        if is_of_size and not (largest_bytes and self.bucket_accepts(0)):
            return
        for id_, reason in own.items():
            photo, error = failures[id_]
            failures[id_] = (photo, PhotoError(reason, error.detail + (ACCEPTS_SMALLER if is_of_size else "")))
