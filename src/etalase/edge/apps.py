"""The Django app of the edge."""

import logging
import sys
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate

from etalase.postgres import pin_sessions
from etalase.settings.logging import ContextFields, Redaction
from etalase.settings.reading import hide_project_secrets

LOGGERS = ("etalase.edge", "product_photo_sync")


class EdgeConfig(AppConfig):
    """``etalase.edge`` in INSTALLED_APPS; its product model is the project's own where ETALASE_PRODUCT_MODEL names one."""

    name = "etalase.edge"
    label = "etalase_edge"
    verbose_name = "Etalase"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Registers the start-up checks, pins database sessions, and adds the log filters, also in a project."""
        from etalase.edge import checks

        checks.register()
        post_migrate.connect(_create_photo_table, sender=self, dispatch_uid="etalase.edge.photo_table")
        if may_have_tasks():
            from etalase.edge import tasks  # noqa: F401 - before anybody looks a task up by its name
        pin_sessions()
        hide_project_secrets()
        for name in LOGGERS:
            logger = logging.getLogger(name)
            logger.addFilter(ContextFields())
            logger.addFilter(Redaction(one_line=True))


def may_have_tasks() -> bool:
    """Returns whether this process may send or run tasks: it has loaded Celery, or the guide's module of tasks is here."""
    return "celery" in sys.modules or find_spec("sync_api") is not None


def _create_photo_table(using: str, **_: Any) -> None:
    from etalase.edge.own_tables import create_in_project

    create_in_project(using)


def product_model_name() -> str:
    """Returns the name of the product model, as ``app.Model``."""
    return getattr(settings, "ETALASE_PRODUCT_MODEL", "etalase_edge.Product")
