"""Writes and reads the heartbeats of the worker and the beat: ``status`` shows whether scheduled runs will start.

Celery's signals start a thread in either process, also in a Django project whose Celery, worker and beat are its own. The
thread is independent of runs, which may take hours. Times are the database's, so that two clocks never disagree.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from django.db import connection

from etalase.edge.clock import Clock
from etalase.edge.database import cursor
from etalase.edge.task_names import GUIDE_TASKS, OUR_TASKS
from etalase.errors import EtalaseError

logger = logging.getLogger("etalase.edge")

EVERY_SECONDS = 60.0
# Three heartbeats in a row may fail, for example while the database restarts.
ALIVE_WITHIN = timedelta(minutes=4)


class Role(StrEnum):
    """A process of the schedule: the worker receives tasks and runs them, the beat sends the tasks that are due."""

    WORKER = "worker"
    BEAT = "beat"


class LatestHeartbeat(NamedTuple):
    """The newest heartbeat of any process in one role; ``age`` is by the database's clock."""

    at: datetime
    age: timedelta

    @property
    def is_alive(self) -> bool:
        """Returns whether a process in this role works now."""
        return not self.is_from_the_future and self.age <= ALIVE_WITHIN

    @property
    def is_from_the_future(self) -> bool:
        """Returns whether the database's clock was ahead when it was written."""
        return self.age < -ALIVE_WITHIN


def heartbeats() -> dict[Role, LatestHeartbeat]:
    """Returns the newest heartbeat of each role. A role without a heartbeat is absent: its state is unknown.

    One from the future (a clock was ahead) is none of a process that lives: that one would have overwritten it.
    Raises :class:`etalase.errors.DatabaseAway`.
    """
    with cursor() as db:
        db.execute("SELECT role, at, clock_timestamp() - at FROM etalase_heartbeat")
        return {Role(role): LatestHeartbeat(at, age) for role, at, age in db.fetchall() if role in set(Role)}


def on_worker_ready(sender: Any, **_: Any) -> None:
    """Starts the worker's heartbeats, at Celery's ``worker_ready``. ``sender`` is the worker's consumer."""
    _start(Role.WORKER, worker_check(sender))


def worker_check(sender: Any) -> Callable[[], bool]:
    """Returns a check before each heartbeat: it is written only while the worker listens to a queue of our tasks.

    A project may have workers for other queues.
    """
    queues = queues_of_our_tasks(sender.app)

    def listens() -> bool:
        consumer = sender.task_consumer
        return sender.connection is not None and consumer is not None and any(map(consumer.consuming_from, queues))

    return listens


def queues_of_our_tasks(app: Any) -> set[str]:
    """Returns the names of the queues to which Celery routes our tasks, and to which the schedule sends them."""
    from celery.exceptions import QueueNotFound

    entries = [entry for entry in (app.conf.beat_schedule or {}).values() if entry.get("task") in OUR_TASKS]
    names = {str(options["queue"]) for entry in entries if (options := entry.get("options") or {}).get("queue")}
    # A schedule in a database is not known here; the guide's names are the ones to expect.
    for task in {entry["task"] for entry in entries} or GUIDE_TASKS:
        with suppress(QueueNotFound):
            names.add(getattr(app.amqp.router.route({}, task).get("queue"), "name", app.conf.task_default_queue))
    return names


def on_beat_init(sender: Any, **_: Any) -> None:
    """Starts the beat's heartbeats, at Celery's ``beat_init``. ``sender`` is the beat's service."""
    _start(Role.BEAT, beat_check(sender))


def beat_check(sender: Any) -> Callable[[], bool]:
    """Returns a check before each heartbeat: it is written only while the beat's loop ticks and schedules one of our tasks."""
    scheduler, clock = sender.scheduler, Clock()
    tick, ticked_at = scheduler.tick, clock.monotonic()

    def has_ours() -> bool:
        return any(entry.task in OUR_TASKS for entry in scheduler.schedule.values())

    sends_ours = has_ours()

    def ticking(*args: Any, **kwargs: Any) -> Any:
        nonlocal ticked_at, sends_ours
        ticked_at = clock.monotonic()
        wait_seconds = tick(*args, **kwargs)
        sends_ours = has_ours()  # a project may keep its schedule in a database, and change it
        return wait_seconds

    # Celery has no signal for a tick, and a project may have any scheduler class.
    scheduler.tick = ticking
    return lambda: sends_ours and clock.monotonic() - ticked_at <= scheduler.max_interval + EVERY_SECONDS


def _start(role: Role, is_at_work: Callable[[], bool]) -> None:
    threading.Thread(target=_beat, args=(role, is_at_work), name=f"etalase-heartbeat-{role}", daemon=True).start()


def _beat(role: Role, is_at_work: Callable[[], bool]) -> None:
    error: EtalaseError | None = None
    while True:
        if is_at_work():
            before, error = error, write(role)
            if error is not None and before is None:
                logger.warning("the heartbeat of the %s cannot be written; it continues to work: %s", role, error)
        time.sleep(EVERY_SECONDS)


def write(role: Role) -> EtalaseError | None:
    """Writes a heartbeat. Returns the error if that fails.

    Closes its connection: forks would inherit an open one, and it would not survive a failover of the database.
    """
    try:
        with cursor() as db:
            db.execute(
                "INSERT INTO etalase_heartbeat (role, at) VALUES (%s, clock_timestamp())"
                " ON CONFLICT (role) DO UPDATE SET at = excluded.at",
                [role],
            )
    except EtalaseError as error:
        return error
    finally:
        connection.close()
    return None
