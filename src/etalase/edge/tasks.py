"""The scheduled runs, as Celery tasks under names of our own and the guide's ("Sync Schedule Recommendation")."""

import logging
from datetime import timedelta, tzinfo
from typing import Any
from uuid import UUID

from celery import Task
from celery.signals import beat_init, worker_ready
from django.db.models.functions import Now
from django.utils.timezone import get_default_timezone

from etalase.edge import heartbeat
from etalase.edge.clock import Clock
from etalase.edge.database import translated
from etalase.edge.runs import complete_runs
from etalase.edge.schedule import LONGEST_COUNTDOWN_SECONDS, Wait, first_wait
from etalase.edge.sync.orders import sync_and_obey
from etalase.edge.sync.result import RunKind, Trigger
from etalase.edge.sync.services import real_services
from etalase.edge.task_ownership import owned
from etalase.errors import EtalaseError, UsageError
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings, edge_settings

logger = logging.getLogger("etalase.edge")

# Every worker and beat that knows our tasks loads this module, also in a Django project.
worker_ready.connect(heartbeat.on_worker_ready)
beat_init.connect(heartbeat.on_beat_init)

# The nightly run waits so long for a run in flight; the next hourly run is due after that.
FULL_WAITS_SECONDS = 55 * 60.0


@owned
def sync_product_photos(
    self: "Task[Any, Any]",
    company_id: str | None = None,
    store_id: str | None = None,
    *,
    after_offset: bool = False,
    due: float | None = None,
) -> dict[str, Any] | None:
    """Runs the hourly sync of changes since the checkpoint. ``due`` is when it became due (Unix time), if known."""
    return _scheduled(self, (company_id, store_id), full=False, after_offset=after_offset, due=due)


@owned
def sync_product_photos_full(
    self: "Task[Any, Any]",
    company_id: str | None = None,
    store_id: str | None = None,
    *,
    after_offset: bool = False,
    due: float | None = None,
) -> dict[str, Any] | None:
    """Runs the nightly full sync. ``due`` is when it first became due (Unix time), if known."""
    return _scheduled(self, (company_id, store_id), full=True, after_offset=after_offset, due=due)


def _scheduled(
    task: "Task[Any, Any]", store: tuple[str | None, str | None], *, full: bool, after_offset: bool, due: float | None
) -> dict[str, Any] | None:
    """Runs one scheduled sync, or enqueues it again if it has to wait. Logs our errors, so that the worker continues."""
    try:
        with translated():
            settings, clock = edge_settings(), Clock()
            now = clock.now()
            refuse_another_store(settings, store)
            longest, zone = longest_countdown_seconds(task), get_default_timezone()
            if wait := wait_of(
                settings, full=full, after_offset=after_offset, now=now, zone=zone, due=due, longest_seconds=longest
            ):
                kwargs = {"after_offset": wait.after_offset, "due": due or now}
                task.apply_async(args=store, kwargs=kwargs, countdown=wait.seconds, **_queue_of(task))
                return None
            if due is not None and _done_since(now - due, full=full):
                logger.info("another run has done the work since this one became due: nothing to do")
                return None
            with real_services(settings, clock) as services:
                report = sync_and_obey(
                    services, full=full, trigger=Trigger.SCHEDULE, wait_seconds=FULL_WAITS_SECONDS if full else 0.0
                )
    except EtalaseError as error:
        logger.error("the scheduled %s run did not take place: %s", "full" if full else "hourly", error)
        return {"outcome": "failed", "error": str(error), "exit_status": error.exit_status}
    return report.as_json()


def refuse_another_store(settings: EdgeSettings, store: tuple[str | None, str | None]) -> None:
    """Raises :class:`UsageError` if the guide's arguments ``(company_id, store_id)`` name another store."""
    for name, given, ours in zip(("company_id", "store_id"), store, (settings.COMPANY_ID, settings.STORE_ID), strict=True):
        try:
            same = given is None or UUID(str(given)) == ours
        except ValueError:
            same = False
        if not same:
            raise UsageError(
                f"The task was sent with {name} «{printable(str(given)[:80])}»; this edge's is {ours}.",
                hint=f"Send it without arguments, or correct ETALASE_{name.upper()}.",
            )


def _queue_of(task: "Task[Any, Any]") -> dict[str, Any]:
    """Returns the options that enqueue a task where this one was received; empty if Celery has to route it."""
    came_by = task.request.delivery_info or {}
    exchange, routing_key = came_by.get("exchange"), came_by.get("routing_key")
    if routing_key in task.app.amqp.queues:
        return {"queue": routing_key}
    return {"exchange": exchange, "routing_key": routing_key} if exchange and routing_key else {}


def longest_countdown_seconds(task: "Task[Any, Any]") -> float:
    """Returns how long a message may wait with this worker: the broker delivers it again after its visibility timeout."""
    timeout = (task.app.conf.broker_transport_options or {}).get("visibility_timeout")
    return min(LONGEST_COUNTDOWN_SECONDS, max(1.0, timeout / 2)) if timeout else LONGEST_COUNTDOWN_SECONDS


def wait_of(
    settings: EdgeSettings,
    *,
    full: bool,
    after_offset: bool,
    now: float,
    zone: tzinfo,
    due: float | None = None,
    longest_seconds: float = LONGEST_COUNTDOWN_SECONDS,
) -> Wait | None:
    """Returns the first wait of a scheduled run under ``settings``; only a full run waits for off-peak."""
    return first_wait(
        now,
        zone,
        after_offset=after_offset,
        offset_minutes=settings.schedule_offset_minutes,
        off_peak=full and settings.FULL_RUN == "off-peak",
        bandwidth=settings.BANDWIDTH,
        due=due,
        longest_seconds=longest_seconds,
    )


def _done_since(seconds: float, *, full: bool) -> bool:
    """Returns whether a run of the last ``seconds`` makes this one unnecessary: it was sent twice, or waited for days.

    Compares by the database's clock alone, since the runs' times are by that clock. A run of the future, by a clock that was
    ahead once, does not count: no scheduled run would start until then.
    """
    begun = complete_runs().filter(started_at__range=(Now() - timedelta(seconds=seconds), Now()))
    with translated():
        # A run by hand does not replace an hourly one, which the status has predicted.
        return (begun.filter(kind=RunKind.FULL) if full else begun.filter(trigger=Trigger.SCHEDULE)).exists()
