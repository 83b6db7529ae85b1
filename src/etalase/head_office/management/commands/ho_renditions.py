"""`etalase head-office renditions`: make the renditions that photos lack."""

import time
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from etalase import formatting
from etalase.head_office import ingest
from etalase.head_office.management.head_office_command import HeadOfficeCommand
from etalase.head_office.models import Photo
from etalase.head_office.renditions import queue
from etalase.head_office.renditions.making import MadeSet
from etalase.head_office.renditions.worker import made_sets
from etalase.progress import Progress, shown
from etalase.protocol import printable

MAX_PROBLEMS_SHOWN = 50


class Command(HeadOfficeCommand):
    """Exit status: 0 each photo has its renditions, 1 some cannot be made, 4 database or bucket unreachable."""

    help = (
        "Make the renditions of photos (small pictures for tiles) that lack them, as after an upgrade; the photos stay as they "
        "are. `etalase head-office worker` does the same by itself, soon after each upload. It may be stopped: the next one "
        "continues. A photo that failed before is tried again. Exit status: 0 each photo has its renditions; 1 some cannot "
        "be made, each with its reason; 4 head office's database or bucket is unreachable."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds the options."""
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only say how many photos lack renditions")
        parser.add_argument("--quiet", action="store_true", help="no progress on stderr")

    def run(self, options: dict[str, Any]) -> int:
        """Makes renditions, and prints photos, bytes and time."""
        lacking = queue.counts()
        if options["dry_run"]:
            result = {"dry_run": True, "waiting": lacking.waiting, "failed": lacking.failed, "photo_bytes": lacking.photo_bytes}
            self.show(result, _forecast(lacking), as_json=options["json"])
            return 0
        ingest.bucket().ensure_bucket()
        began, made, failed, size_bytes = time.monotonic(), 0, list[MadeSet](), 0
        queue.complete()
        queue.retry_failed()
        with shown(Progress(lacking.lacking), quiet=options["quiet"] or options["json"]) as progress:
            for one in made_sets():
                if one.problem:
                    failed.append(one)
                else:
                    made, size_bytes = made + 1, size_bytes + one.size_bytes
                progress.carried(1, failed=int(bool(one.problem)))
        seconds = time.monotonic() - began
        problems = _named(failed)
        for problem in problems[:MAX_PROBLEMS_SHOWN]:
            self.stderr.write(f"{problem['product']}: {problem['file']}: {problem['reason']}")
        if len(problems) > MAX_PROBLEMS_SHOWN:
            self.stderr.write(f"… and {len(problems) - MAX_PROBLEMS_SHOWN} more; --json lists them all")
        elsewhere = queue.counts().waiting
        sentence = (
            f"Made the renditions of {formatting.counted(made, 'photo')}:"
            f" {formatting.size(size_bytes)} in {formatting.elapsed(seconds)}."
            + (f" Those of {len(failed)} cannot be made." if failed else "")
            + (f" {elsewhere} are being made by another process." if elsewhere else "")
        )
        result = {"dry_run": False, "made": made, "failed": len(failed), "waiting": elsewhere, "bytes": size_bytes}
        self.show({**result, "seconds": round(seconds, 3), "problems": problems}, sentence, as_json=options["json"])
        return 1 if failed else 0


def _forecast(lacking: queue.QueueCounts) -> str:
    if not lacking.lacking:
        return "Every photo has its renditions."
    failed = f" {lacking.failed} of them failed before, and are tried again." if lacking.failed else ""
    photos = formatting.counted(lacking.lacking, "photo")
    return f"{photos} without renditions ({formatting.size(lacking.photo_bytes)} to read).{failed}"


def _named(failed: Sequence[MadeSet]) -> list[dict[str, str]]:
    photos = Photo.objects.select_related("product").in_bulk([one.photo_id for one in failed])
    return [
        {
            "photo_id": str(one.photo_id),
            "product": printable(str(photos[one.photo_id].product)),
            "file": printable(photos[one.photo_id].filename),
            "reason": one.problem,
        }
        for one in failed
        if one.photo_id in photos
    ]
