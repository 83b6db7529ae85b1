"""A person at the status page asks for one ordinary sync: at most one in five minutes a store, through the worker's queue."""

import logging
import sys
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings as django_settings
from django.db.models import Q
from django.db.models.functions import Now

from etalase.edge.database import translated
from etalase.edge.models import Checkpoint
from etalase.settings.edge import EdgeSettings

logger = logging.getLogger("etalase.edge")

AT_MOST_EVERY = timedelta(minutes=5)
STANDALONE = "etalase.settings.django_edge"
# A till must not wait for a broker's host that has vanished.
BROKER_TIMEOUT_SECONDS = 3.0


def may_ask(settings: EdgeSettings) -> bool:
    """Whether this web server can reach the worker's queue, and ETALASE_STATUS_ACTIONS lets it.

    In a Django project, that takes a Celery application of its own, loaded as Celery's documentation says.
    """
    if not settings.STATUS_ACTIONS:
        return False
    if django_settings.SETTINGS_MODULE == STANDALONE:
        return True
    return _application() is not None


def _application() -> Any:
    """The project's Celery application, where it is loaded; without one, Celery makes up one that knows no broker."""
    celery = sys.modules.get("celery")
    return celery.current_app if celery is not None and celery.current_app.main not in {None, "default"} else None


def beat_zone() -> tzinfo | None:
    """The time zone of a project's beat, by which the schedule's 02:00 is; None where it is the store's, or is not known."""
    if django_settings.SETTINGS_MODULE == STANDALONE:
        return None
    if (app := _application()) is not None:
        zone: tzinfo = app.timezone
        return zone
    named = getattr(django_settings, "CELERY_TIMEZONE", None)
    with suppress(ValueError, OSError, ZoneInfoNotFoundError):  # Celery itself says what is wrong with it
        return named if isinstance(named, tzinfo) else ZoneInfo(named) if isinstance(named, str) else None
    return None


def asked_lately() -> datetime | None:
    """When somebody asked, if it was less than five minutes ago: until then nobody can ask again."""
    with translated():
        lately = Checkpoint.objects.filter(asked_at__range=(Now() - AT_MOST_EVERY, Now()))
        return lately.values_list("asked_at", flat=True).first()


def ask(settings: EdgeSettings) -> bool:
    """Ask the worker for one incremental sync. Returns False where the queue does not take it, or another till was first.

    The turn is taken in the database: so several tills and processes that ask at once start one sync. Raises
    :class:`StoreMismatch` and :class:`DatabaseAway`.
    """
    from etalase.edge.sync.storage.checkpoint import Store

    Store(settings.COMPANY_ID, settings.STORE_ID).claim()
    turn = Q(asked_at__isnull=True) | Q(asked_at__lte=Now() - AT_MOST_EVERY) | Q(asked_at__gt=Now())
    with translated():
        if not Checkpoint.objects.filter(turn, store_id=settings.STORE_ID).update(asked_at=Now()):
            return True
    try:
        _send()
    except Exception:  # whatever a project's broker raises, the page has to come
        logger.warning("a sync was asked for on the status page, and the queue did not take it", exc_info=True)
        with translated():
            Checkpoint.objects.filter(store_id=settings.STORE_ID).update(asked_at=None)
        return False
    logger.info("a sync was asked for on the status page")
    return True


def _send() -> None:
    """One ordinary hourly sync, without the store's own minute."""
    if django_settings.SETTINGS_MODULE == STANDALONE:
        import etalase.edge.celery  # noqa: F401 - only where somebody asks: it makes the application
    from etalase.edge.tasks import sync_product_photos

    app = sync_product_photos.app
    options = {
        **app.conf.broker_transport_options,
        "socket_connect_timeout": BROKER_TIMEOUT_SECONDS,
        "socket_timeout": BROKER_TIMEOUT_SECONDS,
    }
    with app.connection_for_write(transport_options=options, connect_timeout=BROKER_TIMEOUT_SECONDS) as connection:
        # Nobody waits that long for a sync: where no worker takes it, it goes.
        how: dict[str, Any] = {"connection": connection, "retry": False, "expires": AT_MOST_EVERY.total_seconds()}
        sync_product_photos.apply_async(kwargs={"after_offset": True}, **how)
