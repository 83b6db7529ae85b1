"""Defines middleware and error handlers: client addresses, lock-out responses, content security policy, error pages."""

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

from etalase.head_office.api.responses import DatabaseUnavailable, json_response
from etalase.head_office.database import as_database_error, is_away
from etalase.head_office.login_throttle import TooManyLogins, wait_seconds
from etalase.head_office.messages import TEXTS, text
from etalase.protocol import format_time
from etalase.renditions import FEATURES_HEADER, RENDITIONS_PREFERENCE
from etalase.report import REPORT_FEATURE
from etalase.settings.head_office import head_office_settings

logger = logging.getLogger("etalase.head_office")
# All else speaks English, as its reference specifies.
PAGES = ("/admin/", "/fleet/", "/i18n/")
PARTS = ("title", "text", "help")
FEATURES = f"{REPORT_FEATURE}, {RENDITIONS_PREFERENCE}=1"


def locked_out(request: HttpRequest, _response: HttpResponse | None, credentials: dict[str, str] | None) -> HttpResponse:
    """Returns 429 for an account locked at this address, or for an address that is locked as a whole."""
    wait = wait_seconds(request, credentials)
    until = timezone.localtime() + timedelta(seconds=wait)
    headers = {"Retry-After": str(wait), "Cache-Control": "no-store"}
    if request.path.startswith("/api/"):
        detail = "Too many failed logins for this account from this address. Try again later."
        locked_until = format_time(until.astimezone(UTC))
        return json_response({"detail": detail, "locked_until": locked_until}, status_code=429, headers=headers)
    texts = [
        {
            "language": language,
            "title": text("locked_title", language=language),
            "text": text("locked_text", language=language, time=f"{until + timedelta(minutes=1):%H:%M (%Z)}"),
            "help": text("locked_help", language=language),
        }
        for language in _languages()
    ]
    body = render_to_string("etalase_head_office/locked.html", {"translations": texts}, request)
    return HttpResponse(body, status=429, headers=headers)


def _languages() -> list[str]:
    """Returns the languages, that of the request first."""
    first = get_language() or "en"
    return sorted(TEXTS, key=lambda language: not first.startswith(language))


class AdminLanguage(LocaleMiddleware):
    """Chooses the language of pages by the browser. The API always uses English, as its reference specifies."""

    def process_request(self, request: HttpRequest) -> None:
        """Activates the browser's language for a page, English for every other request."""
        if request.path.startswith(PAGES):
            super().process_request(request)
        else:
            translation.activate("en")

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Adds the language headers to pages only."""
        return super().process_response(request, response) if request.path.startswith(PAGES) else response


def content_security_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Wraps ``get_response`` with a policy: head office's own scripts and the pictures of its bucket only."""
    bucket = urlsplit(head_office_settings().S3_PUBLIC_URL)
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
    """Wraps ``get_response``: forbids caching of API responses, which hold an account's data (RFC 6749, section 5.1).

    Every response below ``/api/v1/`` names this head office's abilities, also a refusal: an edge asks for nothing else.
    """

    def uncached(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        if request.path.startswith("/api/v1/"):
            response.headers[FEATURES_HEADER] = FEATURES
        return response

    return uncached


class PageErrors:
    """Middleware for pages: 503 for temporary faults, 400 for a value that no row can hold, 409 for a conflict."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Handles the request without a change."""
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Returns the error response for an exception of a view, or None."""
        if is_away(error):
            logger.error("%s", as_database_error(error))
            return _error_response(request, 503, DatabaseUnavailable.default_detail)
        if isinstance(error, TooManyLogins):
            return _error_response(request, 503, TooManyLogins.default_detail, {"Retry-After": str(error.wait)})
        # A NUL, a lone surrogate; an invalid id among the selected rows, or where Django shows a choice again
        if isinstance(error, DataError | UnicodeEncodeError | ValidationError):
            return _error_response(request, 400, "The request has a value that cannot be stored or looked for.")
        if isinstance(error, IntegrityError):  # another session changed the data between the form's check and the save
            logger.warning("%s", as_database_error(error))
            return _error_response(request, 409, "The request no longer fits what is stored.")
        return None


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Returns 404."""
    return _error_response(request, 404, "There is nothing under this address.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Returns 500, or 503 if the database failed, also in a middleware. The log has the traceback."""
    if is_away(sys.exc_info()[1]):
        return _error_response(request, 503, DatabaseUnavailable.default_detail)
    return _error_response(request, 500, "Head office made a mistake; its log says which.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Returns 400 for a request that reaches no view, as for an unknown Host."""
    return _error_response(request, 400, "The request is not valid.")


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Returns 403: a missing permission, or (as Django's CSRF_FAILURE_VIEW) a form without its token."""
    return _error_response(request, 403, "This is not allowed.")


def _error_response(request: HttpRequest, status_code: int, detail: str, headers: dict[str, str] | None = None) -> HttpResponse:
    """Returns JSON for the API, a page in both languages for pages, and a line of text elsewhere."""
    if request.path.startswith("/api/"):
        return json_response({"detail": detail}, status_code=status_code, headers=headers)
    if request.path.startswith(PAGES):
        texts = [
            {"language": language, **{part: text(f"error_{status_code}_{part}", language=language) for part in PARTS}}
            for language in _languages()
        ]
        body = render_to_string("etalase_head_office/locked.html", {"translations": texts, "start": text("start")})
        return HttpResponse(body, status=status_code, headers=headers)
    return HttpResponse(detail, status=status_code, content_type="text/plain; charset=utf-8", headers=headers)


def nothing_here(_request: HttpRequest, **_: str) -> HttpResponse:
    """Raises Http404, instead of one of Django's views."""
    raise Http404


def health(_request: HttpRequest) -> HttpResponse:
    """Returns 200 while the database responds, else 503; for a load balancer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return json_response({"status": "database away"}, status_code=503)
    return json_response({"status": "ok"})
