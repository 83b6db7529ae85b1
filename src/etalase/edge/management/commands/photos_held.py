"""Runs `etalase edge held`: lists the removals that wait for a person."""

from collections import defaultdict
from typing import Any

from etalase.edge.command_names import as_typed
from etalase.edge.management.edge_command import EdgeCommand
from etalase.edge.models import Removal
from etalase.edge.sync import removal_decisions, storage
from etalase.formatting import counted
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings

WHY = {
    "deleted_id": "head office deleted it",
    "sweep": "head office's full list does not have it any more",
    "empty_feed": "head office's list was empty",
    "unproved_feed": "head office deleted it, in a list that was not proved complete",
    "unnamed_feed": "head office deleted it, in a list that does not name its store",
}


class Command(EdgeCommand):
    """Exit status: 0 nothing is held, 3 something is."""

    help = "List the photos whose removal waits for a person, by product. Exit status: 0 none, 3 some."

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Prints them."""
        held = storage.removals.in_states([Removal.State.HELD])
        after = removal_decisions.consequences(held)
        if options["json"]:
            self.show_json(
                {
                    "held": [
                        {
                            "photo_id": str(removal.photo_id),
                            "product_id": str(removal.product_id),
                            "product_name": removal.product_name,
                            "cause": removal.cause,
                            "noticed_at": removal.noticed_at.isoformat(),
                            "run_id": removal.run_id,
                            "pos_shows": after[removal.product_id].shows,
                            "pos_would_show": after[removal.product_id].would_show,
                            "replaced": after[removal.product_id].is_replaced,
                            "blocked_by": storage.removed_rows.blocked_by(removal) or None,
                        }
                        for removal in held
                    ]
                }
            )
            return 3 if held else 0
        by_product: dict[tuple[str, Any], list[Removal]] = defaultdict(list)
        for removal in held:
            by_product[removal.product_name, removal.product_id].append(removal)
        if not held:
            self.stdout.write("No removal waits for a person.")
            return 0
        self.stdout.write(f"{len(held)} removals of {len(by_product)} products wait; until then, nothing changes on the POS:")
        for (name, product_id), removals in by_product.items():
            self.stdout.write(f"  {printable(name) or product_id}: {_change(len(removals), after[product_id])}")
            for removal in removals:
                when = removal.noticed_at.astimezone().strftime("%Y-%m-%d %H:%M")
                self.stdout.write(f"    {removal.photo_id}  {WHY.get(removal.cause, removal.cause)}, noticed {when}")
                if rule := storage.removed_rows.blocked_by(removal):
                    self.stdout.write(f"      this store's database keeps its row: {printable(rule)}; each run tries again")
        self.stdout.write(
            as_typed("Remove them: etalase edge approve --all | PHOTO …   Keep them: etalase edge refuse --all | PHOTO …")
        )
        return 3


def _change(count: int, after: removal_decisions.Consequence) -> str:
    """Returns what an approval would change on the POS."""
    photos = counted(count, "photo")
    if after.is_replaced:
        return f"would lose {photos}; the POS shows the new product with the same SKU; refused, it would show both"
    if after.would_show is None:
        return f"would lose {photos}, its last: the POS would show the placeholder instead of {printable(after.shows or '')}"
    if after.would_show == after.shows:
        return f"would lose {photos}, and show the same one as now ({printable(after.shows)})"
    return f"would lose {photos}, and show {printable(after.would_show)} instead of {printable(after.shows or '')}"
