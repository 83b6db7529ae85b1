"""Runs `etalase head-office support-bundle`: writes one file for a helper, without secrets."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from etalase.head_office.doctor.run import read_settings
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.head_office.support_bundle import parts
from etalase.support.bundle import default_path, write
from etalase.support.command import add_arguments, result, sentence
from etalase.support.known_secrets import hide_surroundings


class Command(HeadOfficeCommand):
    """Exit status: 0 written, 1 a part is missing in it, 2 the file cannot be written."""

    help = (
        "Write one file for a helper: settings without secrets, doctor, contents in numbers, versions and last log lines. Exit "
        "status: 0 written; 1 a part is missing in it; 2 the file cannot be written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--output`` and ``--read-only``."""
        super().add_arguments(parser)
        add_arguments(parser)

    def run(self, options: dict[str, Any]) -> int:
        """Writes the bundle, also where settings or parts are broken."""
        hide_surroundings()
        path = Path(options["output"] or default_path("head-office"))
        bundle = write(path, parts(read_settings(), read_only=options["read_only"]), about={"role": "head office"})
        self.show(result(bundle), sentence(bundle), as_json=options["json"])
        return 1 if bundle.failed else 0
