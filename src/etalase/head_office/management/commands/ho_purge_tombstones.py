"""`etalase head-office purge-tombstones`: forget what nobody needs any more. For a daily schedule."""

from argparse import ArgumentParser
from typing import Any

from etalase.head_office.console import HeadOfficeCommand
from etalase.head_office.purge import purge
from etalase.settings.head_office import configured


class Command(HeadOfficeCommand):
    """Removes old tombstones, expired tokens and old login failures."""

    help = (
        "Remove tombstones older than ETALASE_TOMBSTONE_DAYS (an edge that was away for longer gets the full set), tokens "
        "that have expired, and login failures that are over. Run it daily."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many days of tombstones to keep."""
        super().add_arguments(parser)
        parser.add_argument("--days", type=int, help="instead of ETALASE_TOMBSTONE_DAYS")

    def perform(self, **options: Any) -> int:
        """Remove, and tell."""
        days = configured().TOMBSTONE_DAYS if options["days"] is None else max(0, options["days"])
        removed = purge(days=days)
        sentence = f"Removed {removed['tombstones']} tombstones older than {days} days and {removed['tokens']} expired tokens."
        self.tell(removed, sentence, as_json=options["json"])
        return 0
