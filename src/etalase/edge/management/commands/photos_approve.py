"""`etalase edge approve`: a person's word on held removals."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from etalase.edge.management.door import EdgeCommand
from etalase.edge.sync import holding
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.pace import Pace
from etalase.errors import UsageError
from etalase.settings.edge import EdgeSettings


class Command(EdgeCommand):
    """Exit status: 0 done, 2 a photo named is not held."""

    help = "Remove photos whose removal is held (etalase edge held lists them)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``PHOTO …`` or ``--all``."""
        super().add_arguments(parser)
        parser.add_argument("photo", nargs="*", type=UUID, help="id of a photo whose removal is held")
        parser.add_argument("--all", action="store_true", help="all that are held")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Do so."""
        if bool(options["photo"]) == options["all"]:
            raise UsageError("Name photos, or say --all.")
        removals = holding.chosen(options["photo"], everything=options["all"])
        lock = RunLock(settings.STORE_ID, Pace())
        count = holding.approve(removals, lock=lock, grace=settings.RECLAIM_GRACE)
        if options["json"]:
            self.show({"removed": count})
        else:
            self.stdout.write(f"{count} photos removed; their objects follow after {settings.RECLAIM_GRACE}.")
        return 0
