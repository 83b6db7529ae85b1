"""Schedules the tasks of the standalone edge. It keeps no file: a file can be torn, or be from a clock that was ahead.

Each task is sent with the time at which it became due, and once at the start of the beat, in case it became due while no beat
ran. The task then looks in the database for a run since that time (ADR 0016).
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from celery.beat import Scheduler
from celery.exceptions import CeleryError
from django.utils.timezone import get_default_timezone
from kombu.exceptions import KombuError

from etalase.edge.schedule import last_due
from etalase.service_manager import service_manager

logger = logging.getLogger("etalase.edge")

# At the start of the beat, the last day counts, so that a daily task is due once.
LOOKS_BACK = timedelta(days=1)
# The clock may be set at any time, so no sleep is longer.
LONGEST_SLEEP_SECONDS = 30.0
RETRY_SECONDS = 10.0


class MemoryScheduler(Scheduler):
    """Sends the tasks that are due, and retries while the broker refuses them."""

    def setup_schedule(self) -> None:
        """Reads the schedule from the settings."""
        super().setup_schedule()
        self._sent_at: dict[str, datetime] = {}

    def tick(self, *_: Any, **__: Any) -> float:
        """Sends the tasks that are due. Returns the seconds until the next tick."""
        sleep_seconds = LONGEST_SLEEP_SECONDS
        entries: dict[str, Any] = self.schedule
        for name, entry in entries.items():
            service_manager().turned()  # a broker that does not respond takes a minute for each entry
            now = self.app.now()
            # After the clock was set back, the new time counts.
            since = self._sent_at[name] = min(self._sent_at.get(name, now - LOOKS_BACK), now)
            is_due, next_seconds = entry.schedule.is_due(since)
            if is_due and self._is_sent(name, entry.task, now):
                self._sent_at[name] = now
            elif is_due:
                next_seconds = RETRY_SECONDS
            sleep_seconds = min(sleep_seconds, next_seconds)
        return sleep_seconds

    def _is_sent(self, name: str, task: str, now: datetime) -> bool:
        """Sends the task. Returns whether the broker accepted it."""
        due = last_due(now.timestamp(), get_default_timezone(), full=task.endswith("_full"))
        try:
            self.app.send_task(task, kwargs={"due": due})
        except (CeleryError, KombuError, OSError) as error:
            logger.warning("the broker does not accept %s: %s; next retry in %.0f s", name, error, RETRY_SECONDS)
            return False
        logger.info("sent %s", name)
        return True
