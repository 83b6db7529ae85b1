"""Defines the base of both halves' `doctor`: ``--read-only``, the printed results, and the exit status."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from etalase.command import EtalaseCommand
from etalase.doctor.check import CheckResult, is_ok, to_json, to_lines


class DoctorCommand(EtalaseCommand):
    """Exit status: 0 no check found a fault, 1 one did."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--read-only``."""
        super().add_arguments(parser)
        parser.add_argument("--read-only", action="store_true", help="put no probe into the bucket")

    def run(self, options: dict[str, Any]) -> int:
        """Examines, and prints the results. Wrong settings are one of them."""
        results = self.examine(read_only=options["read_only"])
        self.show(to_json(results), "\n".join(to_lines(results)), as_json=options["json"])
        return 0 if is_ok(results) else 1

    def examine(self, *, read_only: bool) -> Sequence[CheckResult]:
        """Returns the result of each check."""
        raise NotImplementedError
