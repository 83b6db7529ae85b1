"""What the edge's commands have in common: settings and ``--json``."""

import logging
import sys
from typing import Any

from etalase.command import EtalaseCommand
from etalase.edge.checks import product_problems
from etalase.edge.database import in_our_words
from etalase.errors import SettingsError
from etalase.settings.edge import EdgeSettings, configured


class EdgeCommand(EtalaseCommand):
    """A command of the edge. :meth:`perform` does it and returns the exit status."""

    away = staticmethod(in_our_words)

    def run(self, options: dict[str, Any]) -> int:
        """Perform with the settings, where they are in order."""
        if sys.stderr.isatty():
            logging.getLogger("product_photo_sync").propagate = False  # a person reads the same on stdout
        settings = configured()
        if problems := product_problems(settings):
            raise SettingsError(problems)
        return self.perform(settings, options)

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Do what the command is for; the exit status comes back."""
        raise NotImplementedError
