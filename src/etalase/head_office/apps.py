"""Defines the Django app of head office."""

from django.apps import AppConfig

from etalase.head_office.messages import lazy_text
from etalase.postgres import pin_sessions
from etalase.settings.reading import hide_project_secrets


class HeadOfficeConfig(AppConfig):
    """``etalase.head_office`` in INSTALLED_APPS."""

    name = "etalase.head_office"
    label = "head_office"
    verbose_name = lazy_text("app")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Registers the start-up checks, sets up sessions, hides secrets and counts refused logins."""
        from etalase.head_office import checks, database
        from etalase.head_office.metrics import requests

        checks.register()
        pin_sessions()
        database.prepare_own_sessions()
        hide_project_secrets()
        requests.follow_logins()
