"""`etalase head-office purge-tombstones`: delete expired data. For a daily schedule."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.utils import timezone

from etalase.head_office.collecting import collect
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.head_office.retention import purge
from etalase.settings.head_office import head_office_settings

MAX_DAYS = 36_500


class Command(HeadOfficeCommand):
    """Deletes old tombstones, expired tokens, old login failures, old versions of photos, and obsolete objects."""

    help = (
        "Delete expired data: run it daily. These are tombstones older than ETALASE_TOMBSTONE_DAYS (an edge that was offline "
        "for longer gets the full set), expired tokens, login failures that no longer count, versions of photos that ended "
        "more than ETALASE_KEEP_VERSIONS_DAYS ago, and objects of deleted photos."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--days``."""
        super().add_arguments(parser)
        parser.add_argument("--days", type=_days, help=f"1 to {MAX_DAYS}, instead of ETALASE_TOMBSTONE_DAYS")

    def run(self, options: dict[str, Any]) -> int:
        """Deletes expired data, and prints the number of rows."""
        days = head_office_settings().TOMBSTONE_DAYS if options["days"] is None else options["days"]
        removed = purge(days=days)
        collected = collect(timezone.now())
        sentence = (
            f"Removed {removed['tombstones']} tombstones older than {days} days, {removed['tokens']} expired tokens, "
            f"{removed['login_failures']} login failures that no longer count, {collected.versions} old versions of photos and "
            f"{collected.objects} objects that nobody needs any more."
        )
        counts = {**removed, "versions": collected.versions, "objects": collected.objects}
        self.show(counts, sentence, as_json=options["json"])
        return 0


def _days(text: str) -> int:
    """Returns a number of whole days. With less than one, the bound of removals would miss those of today."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MAX_DAYS:
        raise ArgumentTypeError(f"«{text}» is not a whole number from 1 to {MAX_DAYS}")
    return int(text)
