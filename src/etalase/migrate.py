"""Runs Django's ``migrate`` under Etalase's own help."""

import argparse
from typing import Any

from django.apps import apps
from django.core.management.base import CommandParser
from django.core.management.commands import migrate

from etalase import other_half
from etalase.command_help import DJANGO_OPTIONS, MIGRATE
from etalase.errors import UsageError


class Migrate(migrate.Command):
    """Django's command, with the options in its help that an operator needs."""

    help = MIGRATE
    suppressed_base_arguments = DJANGO_OPTIONS

    def add_arguments(self, parser: CommandParser) -> None:
        """Adds Django's arguments. Its help leaves out ``--skip-checks``, which is not among those of every command here."""
        super().add_arguments(parser)
        parser._option_string_actions["--skip-checks"].help = argparse.SUPPRESS  # noqa: SLF001 - argparse has no other way

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Migrates, unless the database is of the other half. Raises :class:`UsageError`."""
        half = other_half.EDGE if apps.is_installed("etalase.edge") else other_half.HEAD_OFFICE
        if wrong := other_half.problem_here(half, options["database"]):
            raise UsageError(wrong, hint=other_half.HINT)
        result: str | None = super().handle(*args, **options)
        return result
