"""Makes renditions of published photos here, where head office offers none: the last step of a run (ADR 0030).

One photo at a time, in a process with limits and a low priority. It neither delays nor fails a photo: the tills show the photo
until its renditions are here.
"""

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

from django.db import transaction

from etalase.checksum import md5_hex
from etalase.edge.command_names import is_in_project
from etalase.edge.database import translated
from etalase.edge.integrity import Damage
from etalase.edge.sync import storage
from etalase.edge.sync.context import Run
from etalase.edge.sync.feed.features import offers_renditions
from etalase.edge.sync.plan.renditions import makes_own
from etalase.edge.sync.publish.put import is_kept
from etalase.edge.sync.storage.made_renditions import PhotoWithout
from etalase.errors import ObjectMissing, ObjectRefused, ObjectStoreError, PictureFault, PictureRefused
from etalase.objectstore.client import IMMUTABLE, PROBE_PNG
from etalase.pictures.making import MadeRenditions, Maker

logger = logging.getLogger("etalase.edge")

PAGE_PHOTOS: Final = 100
# A scheduled run leaves the rest to the next one: new photos must not wait for small pictures of old ones.
MAX_SCHEDULED_SECONDS: Final = 600
# After a picture that needed more memory or time than there was. Then the cause is the picture.
PAUSES: Final = (timedelta(minutes=30), timedelta(hours=6), timedelta(hours=24))
# The process that makes them; the worker itself keeps one photo in memory.
NICENESS: Final = 10
MEMORY_BYTES: Final = 512 * 1024**2


def small_maker() -> Maker:
    """Returns a maker for one photo at a time, with a low priority and little memory."""
    return Maker(processes=1, niceness=NICENESS, memory_bytes=MEMORY_BYTES)


def can_make(maker: Maker) -> bool:
    """Returns whether the maker's process makes pictures: libvips is installed, and runs within the limits."""
    try:
        return bool(maker.renditions(PROBE_PNG).renditions)
    except PictureRefused:
        return False


def tidy(run: Run) -> None:
    """Deletes renditions that are superseded, or unwanted by ETALASE_RENDITIONS."""
    setting, now = run.services.settings.RENDITIONS, run.services.clock.utc()
    if setting == "off":
        storage.renditions.drop_all(at=now)
    storage.renditions.drop_superseded(at=now, keeps_lost_own=_makes_own(run))
    storage.made_renditions.forget_unmade()


def make_missing(run: Run) -> None:
    """Makes the renditions of published photos that have none, primary photos first. The next run makes the rest."""
    if not _makes_own(run) or not (first := storage.made_renditions.photos_without(after=None, limit=PAGE_PHOTOS, now=run.now)):
        return
    with closing(small_maker()) as maker:
        if can_make(maker):
            _Making(run, maker).make_all(first)
        else:
            _tell_once_what_is_missing()


def _makes_own(run: Run) -> bool:
    offered = offers_renditions(run.services.head_office.features)
    return makes_own(run.services.settings.RENDITIONS, offered=offered)


@cache
def _tell_once_what_is_missing() -> None:
    logger.info("no small pictures are made here: %s", missing_hint())


def missing_hint() -> str:
    """Returns what to install where no rendition can be made."""
    return f"pip install 'etalase[{'renditions' if is_in_project() else 'standalone'}]'"


def _again_at(refused: PictureRefused, now: datetime) -> list[datetime]:
    """Returns when to try again: a machine that was short of memory or time once must not condemn a good picture."""
    return [now + pause for pause in PAUSES] if refused.code is PictureFault.TOO_COMPLEX else []


class _BucketFails(Exception):
    """The bucket fails for every object, so that this run makes no more."""


@dataclass(slots=True)
class _Making:
    """The making of one run's renditions."""

    run: Run
    maker: Maker
    _are_public: bool = False

    def make_all(self, photos: list[PhotoWithout]) -> None:
        """Makes the renditions of ``photos`` and of those after them, until the run has to end."""
        services = self.run.services
        self.run.progress.makes(storage.made_renditions.count_without(now=self.run.now))
        until = services.clock.monotonic() + MAX_SCHEDULED_SECONDS
        try:
            for photo in self._from(photos):
                is_late = not self.run.by_hand and services.clock.monotonic() >= until
                if is_late or services.time_is_up or services.stopped.is_set() or services.lock.full_is_due():
                    break
                self._make(photo)
        except (ObjectStoreError, _BucketFails) as error:
            logger.warning("small pictures: %s The next run continues.", error)
        logger.info("small pictures of %d photos were made", self.run.result.renditions.made)

    def _from(self, photos: list[PhotoWithout]) -> Iterator[PhotoWithout]:
        while photos:
            yield from photos
            photos = storage.made_renditions.photos_without(after=photos[-1], limit=PAGE_PHOTOS, now=self.run.now)

    def _make(self, photo: PhotoWithout) -> None:
        """Makes the renditions of one photo. Raises :class:`ObjectStoreError` if the bucket fails for every object."""
        made = None
        try:
            made = self._made(photo)
            if made is not None:
                self._put(photo, made)
        except PictureRefused as refused:
            logger.info("no small pictures of photo %s: %s", photo.id, refused.message)
            self.run.result.renditions.unmade += 1
            with translated(), transaction.atomic():
                self.run.services.lock.still_held()
                storage.made_renditions.record_unmade(
                    photo, code=refused.code, reason=refused.message, again_at=_again_at(refused, self.run.now)
                )
        except ObjectRefused as refused:  # this object alone: the next run tries again
            logger.warning("no small pictures of photo %s: %s", photo.id, refused)
            made = None
        self.run.progress.carried(1, int(made is None))

    def _made(self, photo: PhotoWithout) -> MadeRenditions | None:
        """Returns the renditions, or None for damaged bytes: marked, so that a run repairs them, and the next one goes on."""
        body = self._whole_body(photo)
        if isinstance(body, Damage):
            with translated(), transaction.atomic():
                self.run.services.lock.still_held()
                storage.damage_marks.mark({photo.id: body})
            return None
        return self.maker.renditions(body)

    def _whole_body(self, photo: PhotoWithout) -> bytes | Damage:
        """Returns the bytes of the photo's row, or how those in the bucket are damaged. An object of any size may be there."""
        bucket = self.run.services.bucket
        there = bucket.head(photo.object_key)
        if there is None:
            return Damage.MISSING
        if there.size != photo.size:
            return Damage.CHANGED
        try:
            body = bucket.get(photo.object_key)
        except ObjectMissing:
            return Damage.MISSING
        return body if md5_hex(body) == photo.checksum else Damage.CHANGED

    def _put(self, photo: PhotoWithout, made: MadeRenditions) -> None:
        """Puts the objects before the rows. A rendition that no till may read is not shown."""
        bucket = self.run.services.bucket
        for key, one in zip(storage.made_renditions.keys_of(photo, made), made.renditions, strict=True):
            etag = bucket.put(key, one.body, content_type=one.content_type, cache_control=IMMUTABLE)
            if not is_kept(bucket, key, etag, one.checksum):
                raise _BucketFails("The object store keeps other bytes than it was given.")
            if not self._are_public and not bucket.is_public(key):
                raise _BucketFails("Nobody can read objects below renditions/ without a key.")
            self._are_public = True
        with translated(), transaction.atomic():
            self.run.services.lock.still_held()
            lost = storage.made_renditions.record_made(photo, made, at=self.run.services.clock.utc())
        self.run.result.renditions.made += 1
        self.run.result.renditions.healed += lost
