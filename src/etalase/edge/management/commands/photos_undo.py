"""Runs `etalase edge undo`: restores removed photos during their grace period."""

from argparse import ArgumentParser, ArgumentTypeError
from collections import defaultdict
from typing import Any
from uuid import UUID

from etalase import formatting
from etalase.edge.clock import Clock
from etalase.edge.command_names import as_typed
from etalase.edge.management.edge_command import EdgeCommand
from etalase.edge.models import Removal
from etalase.edge.sync import removal_decisions, storage
from etalase.edge.sync.lock import RunLock
from etalase.errors import UsageError
from etalase.formatting import counted
from etalase.own_bucket import own_bucket
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings

# A run's number has fewer; a UUID without hyphens has 32 characters, perhaps all digits.
MAX_DIGITS = 19


class Command(EdgeCommand):
    """Exit status: 0 done, 1 some could not be restored, 2 nothing of that was removed."""

    help = (
        "Restore removed photos, by the number of the run that proposed their removal or by their ids. Possible while their "
        "objects' grace (ETALASE_RECLAIM_GRACE) lasts; without number and id, list what can be undone. "
        "They stay until head office lists them again. "
        "Exit status: 0 done; 1 some could not be restored; 2 the run removed nothing, or not this photo."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``[RUN | PHOTO …]``."""
        super().add_arguments(parser)
        parser.add_argument(
            "what",
            nargs="*",
            type=_run_or_photo,
            metavar="RUN | PHOTO",
            help="number of the run that proposed the removals, or ids of removed photos",
        )

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Restores the photos of a run, or single photos, or lists what can be restored."""
        which = _which(options["what"])
        if which is None:
            self._list(settings, as_json=options["json"])
            return 0
        storage.checkpoint.OwnStore(settings.COMPANY_ID, settings.STORE_ID).claim()
        products = storage.products.ProductTable(name_field=settings.PRODUCT_NAME_FIELD, sku_field=settings.PRODUCT_SKU_FIELD)
        lock = RunLock(settings.STORE_ID, Clock())
        undone = removal_decisions.undo(which, lock=lock, bucket=own_bucket(settings), products=products)
        if options["json"]:
            self.show_json(
                {
                    "restored": [str(removal.photo_id) for removal in undone.restored],
                    "lost": [{"photo_id": str(removal.photo_id), "why": why} for removal, why in undone.lost],
                }
            )
        else:
            self.stdout.write(f"{counted(len(undone.restored), 'photo')} restored; each stays until it is listed again.")
            for removal, why in undone.lost:
                self.stdout.write(f"  not restored: {printable(removal.product_name) or removal.photo_id}: {why}")
        return 1 if undone.lost else 0

    def _list(self, settings: EdgeSettings, *, as_json: bool) -> None:
        since = Clock().utc() - settings.RECLAIM_GRACE
        by_run: dict[int, list[Removal]] = defaultdict(list)
        for removal in storage.removals.in_states([Removal.State.APPLIED]):
            if removal.run_id is not None and removal.decided_at and removal.decided_at > since:
                by_run[removal.run_id].append(removal)
        if as_json:
            self.show_json({"runs": [_described(run_id, removals) for run_id, removals in sorted(by_run.items())]})
            return
        if not by_run:
            self.stdout.write(
                f"Nothing was removed within the grace of {formatting.duration(settings.RECLAIM_GRACE.total_seconds())}."
            )
        for run_id, removals in sorted(by_run.items()):
            names = ", ".join(dict.fromkeys(printable(one.product_name or f"product {one.product_id}") for one in removals))
            last = min(removal.decided_at for removal in removals if removal.decided_at) + settings.RECLAIM_GRACE
            until = last.astimezone().strftime("%Y-%m-%d %H:%M")
            self.stdout.write(
                as_typed(
                    f"run {run_id}: {counted(len(removals), 'photo')}, of {names}; until {until}: etalase edge undo {run_id}"
                )
            )


def _run_or_photo(text: str) -> int | UUID:
    """Returns the number of a run, or the id of a photo."""
    if text.isascii() and text.isdecimal() and len(text) < MAX_DIGITS:
        return int(text)
    try:
        return UUID(text)
    except ValueError as error:
        raise ArgumentTypeError(f"neither the number of a run nor the id of a photo: {text!r}") from error


def _which(named: list[int | UUID]) -> int | list[UUID] | None:
    """Returns one run, or photos; None for neither."""
    photos = [one for one in named if isinstance(one, UUID)]
    runs = [one for one in named if isinstance(one, int)]
    if len(runs) > 1 or (runs and photos):
        raise UsageError("Name one run, or photos.")
    return photos or (runs[0] if runs else None)


def _described(run_id: int, removals: list[Removal]) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "photos": [
            {
                "photo_id": str(removal.photo_id),
                "product_name": removal.product_name,
                "approved": removal.approved,
                "removed_at": removal.decided_at.isoformat() if removal.decided_at else None,
            }
            for removal in removals
        ],
    }
