"""`etalase edge approve`: remove photos whose removal is held."""

from collections.abc import Sequence

from etalase.edge.management.removal_command import WordCommand, hours_text
from etalase.edge.models import Removal
from etalase.edge.sync import removal_decisions
from etalase.edge.sync.lock import RunLock
from etalase.settings.edge import EdgeSettings


class Command(WordCommand):
    """Exit status: 0 done, 2 a photo named is not held."""

    help = "Remove photos whose removal is held (etalase edge held lists them), or, by name, was refused."
    done = "removed"
    states = removal_decisions.APPROVABLE

    def give(self, removals: Sequence[Removal], lock: RunLock, settings: EdgeSettings) -> int:
        """Remove them."""
        return removal_decisions.approve(removals, lock=lock)

    def said(self, count: int, settings: EdgeSettings) -> str:
        """How many went."""
        grace = hours_text(settings.RECLAIM_GRACE)
        return f"{count} photos removed; their objects follow after {grace}, until when etalase edge undo brings them back."
