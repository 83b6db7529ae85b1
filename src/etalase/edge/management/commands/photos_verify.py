"""Runs `etalase edge verify`: compares head office's list, rows and bucket; `--repair` makes them equal."""

from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from typing import Any

from etalase.edge.management.sync_command import SyncCommand
from etalase.edge.sync.run import sync
from etalase.edge.sync.verify import Difference, Verification, healed_by, verify
from etalase.formatting import counted
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings

MEANING = {
    "missing": "its object is missing",
    "cut": "its object was cut",
    "changed": "its object has other bytes",
    "mistyped": "its object is served as another type",
    "unreadable": "its object is there but cannot be read",
    "not_here": "is not here yet",
    "outdated": "is not head office's present one",
    "row_differs": "its row differs from head office's",
    "not_listed": "head office does not list it any more",
    "not_usable": "cannot be used as head office lists it",
    "orphan": "belongs to no row",
    "not_public": "is there, but no POS can read it: the bucket's policy was removed, or denies it",
}
MAX_SHOWN = 50


class Command(SyncCommand):
    """Exit status: 0 equal, 1 not, 4 a server is away, 75 a run is in flight."""

    help = (
        "Compare head office's list, this edge's rows and its bucket, and show the differences; nothing is changed without "
        "--repair. Exit status: 0 equal; 1 not; 4 head office, bucket or database away; 75 a run is in flight."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``--deep`` and ``--repair``."""
        super().add_arguments(parser)
        parser.add_argument("--deep", action="store_true", help="read and hash every object, instead of trusting the listing")
        parser.add_argument("--repair", action="store_true", help="then make it equal by a full run, and compare again")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Compares and shows the result; repairs on request."""
        repaired: dict[str, Any] = {}
        found = self._verify(settings, options)
        if options["repair"] and found.differences:
            before = found
            if not options["json"]:
                self._print_differences(found)
            with self.watched(settings, options) as (services, progress):
                wait_seconds = self.wait_seconds(options)
                report = sync(services, full=True, deep=options["deep"], wait_seconds=wait_seconds, progress=progress)
            found = self._verify(settings, options)
            healed = healed_by(before, found)
            repaired = {"repaired": report.as_json(), "healed": [difference.as_json() for difference in healed]}
            if not options["json"]:
                photos = sum(not difference.is_rendition for difference in healed)
                small = counted(len(healed) - photos, "small picture")
                self.stdout.write(f"Repair: {counted(photos, 'photo')} and {small} healed.")
                self._print_list(healed)
                self.show_result(report, as_json=False)
        if options["json"]:
            self.show_json(found.as_json() | repaired)
        else:
            self._print_differences(found)
        return found.exit_status

    def _verify(self, settings: EdgeSettings, options: dict[str, Any]) -> Verification:
        with self.watched(settings, options) as (services, progress):
            return verify(services, deep=options["deep"], wait_seconds=self.wait_seconds(options), progress=progress)

    def _print_list(self, differences: Sequence[Difference]) -> None:
        for difference in differences[:MAX_SHOWN]:
            self.stdout.write(f"  {_sentence(difference)}")
        if len(differences) > MAX_SHOWN:
            self.stdout.write(f"  … and {len(differences) - MAX_SHOWN} more: --json lists all")

    def _print_differences(self, found: Verification) -> None:
        self._print_list(found.differences)
        if found.error is not None:
            self.stderr.write(str(found.error))
        read = "read and hashed" if found.deep else "listed"
        listed = "head office's list was not compared" if found.listed is None else f"{found.listed} photos at head office"
        if found.listed is not None and not found.proved_complete:
            listed += " (a list that is not proved complete)"
        kept = f"; head office lists {found.kept} no longer, which a person keeps" if found.kept else ""
        kept += (
            f"; {found.own} photos and {found.own_objects} objects are the store's own" if found.own + found.own_objects else ""
        )
        small = f"{found.renditions} small pictures, {found.renditions_waiting} not here yet; " if found.has_renditions else ""
        self.stdout.write(
            f"{self._verdict(found)} {found.rows} rows, {found.objects} objects ({read}), {listed}; {small}"
            f"{found.awaiting_grace} objects wait for their grace, {found.parked} photos for their product, "
            f"{found.held} removals for a person{kept}."
        )

    def _verdict(self, found: Verification) -> str:
        if not found.differences:
            return "EQUAL:" if found.equal else "NOT COMPARED:"
        kinds = ", ".join(f"{count} {what}" for what, count in Counter(d.what for d in found.differences).most_common())
        return f"NOT EQUAL ({kinds}):"


def _sentence(difference: Difference) -> str:
    name = printable(difference.product_name) or printable(difference.object_key) or str(difference.photo_id or "")
    detail = f" ({printable(difference.detail)})" if difference.detail else ""
    where = f"  {printable(difference.object_key)}" if difference.product_name else ""
    meaning = MEANING.get(difference.what, difference.what)
    if difference.is_rendition:
        meaning = meaning.replace("its object", "its small picture")
    return f"{name}: {meaning}{detail}{where}"
