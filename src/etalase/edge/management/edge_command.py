"""Defines the base of the edge's commands: it reads the settings first, and explains database errors."""

import logging
import sys
from typing import Any

from django.core.management.base import CommandParser

from etalase.command import EtalaseCommand
from etalase.edge.checks import product_problems
from etalase.edge.command_names import as_typed
from etalase.edge.database import as_database_error
from etalase.edge.project_checks import blocking_problems
from etalase.errors import SettingsError
from etalase.settings.edge import EdgeSettings, edge_settings


class EdgeCommand(EtalaseCommand):
    """A command of the edge. A subclass implements :meth:`perform`."""

    explain_database_error = staticmethod(as_database_error)

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Returns the parser; its help names other commands as the user types them."""
        self.help = as_typed(self.help)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def run(self, options: dict[str, Any]) -> int:
        """Reads the settings and performs. Raises :class:`SettingsError` if they are not valid."""
        if sys.stderr.isatty():
            logging.getLogger("product_photo_sync").propagate = False  # a person reads the result on stdout
        settings = edge_settings()
        if problems := self.problems(settings):
            raise SettingsError(problems)
        return self.perform(settings, options)

    def problems(self, settings: EdgeSettings) -> list[str]:
        """Returns a line for each thing of the project's that the command cannot do with."""
        return [*blocking_problems(), *product_problems(settings)]

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Does the work of the command. Returns the exit status."""
        raise NotImplementedError
