"""Defines the base of the commands that start a run: ``--wait``, ``--quiet``, progress, and the printed result."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from etalase import formatting
from etalase.edge.command_names import as_typed
from etalase.edge.management.edge_command import EdgeCommand
from etalase.edge.sync.result import RunResult
from etalase.edge.sync.services import Services, real_services
from etalase.progress import Progress, shown
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings

LONGEST_WAIT_SECONDS = 55 * 60.0


class SyncCommand(EdgeCommand):
    """A command that acquires the lock of runs."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--wait`` and ``--quiet``."""
        super().add_arguments(parser)
        parser.add_argument("--wait", action="store_true", help="wait up to 55 minutes for a run in flight")
        parser.add_argument("--quiet", action="store_true", help="no progress on stderr")

    def is_quiet(self, options: dict[str, Any]) -> bool:
        """Returns whether progress is hidden."""
        return bool(options["quiet"] or options["json"])

    def wait_seconds(self, options: dict[str, Any]) -> float:
        """Returns how long to wait for the lock."""
        return LONGEST_WAIT_SECONDS if options["wait"] else 0.0

    @contextmanager
    def watched(self, settings: EdgeSettings, options: dict[str, Any]) -> Iterator[tuple[Services, Progress]]:
        """Yields the services of a run, and its progress, shown on stderr."""
        quiet = self.is_quiet(options)
        with (
            real_services(settings) as services,
            shown(
                Progress(bytes_done=lambda: services.images.bytes_received, limit=services.limiter.describe), quiet=quiet
            ) as progress,
        ):
            yield services, progress

    def show_result(self, report: RunResult, *, as_json: bool) -> int:
        """Shows the result. Returns its exit status."""
        if as_json:
            self.show_json(report.as_json())
        else:
            self.print_result(report)
        return report.exit_status

    def print_result(self, report: RunResult) -> None:
        """Prints the result for a person."""
        if report.error is not None:
            self.stderr.write(str(report.error))
        self.stdout.write(
            f"{report.kind} run: {report.outcome.value}. {report.seen} photos seen: {report.fetched} fetched, "
            f"{report.updated} updated, {report.unchanged} unchanged, {report.parked} parked, {report.failed} failed; "
            f"{report.deleted} removed, "
            f"{report.held} held; {formatting.size(report.bytes_fetched)} in {formatting.elapsed(report.duration_seconds)}."
        )
        small = report.renditions
        if small.healed or small.damaged:
            self.stdout.write(f"Small pictures: {small.healed} healed, {small.damaged} still lost or damaged.")
        for failure in report.failures[:20]:
            name, detail = printable(failure["product_name"]), printable(failure["detail"])
            self.stdout.write(f"  {failure['photo_id']} {name}: {failure['reason']}: {detail}")
        if report.owed > 20:
            self.stdout.write(as_typed(f"  … and {report.owed - 20} more: etalase edge failures"))
        if report.damaged:
            self.stdout.write(as_typed(f"{report.damaged} photos are damaged: etalase edge status"))
        if report.held:
            self.stdout.write(as_typed(f"{report.held} removals wait for a person: etalase edge held"))
        if report.notices:
            from etalase.edge.status.localize import Words  # rare, and a quiet run need not load the sentences

            for notice in report.notices:
                self.stdout.write(Words("en").notice(notice))
