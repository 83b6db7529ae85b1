"""Serves ``/status``: the same sentences as on the terminal, for people in the store; ``/status.json`` for machines.

Anybody in the store's network may read it: it has no secret, and head office's address only in the error text of a run.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import django.db
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie
from django.views.decorators.http import require_POST, require_safe

from etalase.edge.clock import Clock
from etalase.edge.database import as_database_error
from etalase.edge.heartbeat import Role, heartbeats
from etalase.edge.pos.messages import LANGUAGES, Language
from etalase.edge.pos.page import LANGUAGE_COOKIE, choose_language, security_headers
from etalase.edge.status import contact
from etalase.edge.status.localize import Words
from etalase.edge.status.messages import TEXTS
from etalase.edge.status.snapshot import Comparison, Facts
from etalase.edge.status.summary import Summary, summarize
from etalase.edge.status.sync_request import AT_MOST_EVERY, may_request, request_sync
from etalase.edge.status.to_json import as_json
from etalase.edge.status.verdict import judge
from etalase.errors import DatabaseAway, DatabaseRefused, EtalaseError
from etalase.output import as_json as without_secrets
from etalase.protocol import object_url
from etalase.settings.edge import EdgeSettings, edge_settings

if TYPE_CHECKING:
    from etalase.edge.status.looks import Reads

logger = logging.getLogger("etalase.edge")

MAX_NAMES = 100
REFRESH_SECONDS = 30
RETRY_SECONDS = 5
COOKIE_SECONDS = 365 * 24 * 3600
# Bounds for many reloads: one comparison of a process in KEEP_SECONDS, and a short wait for that of another request.
KEEP_SECONDS = 10.0
MAX_AGE_SECONDS = 60.0
WAIT_SECONDS = 1.0
NOT_COMPARED = "The first comparison with the photo store is not ready yet. Try again in a few seconds."
EXIT_STATUS_AWAY = 4


class Busy(Exception):
    """The first comparison, of another request, is not ready yet."""


class KeptComparison:
    """Keeps the last comparison with the bucket for :data:`KEEP_SECONDS`."""

    def __init__(self, look: Callable[[EdgeSettings], Comparison], clock: Clock | None = None) -> None:
        self._look, self._clock = look, clock or Clock()
        self._looking = threading.Lock()
        self._kept: tuple[float, Comparison] | None = None

    def __call__(self, settings: EdgeSettings) -> Comparison:
        """Returns the comparison; while another thread compares, the last one. Raises :class:`Busy` if there is none yet."""
        if kept := self._not_older_than(KEEP_SECONDS):
            return kept
        waits = 0 if (old := self._not_older_than(MAX_AGE_SECONDS)) else WAIT_SECONDS
        if not self._looking.acquire(timeout=waits):
            if old:
                return old
            raise Busy
        try:
            if kept := self._not_older_than(KEEP_SECONDS):
                return kept
            comparison = self._look(settings)
            self._kept = (self._clock.monotonic(), comparison)
            return comparison
        finally:
            self._looking.release()

    def _not_older_than(self, seconds: float) -> Comparison | None:
        return self._kept[1] if self._kept and self._clock.monotonic() - self._kept[0] < seconds else None


class _Looking:
    """Compares with the bucket, and keeps what it read of objects whose ETags are not MD5s."""

    def __init__(self) -> None:
        self._reads: Reads = {}

    def __call__(self, settings: EdgeSettings) -> Comparison:
        # Imported on demand, so that the POS, whose URLs are in the same list, works while the engine is broken.
        from etalase.edge.status.collect import look

        return look(settings, self._reads)


# One for all requests of the process.
kept = KeptComparison(_Looking())


@ensure_csrf_cookie
@require_safe
def status_page(request: HttpRequest) -> HttpResponse:
    """Shows the status: 200 for every state, 503 where it cannot be read."""
    return _page(request)


@require_safe
def status_json(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Returns the object of ``etalase edge status --json``: 200 for every state, 503 where it cannot be read."""
    try:
        facts = _facts()
        verdict = judge(facts)
        told = {**as_json(facts, verdict), "exit_status": verdict.exit_status}
        return _json(told, HTTPStatus.OK)
    except Busy:
        return _json({"error": NOT_COMPARED, "exit_status": EXIT_STATUS_AWAY}, HTTPStatus.SERVICE_UNAVAILABLE)
    except django.db.Error as error:
        away = as_database_error(error)
    except DatabaseAway as error:
        away = error
    logger.error("%s", away)
    verdict = judge(None)
    told = {**as_json(None, verdict, error=str(away)), "exit_status": verdict.exit_status}
    return _json(told, HTTPStatus.SERVICE_UNAVAILABLE)


def _json(told: Mapping[str, Any], status: HTTPStatus) -> HttpResponse:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_SECONDS)
    return HttpResponse(without_secrets(told), status=status, content_type="application/json", headers=headers)


@csrf_protect
@require_POST
def start_sync(request: HttpRequest) -> HttpResponse:
    """Enqueues one ordinary sync for the page's one button, then shows the status. The page can start nothing else."""
    settings = edge_settings()
    # CSRF tokens keep other sites away; the origin that a browser names (Sec-Fetch-Site) counts, too.
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin" or not may_request(settings):
        return HttpResponse(status=HTTPStatus.FORBIDDEN, headers={"Cache-Control": "no-store"})
    try:
        accepted = _worker_lives() and request_sync(settings)
    except EtalaseError as error:  # the database is away, or belongs to another store: the page shows which
        logger.error("%s", error)
        accepted = False
    if not accepted:
        return _page(request, not_asked=True)
    return HttpResponseRedirect(reverse("etalase_status"))


def _worker_lives() -> bool:
    """Returns whether the worker may be alive; before its first heartbeat that is unknown."""
    sign = heartbeats().get(Role.WORKER)
    return sign is None or sign.is_alive


def _page(request: HttpRequest, *, not_asked: bool = False) -> HttpResponse:
    wanted = request.GET.get("language")
    chosen = next((language for language in LANGUAGES if language == wanted), None)
    language = chosen or choose_language(request.COOKIES.get(LANGUAGE_COOKIE), request.headers.get("Accept-Language", ""))
    facts: Facts | None = None
    summary: Summary | None = None
    try:
        facts = _facts()
        summary = _summary(facts, language)
    except Busy:
        pass
    except (DatabaseAway, django.db.Error) as error:
        away = error if isinstance(error, DatabaseAway) else as_database_error(error)
        logger.error("%s", away)
        summary = _summary(None, language, refuses=isinstance(away, DatabaseRefused))
    status = HTTPStatus.OK if facts and not not_asked else HTTPStatus.SERVICE_UNAVAILABLE
    response = _shown(request, facts, summary, language, status=status, not_asked=not_asked)
    if chosen:
        response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=COOKIE_SECONDS, samesite="Lax")
    return response


def _summary(facts: Facts | None, language: Language, *, refuses: bool = False) -> Summary:
    contact = edge_settings().SUPPORT_CONTACT
    return summarize(facts, judge(facts), language, max_names=MAX_NAMES, contact=contact, refuses=refuses)


def _facts() -> Facts:
    from etalase.edge.status.collect import read

    return read(edge_settings(), kept)


def _shown(
    request: HttpRequest, facts: Facts | None, summary: Summary | None, language: Language, *, status: int, not_asked: bool
) -> HttpResponse:
    settings, text, now = edge_settings(), TEXTS[language], Clock().utc().astimezone(timezone.get_default_timezone())
    context = {
        "summary": summary,
        "text": text,
        "language": language,
        "languages": LANGUAGES,
        "refresh_seconds": REFRESH_SECONDS if status == HTTPStatus.OK else RETRY_SECONDS,
        "read_at": text["refreshes"].format(time=f"{now:%H:%M}", zone=now.tzname()),
        "now": f"{now:%H:%M}",
        "contact": contact.parts(summary.contact) if summary else (),
        "acts": summary is not None and any(todo.acts for todo in summary.todo),
        "button": _button(facts, language, settings, not_asked=not_asked),
        "screen": _screen(facts, text, settings),
    }
    response = render(request, "etalase_status/status.html", context, status=status)
    for name, value in security_headers(settings.S3_PUBLIC_URL, form_action="'self'").items():
        response[name] = value
    # With "no-referrer", browsers send a form with Origin: null, which the CSRF check refuses.
    response["Referrer-Policy"] = "same-origin"
    response["Cache-Control"] = "no-store"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = str(RETRY_SECONDS)
    patch_vary_headers(response, ("Accept-Language", "Cookie"))
    return response


def _button(facts: Facts | None, language: Language, settings: EdgeSettings, *, not_asked: bool) -> dict[str, str] | None:
    """Returns the button or the text in its place; None where no sync can be requested."""
    if facts is None or facts.wrong_store or not may_request(settings):
        return None
    words = Words(language, facts.zone)
    if not_asked:
        return {"note": words.say("not_asked")}
    if facts.asked_at:
        again = words.at(facts.asked_at + AT_MOST_EVERY, facts.now)
        return {"note": words.say("asked", at=words.at(facts.asked_at, facts.now), again=again)}
    if facts.is_running or (facts.worker and not facts.worker.is_alive):
        return None  # another sentence names the run in flight, or the person to call
    return {"action": reverse("etalase_status_sync"), "label": words.say("try"), "hint": words.say("try_hint")}


def _screen(facts: Facts | None, text: Mapping[str, str], settings: EdgeSettings) -> dict[str, str]:
    """Returns the data with which the page's script tests whether this screen can load a photo."""
    whole = facts.bucket.whole if facts else None
    if whole is None:
        return {}
    key, checksum, version = whole
    url = object_url(settings.S3_PUBLIC_URL, settings.S3_BUCKET, key, checksum=checksum, version=version)
    shown = settings.S3_PUBLIC_URL
    results = {name: text[f"screen_{name}"].replace("{url}", shown) for name in ("can", "cannot")}
    return {"url": url, **results}
