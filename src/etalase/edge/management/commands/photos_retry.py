"""`etalase edge retry`: try failed photos again now, whatever their next try."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from etalase.edge.management.commands.photos_sync import QUIET_HELP, terminable
from etalase.edge.management.commands.photos_sync import Command as SyncCommand
from etalase.edge.sync import ledger
from etalase.edge.sync.run import sync
from etalase.edge.sync.terminal import watcher
from etalase.edge.sync.world import real_world
from etalase.settings.edge import EdgeSettings


class Command(SyncCommand):
    """Exit status: as that of `sync`; 2 where a photo named is not on the retry list."""

    help = (
        "Try the photos on the retry list again now (etalase edge failures lists them), all of them or those named, in a run "
        "that also brings what changed. Exit status: as that of sync; 2 where a photo named is not on the list."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``PHOTO …``."""
        super(SyncCommand, self).add_arguments(parser)
        parser.add_argument("photo", nargs="*", type=UUID, help="id of a photo on the retry list; none: all of them")
        parser.add_argument("--quiet", action="store_true", help=QUIET_HELP)

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Make them due, and run."""
        ledger.make_due(options["photo"] or None, now=datetime.now(UTC))
        quiet = options["quiet"] or options["json"]
        with terminable(), real_world(settings) as world, watcher(quiet=quiet, limit=world.limiter.describe) as watching:
            report = sync(world, full=False, trigger="retry", watcher=watching)
        return self.tell(report, as_json=options["json"])
