"""Runs Django's ``migrate`` under Etalase's own help."""

import argparse

from django.core.management.base import CommandParser
from django.core.management.commands import migrate

from etalase.command_help import DJANGO_OPTIONS, MIGRATE


class Migrate(migrate.Command):
    """Django's command, with the options in its help that an operator needs."""

    help = MIGRATE
    suppressed_base_arguments = DJANGO_OPTIONS

    def add_arguments(self, parser: CommandParser) -> None:
        """Adds Django's arguments. Its help leaves out ``--skip-checks``, which is not among those of every command here."""
        super().add_arguments(parser)
        parser._option_string_actions["--skip-checks"].help = argparse.SUPPRESS  # noqa: SLF001 - argparse has no other way
