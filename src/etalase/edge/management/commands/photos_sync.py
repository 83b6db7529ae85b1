"""`etalase edge sync`: one run, now."""

import time
from argparse import ArgumentParser
from typing import Any

from django.utils.timezone import get_default_timezone

from etalase import formatting
from etalase.edge.management.sync_command import SyncCommand
from etalase.edge.sync.result import RunResult
from etalase.edge.sync.run import sync
from etalase.errors import UsageError
from etalase.protocol import printable
from etalase.settings.bandwidth import time_text
from etalase.settings.edge import EdgeSettings


class Command(SyncCommand):
    """Exit status: 0 success, 1 some photos failed, 2 settings, 3 held for a person, 4 something is away, 75 locked."""

    help = (
        "Bring this store's photos up to head office's. Exit status: 0 all is here; 1 some photos failed and will be tried "
        "again; 2 settings or usage; 3 removals wait for a person (etalase edge held); 4 head office, bucket or database is "
        "away or unintelligible; 75 another run is under way."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add ``--full``, ``--off-peak`` and ``--dry-run``."""
        super().add_arguments(parser)
        parser.add_argument("--full", action="store_true", help="compare the whole feed with rows and bucket")
        parser.add_argument(
            "--off-peak", action="store_true", help="with --full: wait for the widest step of ETALASE_BANDWIDTH first"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Run, and print the result."""
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
        return self.tell(report, as_json=options["json"])

    def say(self, report: RunResult) -> None:
        """Print the result; of a dry run, its forecast."""
        if report.forecast is None or report.error is not None:
            super().say(report)
        else:
            self._foretell(report.forecast)

    def _await_off_peak(self, settings: EdgeSettings, *, full: bool, quiet: bool) -> None:
        """Sleep until the widest step of the timetable. Raises :class:`UsageError` where there is nothing to wait for."""
        if not full:
            raise UsageError("--off-peak is for a full run.", hint="Write --full --off-peak.")
        if not settings.BANDWIDTH.is_timetable:
            raise UsageError(
                "--off-peak waits for the widest step of ETALASE_BANDWIDTH, and that is not a timetable.",
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

    def _foretell(self, forecast: dict[str, Any]) -> None:
        seconds, rate = forecast.get("seconds_at_limit"), forecast.get("limit_bytes_per_second")
        how_long = f", about {formatting.duration(seconds)} at {formatting.rate(rate)}" if seconds is not None and rate else ""
        held = forecast["removals_to_hold"]
        spooled = forecast["bytes_in_spool"]
        kept = f", {formatting.size(spooled)} of it here already" if spooled else ""
        copies = f"copy {forecast['photos_to_copy']} photos within the bucket, " if forecast["photos_to_copy"] else ""
        asked = f", and ask a person about {len(held)} more" if held else ""
        self.stdout.write(
            f"Would fetch {forecast['photos_to_fetch']} photos "
            f"({formatting.size(forecast['bytes_to_fetch'])}{kept}{how_long}), "
            f"{copies}update {forecast['rows_to_update']} rows, remove {len(forecast['removals'])} photos{asked}."
        )
        for would, removals in (("would remove", forecast["removals"]), ("would ask before removing", held)):
            for removal in removals:
                self.stdout.write(f"  {would} a photo of {printable(removal['product_name'])} ({removal['photo_id']})")
