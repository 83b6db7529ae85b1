"""Runs `etalase edge leave`: takes Etalase out, and keeps product, product_photo and the bucket."""

from argparse import ArgumentParser
from typing import Any

from etalase.edge import leaving
from etalase.edge.clock import Clock
from etalase.edge.command_names import as_typed, is_in_project
from etalase.edge.management.edge_command import EdgeCommand
from etalase.edge.sync.lock import RunLock
from etalase.errors import ObjectStoreError
from etalase.own_bucket import own_bucket
from etalase.settings.edge import EdgeSettings


class Command(EdgeCommand):
    """Exit status: 0 done or listed, 2 other tables refer to ours, 75 a run is in progress."""

    help = (
        "Say what to remove to go back to the guide's code, in order; with --apply, drop Etalase's own tables, and delete its "
        "small pictures. product, product_photo and the photos stay. Exit status: 0; 2 other tables refer to ours; 75 a run is "
        "in progress."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--apply``."""
        super().add_arguments(parser)
        parser.add_argument("--apply", action="store_true", help="drop Etalase's own tables, and delete its small pictures")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Lists the steps, or drops the tables."""
        tables, renditions, remaining = leaving.our_tables(), leaving.rendition_keys(), 0
        decisions = leaving.decisions()
        if options["apply"]:
            with RunLock(settings.STORE_ID, Clock()).held(full=False, wait_seconds=0.0):
                if others := leaving.references(tables):
                    raise leaving.refused(others)
                remaining = self._delete(settings, renditions)
                leaving.drop(tables)
        left = leaving.traces() if is_in_project() else leaving.Traces()
        steps = leaving.steps(
            [] if options["apply"] else tables,
            left,
            in_project=is_in_project(),
            renditions=len(renditions),
            decisions=decisions,
        )
        if options["json"]:
            references = [] if options["apply"] else leaving.references(tables)
            self.show_json(
                {
                    "applied": options["apply"],
                    "tables": tables,
                    "renditions": len(renditions),
                    "renditions_left": remaining,
                    "decisions": decisions,
                    "references": references,
                    "steps": steps,
                }
            )
            return 0
        if options["apply"]:
            self.stdout.write(f"Dropped {', '.join(tables) or 'no table'}. product, product_photo and their objects stay.")
            if decisions:
                self.stdout.write(f"{decisions} decisions of persons are forgotten, unless you have kept them in a file.")
            if renditions:
                self.stdout.write(f"Deleted {len(renditions) - remaining} small pictures below renditions/.")
            if remaining:
                self.stdout.write(f"{remaining} are still there: delete what is below renditions/ in the bucket by hand.")
        self.stdout.write(as_typed("Then, in this order:") if options["apply"] else "To go back, in this order:")
        for number, step in enumerate(steps, start=1):
            self.stdout.write(f"  {number}. {step}")
        return 0

    def _delete(self, settings: EdgeSettings, keys: list[str]) -> int:
        """Deletes the small pictures, as far as the bucket allows. Returns the number of those that are still there."""
        bucket = own_bucket(settings)
        for number, key in enumerate(keys):
            try:
                bucket.delete([key])
            except ObjectStoreError as error:
                self.stderr.write(str(error))
                return len(keys) - number
        return 0
