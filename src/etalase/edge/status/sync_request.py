"""Enqueues one ordinary sync for a person at the status page, at most one in five minutes for a store."""

import logging
import sys
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings as django_settings
from django.db.models import Q
from django.db.models.functions import Now

from etalase.edge.command_names import is_in_project
from etalase.edge.database import translated
from etalase.edge.models import Checkpoint
from etalase.settings.edge import EdgeSettings

logger = logging.getLogger("etalase.edge")

AT_MOST_EVERY = timedelta(minutes=5)
# A POS must not wait for a broker whose host is down.
BROKER_TIMEOUT_SECONDS = 3.0


def may_request(settings: EdgeSettings) -> bool:
    """Returns whether ETALASE_STATUS_ACTIONS allows a request, and this web server can reach the worker's queue.

    A Django project needs a Celery application of its own, loaded as in Celery's documentation.
    """
    if not settings.STATUS_ACTIONS:
        return False
    if not is_in_project():
        return True
    return project_celery() is not None


def project_celery() -> Any:
    """Returns the project's Celery application if it is loaded; Celery's default application has no broker."""
    celery = sys.modules.get("celery")
    return celery.current_app if celery is not None and celery.current_app.main not in {None, "default"} else None


def beat_zone() -> tzinfo | None:
    """Returns the time zone of a project's beat, for the schedule's 02:00; None if it is the store's, or unknown."""
    if not is_in_project():
        return None
    if (app := project_celery()) is not None:
        zone: tzinfo = app.timezone
        return zone
    named = getattr(django_settings, "CELERY_TIMEZONE", None)
    with suppress(ValueError, OSError, ZoneInfoNotFoundError):  # Celery itself reports a wrong one
        return named if isinstance(named, tzinfo) else ZoneInfo(named) if isinstance(named, str) else None
    return None


def requested_lately() -> datetime | None:
    """Returns the time of a request in the last five minutes, which block another one; else None."""
    with translated():
        lately = Checkpoint.objects.filter(asked_at__range=(Now() - AT_MOST_EVERY, Now()))
        return lately.values_list("asked_at", flat=True).first()


def request_sync(settings: EdgeSettings) -> bool:
    """Enqueues one incremental sync. Returns False if the queue does not accept it, True also if another POS was first.

    A row in the database decides, so that simultaneous requests start one sync. Raises
    :class:`StoreMismatch` and :class:`DatabaseAway`.
    """
    from etalase.edge.sync.storage.checkpoint import OwnStore

    OwnStore(settings.COMPANY_ID, settings.STORE_ID).claim()
    turn = Q(asked_at__isnull=True) | Q(asked_at__lte=Now() - AT_MOST_EVERY) | Q(asked_at__gt=Now())
    with translated():
        if not Checkpoint.objects.filter(turn, store_id=settings.STORE_ID).update(asked_at=Now()):
            return True
    try:
        _send()
    except Exception:  # a project's broker may raise anything; the page is shown all the same
        logger.warning("the queue did not accept the sync that was requested on the status page", exc_info=True)
        with translated():
            Checkpoint.objects.filter(store_id=settings.STORE_ID).update(asked_at=None)
        return False
    logger.info("a sync was requested on the status page")
    return True


def _send() -> None:
    """Enqueues one ordinary hourly sync, without the store's own minute."""
    if not is_in_project():
        import etalase.edge.celery  # noqa: F401 - imported on demand: it makes the application
    from etalase.edge.tasks import sync_product_photos

    app = sync_product_photos.app
    options = {
        **app.conf.broker_transport_options,
        "socket_connect_timeout": BROKER_TIMEOUT_SECONDS,
        "socket_timeout": BROKER_TIMEOUT_SECONDS,
    }
    with app.connection_for_write(transport_options=options, connect_timeout=BROKER_TIMEOUT_SECONDS) as connection:
        # Expires if no worker receives it: nobody waits that long for a sync.
        how: dict[str, Any] = {"connection": connection, "retry": False, "expires": AT_MOST_EVERY.total_seconds()}
        sync_product_photos.apply_async(kwargs={"after_offset": True}, **how)
