"""The command ``init`` of an edge, which can join head office by a code."""

from argparse import ArgumentParser
from typing import Any

from etalase.kit import joining
from etalase.kit.answers import Sources
from etalase.kit.command import InitCommand
from etalase.kit.edge import EDGE
from etalase.kit.machine import Host


class EdgeInitCommand(InitCommand):
    """Sets up the edge of a store."""

    kit = EDGE

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the way to head office."""
        super().add_arguments(parser)
        parser.add_argument(
            "--join",
            nargs=2,
            metavar=("ADDRESS", "CODE"),
            help="join head office by a one-time code (etalase head-office invite): it gives account, ids and the places of"
            " photos; the other proposals are taken without a question",
        )
        parser.add_argument(
            "--insecure-http", action="store_true",
            help="with --join: send code and password over plain http also into the internet",
        )  # fmt: skip

    def with_answers(self, machine: Host, sources: Sources, options: dict[str, Any]) -> Sources:
        """Returns the sources with head office's answers, where the machine joins."""
        if options["join"] is None:
            return sources
        address, code = options["join"]
        return joining.join(machine, self.kit, sources, joining.Joining(address, code, options["insecure_http"]))
