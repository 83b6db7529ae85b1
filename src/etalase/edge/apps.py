"""The Django app of the edge."""

import logging
from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from etalase.edge.project import may_have_tasks
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


def _create_photo_table(using: str, **_: Any) -> None:
    from etalase.edge.own_tables import create_in_project

    create_in_project(using)
