"""What stands between the web server and the views: addresses of clients, the throttle's answer, the admin's policy."""

import logging
import sys
from collections.abc import Callable
from datetime import UTC, timedelta
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import DataError, Error, IntegrityError, connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import get_language

from etalase.head_office.api.responses import DatabaseAwayAnswer, json_answer
from etalase.head_office.database import in_our_words, is_away
from etalase.head_office.login_throttle import TooManyLogins, counted_address, wait_seconds
from etalase.head_office.messages import TEXTS, text
from etalase.protocol import format_time
from etalase.settings.head_office import configured

logger = logging.getLogger("etalase.head_office")
PARTS = ("title", "text", "help")


def client_address(request: HttpRequest) -> str | None:
    """The address that a request is counted for, or None where it has none (a Unix socket).

    ``X-Forwarded-For`` is believed only as far as our own proxies wrote it.
    """
    proxies = configured().PROXY_COUNT
    hops = request.headers.get("X-Forwarded-For", "").split(",") if proxies else []
    address = hops[-proxies].strip() if len(hops) >= proxies > 0 else request.META.get("REMOTE_ADDR", "")
    return counted_address(address)


def locked_out(request: HttpRequest, _response: HttpResponse | None, credentials: dict[str, str] | None) -> HttpResponse:
    """429 for an account that was guessed at too often from this address, or for an address that guesses at many accounts."""
    wait = wait_seconds(request, credentials)
    until = timezone.localtime() + timedelta(seconds=wait)
    headers = {"Retry-After": str(wait), "Cache-Control": "no-store"}
    if request.path.startswith("/api/"):
        detail = "Too many failed logins for this account from this address. Try again later."
        locked_until = format_time(until.astimezone(UTC))
        return json_answer({"detail": detail, "locked_until": locked_until}, status_code=429, headers=headers)
    said = [
        {
            "language": language,
            "title": text("locked_title", language=language),
            "text": text("locked_text", language=language, time=f"{until + timedelta(minutes=1):%H:%M (%Z)}"),
            "help": text("locked_help", language=language),
        }
        for language in _languages()
    ]
    body = render_to_string("etalase_head_office/locked.html", {"said": said}, request)
    return HttpResponse(body, status=429, headers=headers)


def _languages() -> list[str]:
    """All of ours, the one of the request at hand first."""
    first = get_language() or "en"
    return sorted(TEXTS, key=lambda language: not first.startswith(language))


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


def uncached_api(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: no proxy and no browser keeps tokens, or what one account may see (RFC 6749, section 5.1)."""

    def uncached(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    return uncached


class PageErrors:
    """Middleware: 503 where only the moment is wrong, 400 for a value that no row can hold. The API says so itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer for a view that met such an error."""
        if is_away(error):
            logger.error("%s", in_our_words(error))
            return _plain(request, 503, DatabaseAwayAnswer.default_detail)
        if isinstance(error, TooManyLogins):
            return _plain(request, 503, TooManyLogins.default_detail, {"Retry-After": str(error.wait)})
        # A NUL, half a character; an id that is none, among those chosen in a list or where Django shows a choice again
        if isinstance(error, DataError | UnicodeEncodeError | ValidationError):
            return _plain(request, 400, "The request has a value that cannot be stored or looked for.")
        if isinstance(error, IntegrityError):  # what a form checked was changed by somebody else before it was saved
            logger.warning("%s", in_our_words(error))
            return _plain(request, 409, "The request no longer fits what is stored.")
        return None


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """404: JSON for the API, a line for a person."""
    return _plain(request, 404, "There is nothing under this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault; the log has the traceback. 503 where the database is what failed, also in a middleware."""
    if is_away(sys.exc_info()[1]):
        return _plain(request, 503, DatabaseAwayAnswer.default_detail)
    return _plain(request, 500, "Head office made a mistake; its log says which.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """400 from before a view, as for an unknown Host."""
    return _plain(request, 400, "The request is not valid.")


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """403: no right to a page, or (as Django's CSRF_FAILURE_VIEW) a form without its token."""
    return _plain(request, 403, "This is not allowed.")


def _plain(request: HttpRequest, status_code: int, detail: str, headers: dict[str, str] | None = None) -> HttpResponse:
    """JSON for the API, a page in both languages for people of the admin, else a line."""
    if request.path.startswith("/api/"):
        return json_answer({"detail": detail}, status_code=status_code, headers=headers)
    if request.path.startswith(("/admin/", "/i18n/")):
        said = [
            {"language": language, **{part: text(f"error_{status_code}_{part}", language=language) for part in PARTS}}
            for language in _languages()
        ]
        body = render_to_string("etalase_head_office/locked.html", {"said": said, "start": text("start")})
        return HttpResponse(body, status=status_code, headers=headers)
    return HttpResponse(detail, status=status_code, content_type="text/plain; charset=utf-8", headers=headers)


def nothing_here(_request: HttpRequest, **_: str) -> HttpResponse:
    """404 where Django would have something."""
    raise Http404


def health(_request: HttpRequest) -> HttpResponse:
    """200 while the database answers, else 503: what a load balancer wants to know."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return json_answer({"status": "database away"}, status_code=503)
    return json_answer({"status": "ok"})
