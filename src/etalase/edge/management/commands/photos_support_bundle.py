"""Runs `etalase edge support-bundle`: writes one file for a helper, without secrets."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from etalase.edge.doctor.run import read_settings
from etalase.edge.management.edge_command import EdgeCommand
from etalase.edge.support_bundle import keep_tokens, parts
from etalase.errors import EtalaseError
from etalase.support.bundle import default_path, write
from etalase.support.command import add_arguments, result, sentence
from etalase.support.known_secrets import hide_surroundings


class Command(EdgeCommand):
    """Exit status: 0 written, 1 a part is missing in it, 2 the file cannot be written."""

    help = (
        "Write one file for a helper: settings without secrets, doctor, status, last runs and failures, versions and last "
        "log lines. Exit status: 0 written; 1 a part is missing in it; 2 the file cannot be written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--output`` and ``--read-only``."""
        super().add_arguments(parser)
        add_arguments(parser)

    def run(self, options: dict[str, Any]) -> int:
        """Writes the bundle, also where settings or parts are broken."""
        hide_surroundings()
        look = read_settings()
        if look.settings is not None:
            try:
                keep_tokens()
            except EtalaseError as error:  # the parts that need the database say so
                self.stderr.write(str(error))
        path = Path(options["output"] or default_path("edge"))
        bundle = write(path, parts(look, read_only=options["read_only"]), about={"role": "edge"})
        self.show(result(bundle), sentence(bundle), as_json=options["json"])
        return 1 if bundle.failed else 0
