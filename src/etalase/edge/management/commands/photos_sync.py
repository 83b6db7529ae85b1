"""`etalase edge sync`: one run, now."""

import contextlib
import gc
import signal
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.utils.timezone import get_default_timezone

from etalase.edge.management.door import EdgeCommand
from etalase.edge.sync.report import Report
from etalase.edge.sync.run import sync
from etalase.edge.sync.terminal import watcher
from etalase.edge.sync.world import real_world
from etalase.errors import UsageError
from etalase.protocol import printable
from etalase.settings.bandwidth import duration_text, rate_text, time_text
from etalase.settings.edge import EdgeSettings

LONGEST_WAIT_SECONDS = 55 * 60.0
WAIT_HELP = "wait up to 55 minutes for a run that is under way"
QUIET_HELP = "no progress on stderr"


class Command(EdgeCommand):
    """Exit status: 0 success, 1 some photos failed, 2 settings, 3 held for a person, 4 something is away, 75 locked."""

    help = (
        "Bring this store's photos up to head office's. Exit status: 0 all is here; 1 some photos failed and will be tried "
        "again; 2 settings or usage; 3 removals wait for a person (etalase edge held); 4 head office, bucket or database is "
        "away or unintelligible; 75 another run is under way."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--full``, ``--off-peak``, ``--dry-run``, ``--wait``, ``--quiet``."""
        super().add_arguments(parser)
        parser.add_argument("--full", action="store_true", help="compare the whole feed with rows and bucket")
        parser.add_argument("--off-peak", action="store_true", help="with --full: wait for the widest step of BANDWIDTH first")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
        parser.add_argument("--wait", action="store_true", help=WAIT_HELP)
        parser.add_argument("--quiet", action="store_true", help=QUIET_HELP)

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Run, and show the report."""
        quiet = options["quiet"] or options["json"]
        with terminable():
            if options["off_peak"]:
                self._await_off_peak(settings, full=options["full"], quiet=quiet)
            gc.freeze()  # what is loaded by now stays loaded: the collector need not look at it again and again
            with real_world(settings) as world, watcher(quiet=quiet, limit=world.limiter.describe) as watching:
                report = sync(
                    world,
                    full=options["full"],
                    trigger="hand",
                    wait_seconds=LONGEST_WAIT_SECONDS if options["wait"] else 0.0,
                    dry_run=options["dry_run"],
                    watcher=watching,
                )
        return self.tell(report, as_json=options["json"])

    def tell(self, report: Report, *, as_json: bool) -> int:
        """Show the report; its exit status comes back."""
        if as_json:
            self.show(report.as_json())
        else:
            self._say(report)
        return report.exit_status

    def _await_off_peak(self, settings: EdgeSettings, *, full: bool, quiet: bool) -> None:
        """Sleep until the widest step of the timetable. Raises :class:`UsageError` where there is nothing to wait for."""
        if not full:
            raise UsageError("--off-peak is for a full run.", hint="Write --full --off-peak.")
        if not settings.BANDWIDTH.is_timetable:
            raise UsageError(
                "--off-peak waits for the widest step of BANDWIDTH, and BANDWIDTH is no timetable.",
                hint="Set one, as in 06:00,512k 23:00,off.",
            )
        zone = get_default_timezone()
        said = quiet
        while seconds := settings.BANDWIDTH.seconds_to_widest(now := time.time(), zone):
            if not said:
                self.stderr.write(f"waiting for off-peak, until {time_text(now + seconds, now, zone)}")
                said = True
            # In short pieces, so that a clock that is set right meanwhile is believed.
            time.sleep(min(seconds, 60.0))

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
        if report.owed > 20:
            self.stdout.write(f"  … and {report.owed - 20} more: etalase edge failures")
        if report.held:
            self.stdout.write(f"{report.held} removals wait for a person: etalase edge held")
        if report.notices:
            from etalase.edge.status.words import Words  # rare, and a quiet run need not load the sentences

            for notice in report.notices:
                self.stdout.write(Words("en").notice(notice))

    def _foretell(self, forecast: dict[str, Any]) -> None:
        seconds, rate = forecast.get("seconds_at_limit"), forecast.get("limit_bytes_per_second")
        how_long = f", {duration_text(seconds)} at {rate_text(rate)}" if seconds is not None and rate else ""
        held = forecast["removals_to_hold"]
        spooled = forecast["bytes_in_spool"]
        kept = f", {spooled / 1024 / 1024:.1f} MiB of it here already" if spooled else ""
        asked = f", and ask a person about {len(held)} more" if held else ""
        self.stdout.write(
            f"Would fetch {forecast['photos_to_fetch']} photos "
            f"({forecast['bytes_to_fetch'] / 1024 / 1024:.1f} MiB{kept}{how_long}), "
            f"update {forecast['rows_to_update']} rows, remove {len(forecast['removals'])} photos{asked}."
        )
        for would, removals in (("would remove", forecast["removals"]), ("would ask before removing", held)):
            for removal in removals:
                self.stdout.write(f"  {would} a photo of {printable(removal['product_name'])} ({removal['photo_id']})")


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM end a run the way Ctrl-C does: in order."""

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
