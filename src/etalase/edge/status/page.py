"""``GET /status``: the same sentences as on the terminal, for whoever stands in the store.

It is for anybody in the store's network: it names no secret and no address of head office, but in a run's own error text.
"""

import logging
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

import django.db
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from etalase.edge.pos.page import LANGUAGE_COOKIE, choose_language, security_headers
from etalase.edge.pos.texts import LANGUAGES, Language
from etalase.edge.status.facts import Comparison, Facts
from etalase.edge.status.texts import TEXTS
from etalase.edge.status.told import Told, tell
from etalase.edge.status.verdict import judge
from etalase.errors import DatabaseAway
from etalase.settings.edge import EdgeSettings, configured

logger = logging.getLogger("etalase.edge")

MAX_NAMES = 100
REFRESH_SECONDS = 30
RETRY_SECONDS = 5
COOKIE_SECONDS = 365 * 24 * 3600
# However many reload the page: a process looks into the bucket once in so long, and nobody waits long for somebody else's look.
KEEP_SECONDS = 10.0
MAX_AGE_SECONDS = 60.0
WAIT_SECONDS = 1.0


class Busy(Exception):
    """Somebody else's first look into the bucket takes its time."""


class KeptComparison:
    """The last comparison with the bucket, made anew when it is older than :data:`KEEP_SECONDS`."""

    def __init__(self, look: Callable[[EdgeSettings], Comparison], clock: Callable[[], float] = time.monotonic) -> None:
        self._look, self._clock = look, clock
        self._looking = threading.Lock()
        self._kept: tuple[float, Comparison] | None = None

    def __call__(self, settings: EdgeSettings) -> Comparison:
        """The comparison. While another thread looks, its last one serves, or :class:`Busy` comes after a second."""
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
            self._kept = (self._clock(), comparison)
            return comparison
        finally:
            self._looking.release()

    def _not_older_than(self, seconds: float) -> Comparison | None:
        return self._kept[1] if self._kept and self._clock() - self._kept[0] < seconds else None


def _look(settings: EdgeSettings) -> Comparison:
    # Only where it is asked for: the POS, which has its addresses from the same list, works while the engine is broken.
    from etalase.edge.status.reading import look

    return look(settings)


kept = KeptComparison(_look)


@require_safe
def status_page(request: HttpRequest) -> HttpResponse:
    """The status: 200 whatever it says, 503 where it cannot be read."""
    wanted = request.GET.get("language")
    asked = next((language for language in LANGUAGES if language == wanted), None)
    language = asked or choose_language(request.COOKIES.get(LANGUAGE_COOKIE), request.headers.get("Accept-Language", ""))
    facts: Facts | None = None
    told: Told | None = None
    try:
        facts = _facts()
        told = _told(facts, language)
    except Busy:
        pass
    except (DatabaseAway, django.db.Error) as error:
        logger.error("%s", error)
        told = _told(None, language)
    response = _shown(request, told, language, status=HTTPStatus.OK if facts else HTTPStatus.SERVICE_UNAVAILABLE)
    if asked:
        response.set_cookie(LANGUAGE_COOKIE, asked, max_age=COOKIE_SECONDS, samesite="Lax")
    return response


def _told(facts: Facts | None, language: Language) -> Told:
    return tell(facts, judge(facts), language, max_names=MAX_NAMES, contact=configured().SUPPORT_CONTACT)


def _facts() -> Facts:
    from etalase.edge.status.reading import read

    return read(configured(), kept)


def _shown(request: HttpRequest, told: Told | None, language: Language, *, status: int) -> HttpResponse:
    text, now = TEXTS[language], timezone.localtime(timezone=timezone.get_default_timezone())
    context = {
        "told": told,
        "text": text,
        "language": language,
        "languages": LANGUAGES,
        "refresh_seconds": REFRESH_SECONDS if status == HTTPStatus.OK else RETRY_SECONDS,
        "read_at": text["refreshes"].format(time=f"{now:%H:%M}"),
    }
    response = render(request, "etalase_status/status.html", context, status=status)
    for name, value in security_headers(configured().S3_PUBLIC_URL).items():
        response[name] = value
    response["Cache-Control"] = "no-store"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = str(RETRY_SECONDS)
    patch_vary_headers(response, ("Accept-Language", "Cookie"))
    return response
