"""What the edge's commands have in common: settings, errors and exit statuses, ``--json``."""

import logging
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from etalase.edge.checks import product_problems
from etalase.errors import EtalaseError, SettingsError
from etalase.output import as_json, guard
from etalase.settings.edge import EdgeSettings, configured

# As shells report a process that Ctrl-C ended.
STOPPED = 130


class EdgeCommand(BaseCommand):
    """A command of the edge. :meth:`perform` does it and returns the exit status; errors of ours become one clear line."""

    # The checks say the same as our own reading of the settings, with less care; `etalase.E001` stays for the projects.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--json``, which every command has."""
        parser.add_argument("--json", action="store_true", help="print one JSON object on stdout, for machines")

    def handle(self, *_: Any, **options: Any) -> None:
        """Perform, and end with the exit status that the design promises."""
        guard(self)
        if sys.stderr.isatty():
            logging.getLogger("product_photo_sync").propagate = False  # a person reads the same on stdout
        try:
            settings = configured()
            if problems := product_problems(settings):
                raise SettingsError(problems)
            status = self.perform(settings, options)
        except EtalaseError as error:
            if options.get("json"):
                self.show({"error": str(error), "exit_status": error.exit_status})
            raise CommandError(str(error), returncode=error.exit_status) from error
        except KeyboardInterrupt:
            if options.get("json"):
                self.show({"error": "The command was stopped.", "exit_status": STOPPED})
            raise
        if status:
            sys.exit(status)

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Do what the command is for; the exit status comes back."""
        raise NotImplementedError

    def show(self, result: Any) -> None:
        """``result`` as JSON on stdout."""
        self.stdout.write(as_json(result))
