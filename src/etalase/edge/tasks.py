"""The scheduled runs, under the guide's task names ("Sync Schedule Recommendation")."""

import logging
import time
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from celery import Task, shared_task
from celery.signals import beat_init, worker_ready
from django.utils.timezone import get_default_timezone

from etalase.edge import heartbeat
from etalase.edge.database import translated
from etalase.edge.models import SyncRun
from etalase.edge.sync.run import sync
from etalase.edge.sync.world import real_world
from etalase.settings.edge import EdgeSettings, configured

logger = logging.getLogger("etalase.edge")

# This module is loaded by every worker and beat that knows our tasks, a Django project's too.
worker_ready.connect(heartbeat.on_worker_ready)
beat_init.connect(heartbeat.on_beat_init)

# The nightly run waits so long for one that is under way; the next hourly one is due after that.
FULL_WAITS_SECONDS = 55 * 60.0
# Redis delivers a message again that was not done within an hour, unless told otherwise: a longer wait is several short ones.
LONGEST_COUNTDOWN_SECONDS = 30 * 60.0


class Wait(NamedTuple):
    """How long a scheduled run still waits, and whether it has had the store's own offset then."""

    seconds: float
    after_offset: bool


@shared_task(bind=True, name="sync_api.tasks.sync_product_photos")
def sync_product_photos(self: "Task[Any, Any]", *, after_offset: bool = False) -> dict[str, Any] | None:
    """The hourly run: what changed since the checkpoint."""
    settings = configured()
    if wait := first_wait(settings, full=False, after_offset=after_offset, now=time.time(), zone=get_default_timezone()):
        self.apply_async(kwargs={"after_offset": wait.after_offset}, countdown=wait.seconds)
        return None
    return _run(settings, full=False)


@shared_task(bind=True, name="sync_api.tasks.sync_product_photos_full")
def sync_product_photos_full(
    self: "Task[Any, Any]", *, after_offset: bool = False, due: float | None = None
) -> dict[str, Any] | None:
    """The nightly run: the whole feed against rows and bucket. ``due`` is when it first came due, Unix time."""
    settings, now = configured(), time.time()
    if wait := first_wait(settings, full=True, after_offset=after_offset, now=now, zone=get_default_timezone()):
        self.apply_async(kwargs={"after_offset": wait.after_offset, "due": due or now}, countdown=wait.seconds)
        return None
    if due is not None and _full_run_since(due):
        logger.info("a full run has been done since this one came due: nothing to do")
        return None
    return _run(settings, full=True)


def first_wait(settings: EdgeSettings, *, full: bool, after_offset: bool, now: float, zone: tzinfo) -> Wait | None:
    """What a scheduled run waits for before it begins; None: nothing more.

    First for the widest step of the timetable, if it shall; then for the store's own minute, since ten thousand stores at
    minute 0 would be a flood (hazard 38).
    """
    offset_seconds = settings.schedule_offset_minutes * 60.0
    if full and settings.FULL_RUN == "off-peak":
        if seconds := settings.BANDWIDTH.seconds_to_widest(now, zone):
            return Wait(min(seconds, LONGEST_COUNTDOWN_SECONDS), after_offset=False)
        # In a short step, the store's own minute must not lie behind its end.
        offset_seconds = min(offset_seconds, (settings.BANDWIDTH.at(now, zone).ends - now) / 2)
    return None if after_offset or not offset_seconds else Wait(offset_seconds, after_offset=True)


def _full_run_since(due: float) -> bool:
    """Whether another full run has done this one's work: where the widest step comes once a week, seven wait for it."""
    with translated():
        begun = SyncRun.objects.filter(kind="full", started_at__gte=datetime.fromtimestamp(due, UTC))
        return begun.filter(checkpoint__isnull=False).exists()


def _run(settings: EdgeSettings, *, full: bool) -> dict[str, Any]:
    with real_world(settings) as world:
        report = sync(world, full=full, trigger="schedule", wait_seconds=FULL_WAITS_SECONDS if full else 0.0)
    return report.as_json()
