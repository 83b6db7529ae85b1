"""Runs head office's worker: a loop that makes renditions soon after each upload. Several may run; each photo is made once."""

import logging
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import django.db
from django.db import connection
from django.utils import timezone

from etalase.errors import EtalaseError, ObjectStoreError
from etalase.head_office import heartbeat
from etalase.head_office.collecting import collect
from etalase.head_office.database import as_database_error
from etalase.head_office.fleet import alarms, history, orders, watch
from etalase.head_office.fleet.checking import check_answers
from etalase.head_office.renditions import queue
from etalase.head_office.renditions.making import MadeSet, make_set
from etalase.service_manager import ServiceManager
from etalase.settings.head_office import head_office_settings

logger = logging.getLogger("etalase.head_office")

# An idle turn is one query of a partial index.
IDLE_SECONDS = 2.0
PAUSE_SECONDS = 5.0
HOUSEKEEPING_SECONDS = 3600.0
WATCH_SECONDS = 60.0


def made_sets() -> Iterator[MadeSet]:
    """Yields the result for each photo that is due, until none is left; a photo that another process makes is passed over."""
    passed: list[UUID] = []
    while photos := queue.next_photos(but=passed):
        for photo_id in photos:
            made = make_set(photo_id)
            if made is None:
                passed.append(photo_id)
            else:
                yield made


class Worker:
    """The loop. ``sleep`` and ``monotonic`` are those of tests, or of the process."""

    def __init__(
        self,
        service: ServiceManager,
        *,
        sleep: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service, self._sleep, self._monotonic = service, sleep, monotonic
        self._beat_at = self._kept_at = self._watched_at = float("-inf")
        self._error = ""
        self.made = self.failed = self.checked = 0

    def run(self) -> None:
        """Works until a signal raises in it."""
        while True:
            self.turn()

    def turn(self) -> None:
        """Makes the photos that are due, and waits; a fault of database or bucket is logged once, and waited for."""
        try:
            self._beat()
            self._keep_house()
            self.checked += check_answers()
            self._watch()
            for made in made_sets():
                self._count(made)
                self.checked += check_answers()  # a store does not wait until a whole menu has its renditions
                self._watch()
                self._service.turned()
                self._beat()
        except (ObjectStoreError, django.db.Error) as error:
            self._wait_for(error)
            return
        if self._error:
            logger.warning("the worker goes on")
        self._error = ""
        self._service.turned()
        self._sleep(IDLE_SECONDS)

    def _count(self, made: MadeSet) -> None:
        if made.problem:
            self.failed += 1
            logger.warning("a photo has no renditions", extra={"photo_id": str(made.photo_id), "why": made.problem})
        else:
            self.made += 1

    def _wait_for(self, error: Exception) -> None:
        told = error if isinstance(error, EtalaseError) else as_database_error(error)
        if str(told) != self._error:
            self._error = str(told)
            logger.error("the worker waits: %s", told)
        connection.close()
        self._service.waits("It waits for its database or bucket.")
        self._sleep(PAUSE_SECONDS)

    def _beat(self) -> None:
        if self._monotonic() - self._beat_at >= heartbeat.EVERY_SECONDS:
            heartbeat.write()
            self._beat_at = self._monotonic()

    def _watch(self) -> None:
        """Looks for incidents once a minute, and sends the messages about them."""
        if self._monotonic() - self._watched_at >= WATCH_SECONDS:
            self._watched_at = self._monotonic()
            settings = head_office_settings()
            watch.look(settings)
            alarms.deliver(settings.alarm_urls)

    def _keep_house(self) -> None:
        if self._monotonic() - self._kept_at >= HOUSEKEEPING_SECONDS:
            queue.complete()
            history.thin(timezone.now())
            orders.close_expired(timezone.now())
            self._kept_at = self._monotonic()
            try:
                collect(timezone.now())
            except ObjectStoreError as error:  # new renditions do not wait for old objects
                logger.warning("obsolete objects stay until the next attempt: %s", error)
