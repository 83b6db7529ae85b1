"""`etalase head-office reprocess`: photos made again from their uploads, by the present recipe."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from etalase import formatting
from etalase.head_office.change_bound import Confirmation
from etalase.head_office.console import confirm
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.head_office.reprocessing import Remade, ReprocessScope, reprocess, scope
from etalase.progress import Progress, shown
from etalase.settings.head_office import head_office_settings

MAX_PROBLEMS_SHOWN = 50


class Command(HeadOfficeCommand):
    """Exit status: 0 all made, 1 some could not be, 2 not confirmed, 4 database or bucket unreachable."""

    help = (
        "Make photos again from their uploads: those that an earlier version of Etalase, or other values of "
        "ETALASE_PHOTO_MAX_PIXELS and ETALASE_PHOTO_MAX_BYTES, made. Each photo whose bytes change is fetched once more by "
        "every store that sells its dish, so the command asks for the number of photos. Exit status: 0 all are made; "
        "1 some could not be, and stay as they are; 2 the number was not given; 4 a bucket or the database is unreachable."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the options."""
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="say how many photos, bytes and stores; change nothing")
        parser.add_argument("--yes", type=int, metavar="N", help="confirm the number of photos, as --dry-run prints it")
        parser.add_argument("--quiet", action="store_true", help="no progress on stderr")

    def run(self, options: dict[str, Any]) -> int:
        """Shows the scope; makes the photos after a confirmation."""
        chosen = scope()
        output = {
            "dry_run": options["dry_run"],
            "photos": len(chosen.photo_ids),
            "bytes": chosen.size_bytes,
            "stores": chosen.stores,
        }
        if options["dry_run"] or not chosen.photo_ids:
            self.show({**output, **_counts({}), "problems": []}, _sentence(chosen), as_json=options["json"])
            return 0
        confirm(_sentence(chosen), Confirmation(len(chosen.photo_ids), (), always=True), options["yes"])
        with shown(Progress(len(chosen.photo_ids)), quiet=options["quiet"] or options["json"]) as progress:
            results, problems = reprocess(chosen, advanced=progress.carried)
        for problem in problems[:MAX_PROBLEMS_SHOWN]:
            self.stderr.write(str(problem))
        if len(problems) > MAX_PROBLEMS_SHOWN:
            self.stderr.write(f"… and {len(problems) - MAX_PROBLEMS_SHOWN} more; --json lists them all")
        counts = _counts(results)
        sentence = f"Photos: {', '.join(f'{number} {result}' for result, number in counts.items())}."
        self.show({**output, **counts, "problems": [asdict(one) for one in problems]}, sentence, as_json=options["json"])
        return 1 if results[Remade.LOST] or results[Remade.REFUSED] else 0


def _counts(results: dict[Remade, int]) -> dict[str, int]:
    return {result.value: results.get(result, 0) for result in Remade}


def _sentence(chosen: ReprocessScope) -> str:
    if not chosen.photo_ids:
        return "Every photo was made by the present recipe; there is nothing to do."
    settings = head_office_settings()
    photos = formatting.counted(len(chosen.photo_ids), "photo")
    return (
        f"{photos} with {formatting.size(chosen.size_bytes)} would be made again, for at most"
        f" {settings.PHOTO_MAX_PIXELS} pixels on the long side and {formatting.size(settings.PHOTO_MAX_BYTES)} each."
        f" Each store that shows them fetches those once more whose bytes change: {formatting.counted(chosen.stores, 'store')}."
    )
