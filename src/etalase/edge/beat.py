"""The standalone beat's scheduler. It keeps nothing on disk: a schedule file can be torn, or be from a clock that was ahead.

The database knows better what was done: so each task is sent with the time at which it came due, also once at the start, for
tasks that became due while no beat ran; the task then checks whether a run has done its work since (ADR 0016).
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from celery.beat import Scheduler
from celery.exceptions import CeleryError
from django.utils.timezone import get_default_timezone
from kombu.exceptions import KombuError

from etalase.edge.schedule import last_due

logger = logging.getLogger("etalase.edge")

# At the start, a day is behind, so that what comes due daily is due once.
LOOKS_BACK = timedelta(days=1)
# The clock may be set at any time: nothing is slept through for longer.
LONGEST_SLEEP_SECONDS = 30.0
RETRY_SECONDS = 10.0


class MemoryScheduler(Scheduler):
    """Sends what is due, and goes on trying while the broker refuses it."""

    def setup_schedule(self) -> None:
        """Take the schedule from the settings."""
        super().setup_schedule()
        self._sent_at: dict[str, datetime] = {}

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due; the seconds until the next look."""
        sleep_seconds = LONGEST_SLEEP_SECONDS
        entries: dict[str, Any] = self.schedule
        for name, entry in entries.items():
            now = self.app.now()
            # Where the clock was set back, what it says now counts.
            since = self._sent_at[name] = min(self._sent_at.get(name, now - LOOKS_BACK), now)
            is_due, next_seconds = entry.schedule.is_due(since)
            if is_due and self._is_sent(name, entry.task, now):
                self._sent_at[name] = now
            elif is_due:
                next_seconds = RETRY_SECONDS
            sleep_seconds = min(sleep_seconds, next_seconds)
        return sleep_seconds

    def _is_sent(self, name: str, task: str, now: datetime) -> bool:
        """Send the task. Returns whether the broker took it."""
        due = last_due(now.timestamp(), get_default_timezone(), full=task.endswith("_full"))
        try:
            self.app.send_task(task, kwargs={"due": due})
        except (CeleryError, KombuError, OSError) as error:
            logger.warning("the broker does not take %s: %s; tried again in %.0f s", name, error, RETRY_SECONDS)
            return False
        logger.info("sent %s", name)
        return True
