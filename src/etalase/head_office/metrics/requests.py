"""Counts requests, photos of the feed and refused logins, over all processes of the web server."""

import logging
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse

from etalase.head_office.metrics.shared_files import Place, folder

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

logger = logging.getLogger("etalase.head_office")

BUCKETS = (0.01, 0.05, 0.25, 1.0, 5.0)
# Pages of people, each with many addresses: one route.
WHOLE = ("admin/", "i18n/")
STATIC = "/static/"
UNMATCHED = "(none)"


class RequestCounts:
    """The counters of this process, in files that each process of the server reads."""

    def __init__(self, files: Path) -> None:
        # Loaded here: every command of head office starts with this module, and only its server counts.
        from prometheus_client import CollectorRegistry, Counter, Histogram, values

        place = Place(files)
        place()
        shared: Any = values.MultiProcessValue
        values.ValueClass = shared(process_identifier=place)
        own = CollectorRegistry()
        self._requests = Counter("etalase_ho_requests", "Requests by route and status.", ["route", "status"], registry=own)
        self._seconds = Histogram(
            "etalase_ho_request_seconds", "Time of a request by route.", ["route"], buckets=BUCKETS, registry=own
        )
        self._photos = Counter("etalase_ho_feed_photos", "Photos on pages of the feed.", registry=own)
        self._logins = Counter("etalase_ho_logins_refused", "Logins refused, by reason.", ["reason"], registry=own)
        for reason in ("wrong", "locked"):
            self._logins.labels(reason)

    def count(self, route: str, status: int, seconds: float) -> None:
        """Counts one request."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def count_photos(self, photos: int) -> None:
        """Counts the photos of one page of the feed."""
        self._photos.inc(photos)

    def count_refused_login(self, *, is_locked: bool) -> None:
        """Counts one refused login: for a wrong password, or unchecked, because account or address are locked."""
        self._logins.labels("locked" if is_locked else "wrong").inc()


@cache
def request_counts() -> RequestCounts | None:
    """Returns the counters, or None where this server has no folder for them, or no room."""
    files = folder()
    if files is None:
        return None
    try:
        return RequestCounts(files)
    except OSError as error:
        logger.error("requests are not counted: %s cannot be written (%s)", files, error)
        return None


def add_to(registry: "CollectorRegistry") -> None:
    """Adds the sum of all processes to ``registry``."""
    if request_counts() is not None:
        from prometheus_client.multiprocess import MultiProcessCollector

        collector: Any = MultiProcessCollector
        collector(registry, path=str(folder()))


def route_of(route: str | None, path: str) -> str:
    """Returns the template of the address, one of a few: never the path itself, which clients choose. Pure."""
    if route is None:
        return STATIC if path.startswith(STATIC) else UNMATCHED
    return "/" + next((whole for whole in WHOLE if route.startswith(whole)), route)


def counted_requests(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Wraps ``get_response``: counts each request with its time."""
    counts = request_counts()
    if counts is None:
        return get_response

    def counted(request: HttpRequest) -> HttpResponse:
        began = time.monotonic()
        response = get_response(request)
        match = request.resolver_match
        counts.count(route_of(match.route if match else None, request.path), response.status_code, time.monotonic() - began)
        return response

    return counted


def count_feed_photos(photos: int) -> None:
    """Counts the photos of a page of the feed, where this server counts."""
    if counts := request_counts():
        counts.count_photos(photos)


def follow_logins() -> None:
    """Counts each refused login from now on, of the API and of the admin."""
    user_login_failed.connect(_on_login_failed, dispatch_uid="etalase.head_office.metrics")


def _on_login_failed(request: HttpRequest | None = None, **_: Any) -> None:
    if counts := request_counts():
        counts.count_refused_login(is_locked=bool(getattr(request, "axes_locked_out", False)))
