"""Reads the facts for a scrape: those of the status, the runs of a day, the queue and the spool's disk. In bounded time."""

import logging
import shutil
from concurrent.futures import Future
from datetime import timedelta

import django.db
from django.db.models import Count, F, Sum
from django.db.models.functions import Now

from etalase.doctor.machine import existing
from etalase.edge.clock import Clock
from etalase.edge.database import translated
from etalase.edge.metrics import queue_length
from etalase.edge.metrics.samples import Day, Queue, Reading, Surroundings
from etalase.edge.models import SyncRun
from etalase.edge.status import collect, views
from etalase.edge.status.snapshot import Comparison
from etalase.edge.sync.result import RENDITION_COUNTS, RunResult
from etalase.errors import DatabaseAway
from etalase.scraping import SingleFlight
from etalase.settings.edge import EdgeSettings, edge_settings

logger = logging.getLogger("etalase.edge")

# Prometheus waits for 10 seconds by default. A large bucket takes longer to compare: the next scrape shows the result.
ALL_SECONDS, COMPARISON_SECONDS, QUEUE_SECONDS = 6.0, 4.0, 2.0
# One comparison a minute is enough for a graph, at any interval of scrapes; one of the last ten minutes is better than none.
KEEP_SECONDS, MAX_AGE_SECONDS = 60.0, 600.0
A_DAY = timedelta(days=1)


def read() -> tuple[Reading | None, Surroundings]:
    """Returns the reading, or None if the database does not respond in time; and the facts from other sources."""
    queue = _queue.begin()
    return _read_database(), _read_surroundings(queue)


def _read_database() -> Reading | None:
    try:
        return _reading.result(ALL_SECONDS)
    except TimeoutError:
        logger.error("the edge's database did not answer a scrape within %g seconds", ALL_SECONDS)
    except (DatabaseAway, django.db.Error) as error:
        logger.error("%s", error)
    return None


def _read_surroundings(reading_queue: Future[Queue | None]) -> Surroundings:
    try:
        queue = reading_queue.result(QUEUE_SECONDS)
    except TimeoutError:
        queue = Queue(is_up=False)
    try:
        usage = shutil.disk_usage(existing(edge_settings().SPOOL_DIR))
    except OSError:
        return Surroundings(queue=queue)
    return Surroundings(spool_free=usage.free, spool_size=usage.total, queue=queue)


class _Bucket:
    """Compares the bucket with the rows as the status page does, but less often, and never makes a scrape wait for long."""

    def __init__(self) -> None:
        self._comparing = SingleFlight(self._compare)
        self._last: tuple[float, Comparison] | None = None
        self._clock = Clock()

    def __call__(self, _: EdgeSettings) -> Comparison:
        """Returns a comparison of the last minute, else a new one, else one of the last minutes, else :func:`not_compared`."""
        if kept := self._not_older_than(KEEP_SECONDS):
            return kept
        try:
            return self._comparing.result(COMPARISON_SECONDS)
        except (TimeoutError, views.Busy):
            return self._not_older_than(MAX_AGE_SECONDS) or not_compared()

    def _compare(self) -> Comparison:
        comparison = views.kept(edge_settings())
        self._last = self._clock.monotonic(), comparison
        return comparison

    def _not_older_than(self, seconds: float) -> Comparison | None:
        last = self._last
        return last[1] if last and self._clock.monotonic() - last[0] < seconds else None


NOT_COMPARED = "The comparison with the photo store takes longer than a scrape may."


def not_compared() -> Comparison:
    """Returns the comparison of a bucket about which nothing is known yet."""
    return Comparison(at=Clock().utc(), error=NOT_COMPARED)


def _read() -> Reading:
    facts = collect.read(edge_settings(), _bucket)
    return Reading(facts=facts, is_compared=facts.bucket.error != NOT_COMPARED, day=_day())


def _day() -> Day:
    """Returns the runs that began in the last 24 hours."""
    with translated():
        runs = SyncRun.objects.filter(started_at__gt=Now() - A_DAY)
        ended = runs.filter(outcome__isnull=False)
        sums: dict[str, int] = dict.fromkeys((*RunResult.COUNT_NAMES, *RENDITION_COUNTS.values()), 0)
        for counts in ended.values_list("counts", flat=True):
            for name, count in counts.items() if isinstance(counts, dict) else ():
                if name in sums and type(count) is int:
                    sums[name] += count
        totals = ended.aggregate(size=Sum("bytes_fetched"), seconds=Sum(F("duration_seconds")))
        return Day(
            runs=dict(ended.values_list("outcome").annotate(Count("id"))),
            photos={name: sums[name] for name in RunResult.COUNT_NAMES},
            renditions={name: sums[counted] for name, counted in RENDITION_COUNTS.items()},
            bytes_fetched=totals["size"] or 0,
            seconds=totals["seconds"] or 0.0,
        )


_bucket = _Bucket()
_reading = SingleFlight(_read)
_queue = SingleFlight(queue_length.read)
