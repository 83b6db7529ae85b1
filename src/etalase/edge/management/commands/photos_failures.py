"""Runs `etalase edge failures`: lists the failed photos, with the time of the next retry."""

from typing import Any

from etalase.edge.database import translated
from etalase.edge.management.edge_command import EdgeCommand
from etalase.edge.models import PendingPhoto
from etalase.edge.sync import storage
from etalase.errors import PARKED, Reason
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings


class Command(EdgeCommand):
    """Exit status: 0 none failed (parked ones included), 1 some did."""

    help = "List the photos on the retry list, with reason, attempts and next retry. Exit status: 0 none failed, 1 some did."

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Prints them."""
        with translated():
            entries = list(PendingPhoto.objects.order_by("product_name", "photo_id"))
        failed = [entry for entry in entries if entry.reason not in PARKED]
        if options["json"]:
            failures = [{**storage.retry_list.to_json(entry), "class": _class_of(entry.reason)} for entry in entries]
            self.show_json({"failures": failures})
        elif not entries:
            self.stdout.write("No photo is on the retry list.")
        else:
            for entry in entries:
                shown = storage.retry_list.to_json(entry)
                next_try = entry.next_try_at.astimezone().strftime("%Y-%m-%d %H:%M")
                self.stdout.write(
                    f"{entry.photo_id}  {printable(entry.product_name)}\n"
                    f"    {entry.reason} ({_class_of(entry.reason)}): {printable(shown['detail'])}\n"
                    f"    {entry.attempts} attempt(s), next retry {next_try}"
                )
        return 1 if failed else 0


def _class_of(reason: str) -> str:
    """Returns the class of a reason; of one that only another version knows, "unknown"."""
    return next((known.policy.kind.value for known in Reason if known == reason), "unknown")
