"""Reads what head office's database says, at each scrape and in bounded time."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import version
from typing import NamedTuple

import django.db
from django.db.models import Count
from django.db.models.functions import Now
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from etalase.head_office import heartbeat
from etalase.head_office.database import as_database_error
from etalase.head_office.feed_models import AssortmentTombstone, PhotoTombstone
from etalase.head_office.fleet.incidents import IncidentKind
from etalase.head_office.fleet_models import Alarm, Incident
from etalase.head_office.renditions.queue import QueueCounts, counts
from etalase.scraping import SingleFlight
from etalase.settings.head_office import head_office_settings

logger = logging.getLogger("etalase.head_office")

SECONDS = 6.0
TOMBSTONES: dict[str, type[PhotoTombstone | AssortmentTombstone]] = {"photo": PhotoTombstone, "sale": AssortmentTombstone}


class HeadOfficeFacts(NamedTuple):
    """The tombstones of the feed by kind, those that the next purge deletes, and the work of the worker, and what it found."""

    tombstones: dict[str, int]
    due: int
    renditions: QueueCounts
    worker_age: timedelta | None
    incidents: dict[str, int]
    unsent_alarms: int


def read() -> HeadOfficeFacts:
    """Reads the facts. Raises Django's database errors."""
    kept = timedelta(days=head_office_settings().TOMBSTONE_DAYS)
    return HeadOfficeFacts(
        tombstones={kind: model.objects.count() for kind, model in TOMBSTONES.items()},
        due=sum(model.objects.filter(changed_at__lt=Now() - kept).count() for model in TOMBSTONES.values()),
        renditions=counts(),
        worker_age=heartbeat.age(),
        incidents=dict(
            Incident.objects.filter(closed_at=None).values_list("kind").annotate(count=Count("id")).order_by("kind")
        ),
        unsent_alarms=Alarm.objects.filter(sent_at=None).exclude(problem="").count(),
    )


_reading = SingleFlight(read)


class FactsCollector(Collector):
    """Collects the facts; while the database is away, ``etalase_up`` is 0."""

    def collect(self) -> Iterator[Metric]:
        """Yields the metrics of one reading."""
        facts: HeadOfficeFacts | None = None
        try:
            facts = _reading.result(SECONDS)
        except TimeoutError:
            logger.error("head office's database did not answer a scrape within %g seconds", SECONDS)
        except django.db.Error as error:
            logger.error("%s", as_database_error(error))
        return metrics(facts)


def metrics(facts: HeadOfficeFacts | None) -> Iterator[Metric]:
    """Yields the metrics of ``facts``; None means that the database is away. Pure."""
    yield GaugeMetricFamily(
        "etalase_up", "Whether head office's database answered this scrape.", value=float(facts is not None)
    )
    yield InfoMetricFamily("etalase_build", "The version of Etalase.", {"version": version("etalase")})
    if facts is not None:
        kept = GaugeMetricFamily("etalase_ho_tombstones", "Deletions that the feed remembers, by kind.", labels=["kind"])
        for kind, count in facts.tombstones.items():
            kept.add_metric([kind], count)
        yield kept
        text = "Those older than ETALASE_TOMBSTONE_DAYS, which wait for `etalase head-office purge-tombstones`."
        yield GaugeMetricFamily("etalase_ho_tombstones_due", text, value=facts.due)
        lacking = GaugeMetricFamily("etalase_ho_renditions_lacking", "Photos without renditions, by state.", labels=["state"])
        lacking.add_metric(["waiting"], facts.renditions.waiting)
        lacking.add_metric(["failed"], facts.renditions.failed)
        yield lacking
        if facts.worker_age is not None:
            text = "Time since the last heartbeat of the worker; absent before the first."
            yield GaugeMetricFamily("etalase_ho_worker_age_seconds", text, value=facts.worker_age.total_seconds())
        incidents = GaugeMetricFamily("etalase_ho_incidents", "Open incidents in stores, by kind.", labels=["kind"])
        for known in IncidentKind:
            incidents.add_metric([known.value], facts.incidents.get(known.value, 0))
        yield incidents
        text = "Messages about incidents that no service has taken yet."
        yield GaugeMetricFamily("etalase_ho_alarms_unsent", text, value=facts.unsent_alarms)
