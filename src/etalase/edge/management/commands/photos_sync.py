"""Runs `etalase edge sync`: one run, now."""

from argparse import ArgumentParser
from typing import Any

from django.utils.timezone import get_default_timezone

from etalase import formatting
from etalase.edge.clock import Clock
from etalase.edge.management.sync_command import SyncCommand
from etalase.edge.sync.orders import obey
from etalase.edge.sync.result import RunResult
from etalase.edge.sync.run import sync
from etalase.errors import UsageError
from etalase.protocol import printable
from etalase.settings.bandwidth import time_text
from etalase.settings.edge import EdgeSettings


class Command(SyncCommand):
    """Exit status: 0 success, 1 some photos failed, 2 settings, 3 held for a person, 4 a server is away, 75 locked."""

    help = (
        "Sync this store's photos with head office. Exit status: 0 all photos are here; 1 some photos failed and will be "
        "retried; 2 settings or usage; 3 removals wait for a person (etalase edge held); 4 head office, bucket or database is "
        "away or its response is invalid; 75 another run is in flight."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--full``, ``--off-peak`` and ``--dry-run``."""
        super().add_arguments(parser)
        parser.add_argument("--full", action="store_true", help="compare the whole feed with rows and bucket")
        parser.add_argument(
            "--off-peak", action="store_true", help="with --full: wait for the widest step of ETALASE_BANDWIDTH first"
        )
        parser.add_argument("--dry-run", action="store_true", help="show the work of a run, and change nothing")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Runs a sync and shows its result."""
        if options["off_peak"]:
            self._await_off_peak(settings, full=options["full"], quiet=self.is_quiet(options))
        with self.watched(settings, options) as (services, progress):
            report = sync(
                services,
                full=options["full"],
                wait_seconds=self.wait_seconds(options),
                dry_run=options["dry_run"],
                progress=progress,
            )
            if not options["dry_run"] and not report.locked:
                obey(services)
        return self.show_result(report, as_json=options["json"])

    def print_result(self, report: RunResult) -> None:
        """Prints the result; of a dry run, its forecast."""
        if report.forecast is None or report.error is not None:
            super().print_result(report)
        else:
            self._print_forecast(report.forecast)

    def _await_off_peak(self, settings: EdgeSettings, *, full: bool, quiet: bool) -> None:
        """Sleeps until the widest step of the timetable. Raises :class:`UsageError` without a timetable or ``--full``."""
        if not full:
            raise UsageError("--off-peak is for a full run.", hint="Write --full --off-peak.")
        if not settings.BANDWIDTH.is_timetable:
            raise UsageError(
                "--off-peak waits for the widest step of ETALASE_BANDWIDTH, and that is not a timetable.",
                hint="Set one, as in 06:00,512k 23:00,off.",
            )
        zone, clock = get_default_timezone(), Clock()
        is_announced = quiet
        while seconds := settings.BANDWIDTH.seconds_to_widest(now := clock.now(), zone):
            if not is_announced:
                self.stderr.write(f"waiting for off-peak, until {time_text(now + seconds, now, zone)}")
                is_announced = True
            # In short steps, so that a correction of the clock meanwhile counts.
            clock.sleep(min(seconds, 60.0))

    def _print_forecast(self, forecast: dict[str, Any]) -> None:
        seconds, rate = forecast.get("seconds_at_limit"), forecast.get("limit_bytes_per_second")
        how_long = f", about {formatting.duration(seconds)} at {formatting.rate(rate)}" if seconds is not None and rate else ""
        held = forecast["removals_to_hold"]
        spooled = forecast["bytes_in_spool"]
        kept = f", {formatting.size(spooled)} of it here already" if spooled else ""
        copies = f"copy {forecast['photos_to_copy']} photos within the bucket, " if forecast["photos_to_copy"] else ""
        waiting = f", and ask a person about {len(held)} more" if held else ""
        if count := forecast["renditions_to_fetch"]:
            size = formatting.size(forecast["rendition_bytes_to_fetch"])
            self.stdout.write(f"Would fetch {count} small pictures ({size}) first.")
        self.stdout.write(
            f"Would fetch {forecast['photos_to_fetch']} photos "
            f"({formatting.size(forecast['bytes_to_fetch'])}{kept}{how_long}), "
            f"{copies}update {forecast['rows_to_update']} rows, remove {len(forecast['removals'])} photos{waiting}."
        )
        if forecast["not_tried"]:
            self.stdout.write(f"  some rows could not be tried against the rules of product_photo: {forecast['not_tried']}")
        for would, removals in (("would remove", forecast["removals"]), ("would ask before removing", held)):
            for removal in removals:
                self.stdout.write(f"  {would} a photo of {printable(removal['product_name'])} ({removal['photo_id']})")
