"""Serves ``/metrics`` of head office."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry

from etalase import scraping
from etalase.head_office.metrics import requests
from etalase.head_office.metrics.facts import FactsCollector
from etalase.settings.head_office import head_office_settings


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Returns the metrics to a client that may read them; also while the database is away."""
    settings = head_office_settings()
    why = scraping.refusal(request.META, is_on=settings.has_metrics, token=settings.METRICS_TOKEN, proxies=settings.PROXY_COUNT)
    if why:
        return scraping.refused(why)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FactsCollector())
    requests.add_to(registry)
    return scraping.answer(request, registry)
