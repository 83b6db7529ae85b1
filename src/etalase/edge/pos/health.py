"""Serves ``/healthz`` for the health check of a container and for monitoring."""

import logging
from datetime import datetime

import msgspec
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from etalase.edge.clock import Clock
from etalase.edge.models import Checkpoint, ProductPhoto
from etalase.edge.pos import messages, responses
from etalase.edge.pos.catalogue import database
from etalase.edge.runs import last_good_run
from etalase.errors import DatabaseAway

logger = logging.getLogger("etalase.edge")


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The body of ``/healthz``: ``status`` is ``ok``, ``not_adopted`` or ``database_away``.

    The other fields are null before the first successful run and while the database is away. The POS works
    without recent runs, so only ``database_away`` is a 503. ``detail`` explains ``not_adopted``, by language.
    """

    status: str
    last_success_at: str | None = None
    last_success_age_seconds: int | None = None
    detail: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponseBase:  # noqa: ARG001 - Django's signature
    """Returns 200 while the database responds, otherwise 503."""
    try:
        with database():
            good, is_adopted = last_good_run(), Checkpoint.objects.exists() or not ProductPhoto.objects.exists()
    except DatabaseAway as error:
        logger.error("%s", error)
        return responses.uncached(Health(status="database_away"), status=503)
    if not is_adopted:
        detail: dict[str, str] = {language: messages.NOT_ADOPTED[language] for language in messages.LANGUAGES}
        return responses.uncached(Health(status="not_adopted", detail=detail), status=200)
    return responses.uncached(_health(good.finished_at if good else None), status=200)


def _health(finished_at: datetime | None) -> Health:
    if finished_at is None:
        return Health(status="ok")
    age = Clock().utc() - finished_at
    return Health(
        status="ok",
        last_success_at=finished_at.isoformat(timespec="seconds"),
        # After the clock was set back, the last run may be in the future.
        last_success_age_seconds=max(0, round(age.total_seconds())),
    )
