"""Runs `etalase edge retry`: retries failed photos now."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from etalase.edge.clock import Clock
from etalase.edge.management.sync_command import SyncCommand
from etalase.edge.sync import storage
from etalase.edge.sync.orders import sync_and_obey
from etalase.edge.sync.result import Trigger
from etalase.settings.edge import EdgeSettings


class Command(SyncCommand):
    """Exit status: as that of `sync`; 2 if a named photo is not on the retry list."""

    help = (
        "Retry the photos on the retry list now (etalase edge failures lists them), all of them or those named, in a run "
        "that also syncs changes. Without a name also the photos of which no small pictures could be made. "
        "Exit status: as that of sync; 2 if a named photo is not on the list."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``PHOTO …``."""
        super().add_arguments(parser)
        parser.add_argument("photo", nargs="*", type=UUID, help="id of a photo on the retry list; none: all of them")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Marks the photos as due, and runs."""
        storage.checkpoint.OwnStore(settings.COMPANY_ID, settings.STORE_ID).claim()
        storage.retry_list.make_due(options["photo"] or None, now=Clock().utc())
        if not options["photo"]:
            storage.made_renditions.try_all_again()
        with self.watched(settings, options) as (services, progress):
            report = sync_and_obey(
                services, full=False, trigger=Trigger.RETRY, wait_seconds=self.wait_seconds(options), progress=progress
            )
        return self.show_result(report, as_json=options["json"])
