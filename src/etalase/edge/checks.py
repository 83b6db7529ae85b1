"""Misconfiguration fails at start-up, with an id (Django's system check framework)."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks

from etalase.errors import SettingsError
from etalase.settings.edge import configured


def register() -> None:
    """Add the checks below to ``manage.py check`` and to every command."""
    checks.register(settings_are_valid)


def settings_are_valid(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """``etalase.E001``: a setting is missing or malformed, one message each."""
    try:
        configured()
    except SettingsError as error:
        return [
            checks.Error(problem, hint="See etalase.settings.edge.EdgeSettings.", id="etalase.E001")
            for problem in error.problems
        ]
    return []
