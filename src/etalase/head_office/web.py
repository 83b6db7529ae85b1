"""What stands between the web server and the views: addresses of clients, the throttle's answer, the admin's policy."""

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from django.db import Error, connection
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import timezone, translation

from etalase.head_office.api.answers import json_answer
from etalase.settings.head_office import configured


def client_address(request: HttpRequest) -> str | None:
    """The address that a request came from, or None where it has none (a Unix socket).

    ``X-Forwarded-For`` is believed only as far as our own proxies wrote it.
    """
    proxies = configured().PROXY_COUNT
    hops = request.headers.get("X-Forwarded-For", "").split(",") if proxies else []
    text = hops[-proxies].strip() if len(hops) >= proxies > 0 else request.META.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None


def locked_out(request: HttpRequest, _response: HttpResponse | None, credentials: dict[str, str] | None) -> HttpResponse:
    """429 for an account that was guessed at too often from this address; others are not touched by it."""
    attempts = AxesProxyHandler.get_implementation().get_user_attempts(request, credentials)
    last = attempts[0].aggregate(last=Max("attempt_time"))["last"]
    wait = (last + get_cool_off(request) - timezone.now()).total_seconds() if last else 1
    detail = "Too many failed logins for this account from this address. Try again later."
    headers = {"Retry-After": str(max(1, round(wait)))}
    if request.path.startswith("/api/"):
        return json_answer({"detail": detail}, status_code=429, headers=headers)
    return HttpResponse(detail, status=429, content_type="text/plain; charset=utf-8", headers=headers)


class AdminLanguage(LocaleMiddleware):
    """Django's choice of a language for pages. The API's messages are part of its reference: they follow no browser."""

    def process_request(self, request: HttpRequest) -> None:
        """Choose for a page; English for all else."""
        if request.path.startswith(("/admin/", "/i18n/")):
            super().process_request(request)
        else:
            translation.activate("en")

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Name the language of a page; nothing of the API's answers changes."""
        return super().process_response(request, response) if request.path.startswith("/admin/") else response


def content_security_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: pages run our own scripts only, and show pictures of our own bucket only."""
    bucket = urlsplit(configured().S3_PUBLIC_URL)
    policy = (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data: {bucket.scheme}://{bucket.netloc}; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )

    def with_policy(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    return with_policy


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """404: JSON for the API, a line for a person."""
    return _plain(request, 404, "There is nothing under this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault; the log has the traceback."""
    return _plain(request, 500, "Head office made a mistake; its log says which.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """400 from before a view, as for an unknown Host."""
    return _plain(request, 400, "The request is not valid.")


def _plain(request: HttpRequest, status_code: int, detail: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return json_answer({"detail": detail}, status_code=status_code)
    return HttpResponse(detail, status=status_code, content_type="text/plain; charset=utf-8")


def health(_request: HttpRequest) -> HttpResponse:
    """200 while the database answers, else 503: what a load balancer wants to know."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return json_answer({"status": "database away"}, status_code=503)
    return json_answer({"status": "ok"})
