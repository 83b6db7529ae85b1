"""`etalase head-office doctor`: what is wrong with head office's settings and surroundings, and what to do."""

from argparse import ArgumentParser
from typing import Any

from etalase.doctor.check import is_ok, to_json, to_lines
from etalase.head_office.doctor.run import diagnose, read_settings
from etalase.head_office.management.head_office_command import HeadOfficeCommand


class Command(HeadOfficeCommand):
    """Exit status: 0 no check found a fault, 1 one did."""

    help = (
        "Examine head office within 5 seconds, and say what to do: settings, database, bucket, tokens, the feed of a store and "
        "this machine. Writes one probe of a byte to the bucket and deletes it. Exit status: 0 no fault, 1 a fault."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--read-only``."""
        super().add_arguments(parser)
        parser.add_argument("--read-only", action="store_true", help="put no probe into the bucket")

    def run(self, options: dict[str, Any]) -> int:
        """Examines, and prints the results. Wrong settings are one of them."""
        results = diagnose(read_settings(), read_only=options["read_only"])
        self.show(to_json(results), "\n".join(to_lines(results)), as_json=options["json"])
        return 0 if is_ok(results) else 1
