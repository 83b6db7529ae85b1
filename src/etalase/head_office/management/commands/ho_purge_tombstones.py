"""`etalase head-office purge-tombstones`: forget what nobody needs any more. For a daily schedule."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from etalase.head_office.console import HeadOfficeCommand
from etalase.head_office.retention import purge
from etalase.settings.head_office import configured

MAX_DAYS = 36_500


class Command(HeadOfficeCommand):
    """Removes old tombstones, expired tokens and old login failures."""

    help = (
        "Remove tombstones older than ETALASE_TOMBSTONE_DAYS (an edge that was away for longer gets the full set), tokens "
        "that have expired, and login failures that are over. Run it daily."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How many days of tombstones to keep."""
        super().add_arguments(parser)
        parser.add_argument("--days", type=_days, help=f"1 to {MAX_DAYS}, instead of ETALASE_TOMBSTONE_DAYS")

    def perform(self, **options: Any) -> int:
        """Remove, and tell."""
        days = configured().TOMBSTONE_DAYS if options["days"] is None else options["days"]
        removed = purge(days=days)
        sentence = (
            f"Removed {removed['tombstones']} tombstones older than {days} days, {removed['tokens']} expired tokens and "
            f"{removed['login_failures']} login failures that are over."
        )
        self.tell(removed, sentence, as_json=options["json"])
        return 0


def _days(text: str) -> int:
    """Whole days. With less than one, edges would miss no deletion, but the bound of removals would forget those of today."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_DAYS:
        raise ArgumentTypeError(f"«{text}»: expected is a whole number from 1 to {MAX_DAYS}")
    return int(text)
