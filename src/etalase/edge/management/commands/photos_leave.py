"""Runs `etalase edge leave`: takes Etalase out, and keeps product, product_photo and the bucket."""

from argparse import ArgumentParser
from typing import Any

from etalase.edge import leaving
from etalase.edge.clock import Clock
from etalase.edge.command_names import as_typed, is_in_project
from etalase.edge.management.edge_command import EdgeCommand
from etalase.edge.sync.lock import RunLock
from etalase.settings.edge import EdgeSettings


class Command(EdgeCommand):
    """Exit status: 0 done or listed, 2 other tables refer to ours, 75 a run is in progress."""

    help = (
        "Say what to remove to go back to the guide's code, in order; with --apply, drop Etalase's own tables. product, "
        "product_photo and the bucket stay. Exit status: 0; 2 other tables refer to ours; 75 a run is in progress."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--apply``."""
        super().add_arguments(parser)
        parser.add_argument("--apply", action="store_true", help="drop Etalase's own tables")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Lists the steps, or drops the tables."""
        tables = leaving.our_tables()
        if options["apply"]:
            with RunLock(settings.STORE_ID, Clock()).held(full=False, wait_seconds=0.0):
                leaving.drop(tables)
        left = leaving.traces() if is_in_project() else leaving.Traces()
        steps = leaving.steps([] if options["apply"] else tables, left, in_project=is_in_project())
        if options["json"]:
            references = [] if options["apply"] else leaving.references(tables)
            self.show_json({"applied": options["apply"], "tables": tables, "references": references, "steps": steps})
            return 0
        if options["apply"]:
            self.stdout.write(f"Dropped {', '.join(tables) or 'no table'}. product, product_photo and the bucket stay.")
        self.stdout.write(as_typed("Then, in this order:") if options["apply"] else "To go back, in this order:")
        for number, step in enumerate(steps, start=1):
            self.stdout.write(f"  {number}. {step}")
        return 0
