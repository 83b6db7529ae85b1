"""The Django app of the edge."""

import logging

from django.apps import AppConfig
from django.conf import settings

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
        """Register the start-up checks and pin sessions; hide secrets and name the run in log lines of a project, too."""
        from etalase.edge import checks

        checks.register()
        pin_sessions()
        hide_project_secrets()
        for name in LOGGERS:
            logger = logging.getLogger(name)
            logger.addFilter(ContextFields())
            logger.addFilter(Redaction(one_line=True))


def product_model_name() -> str:
    """The model that photos belong to, as ``app.Model``."""
    return getattr(settings, "ETALASE_PRODUCT_MODEL", "etalase_edge.Product")
