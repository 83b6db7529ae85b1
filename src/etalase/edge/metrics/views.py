"""Serves ``/metrics`` of the edge."""

from collections.abc import Iterator
from importlib.metadata import version

from django.conf import settings as django_settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from etalase import scraping
from etalase.settings.edge import edge_settings


class _Edge(Collector):
    """Collects everything anew at each scrape, so that no process keeps a number of its own."""

    def collect(self) -> Iterator[Metric]:
        """Yields all metrics."""
        # Imported on demand, so that the POS, whose URLs are in the same list, works while the engine is broken.
        from etalase.edge.metrics import reading
        from etalase.edge.metrics.samples import metrics

        return metrics(*reading.read(), version=version("etalase"))


registry = CollectorRegistry(auto_describe=False)
registry.register(_Edge())


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Returns the metrics to a client that may read them; also while the database is away."""
    settings = edge_settings()
    proxies = 1 if getattr(django_settings, "SECURE_PROXY_SSL_HEADER", None) else 0
    why = scraping.refusal(request.META, is_on=settings.has_metrics, token=settings.METRICS_TOKEN, proxies=proxies)
    return scraping.refused(why) if why else scraping.answer(request, registry)
