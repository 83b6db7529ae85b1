"""`etalase edge sync`: one run, now."""

import contextlib
import signal
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from etalase.edge.management.door import EdgeCommand
from etalase.edge.sync.report import Report
from etalase.edge.sync.run import sync
from etalase.edge.sync.terminal import watcher
from etalase.edge.sync.world import real_world
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings


class Command(EdgeCommand):
    """Exit status: 0 success, 1 some photos failed, 2 settings, 3 held for a person, 4 something is away, 75 locked."""

    help = (
        "Bring this store's photos up to head office's. Exit status: 0 all is here; 1 some photos failed and will be tried "
        "again; 2 settings or usage; 3 removals wait for a person (etalase edge held); 4 head office, bucket or database is "
        "away or unintelligible; 75 another run is under way."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--full``, ``--dry-run``, ``--wait``, ``--quiet``."""
        super().add_arguments(parser)
        parser.add_argument("--full", action="store_true", help="compare the whole feed with rows and bucket")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--wait", action="store_true", help="wait up to 55 minutes for a run that is under way")
        parser.add_argument("--quiet", action="store_true", help="no progress on stderr")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Run, and show the report."""
        with _terminable(), real_world(settings) as world, watcher(quiet=options["quiet"] or options["json"]) as watching:
            report = sync(
                world,
                full=options["full"],
                trigger="hand",
                wait_seconds=55 * 60.0 if options["wait"] else 0.0,
                dry_run=options["dry_run"],
                watcher=watching,
            )
        if options["json"]:
            self.show(report.as_json())
        else:
            self._say(report)
        return report.exit_status

    def _say(self, report: Report) -> None:
        if report.error is not None:
            self.stderr.write(str(report.error))
        if report.forecast is not None:
            self._foretell(report.forecast)
            return
        self.stdout.write(
            f"{report.kind} run: {report.outcome.value}. {report.seen} photos seen: {report.fetched} fetched, "
            f"{report.updated} updated, {report.unchanged} unchanged, {report.parked} parked, {report.failed} failed; "
            f"{report.deleted} removed, "
            f"{report.held} held; {report.bytes_fetched / 1024 / 1024:.1f} MiB in {report.duration_seconds:.1f} s."
        )
        for failure in report.failures[:20]:
            name, detail = printable(failure["product_name"]), printable(failure["detail"])
            self.stdout.write(f"  {failure['photo_id']} {name}: {failure['reason']}: {detail}")
        if len(report.failures) > 20:
            self.stdout.write(f"  … and {len(report.failures) - 20} more: etalase edge failures")
        if report.held:
            self.stdout.write(f"{report.held} removals wait for a person: etalase edge held")

    def _foretell(self, forecast: dict[str, Any]) -> None:
        self.stdout.write(
            f"Would fetch {forecast['photos_to_fetch']} photos ({forecast['bytes_to_fetch'] / 1024 / 1024:.1f} MiB), "
            f"update {forecast['rows_to_update']} rows, remove {len(forecast['removals'])} photos."
        )
        for removal in forecast["removals"]:
            self.stdout.write(f"  would remove a photo of {printable(removal['product_name'])} ({removal['photo_id']})")


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end a run the way Ctrl-C does: in order."""

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
