"""Runs `etalase edge approve`: removes photos whose removal is held."""

from collections.abc import Sequence

from etalase import formatting
from etalase.edge.command_names import as_typed
from etalase.edge.management.removal_command import RemovalCommand
from etalase.edge.models import Removal
from etalase.edge.sync import removal_decisions
from etalase.edge.sync.lock import RunLock
from etalase.formatting import counted
from etalase.settings.edge import EdgeSettings


class Command(RemovalCommand):
    """Exit status: 0 done, 1 a rule of the database keeps some, 2 a named photo is not held."""

    help = (
        "Remove photos whose removal is held (etalase edge held lists them), or, by name, was refused. "
        "Exit status: 0 done; 1 a rule of the store's own database keeps some; 2 a named photo is not held."
    )
    done = "removed"
    may_be_blocked = True
    states = removal_decisions.APPROVABLE

    def decide(self, removals: Sequence[Removal], lock: RunLock, settings: EdgeSettings) -> tuple[int, list[Removal]]:
        """Removes them."""
        approved = removal_decisions.approve(removals, lock=lock)
        return approved.removed, approved.blocked

    def sentence(self, count: int, settings: EdgeSettings) -> str:
        """Returns how many photos were removed, and until when that can be undone."""
        grace = formatting.duration(settings.RECLAIM_GRACE.total_seconds())
        photos = counted(count, "photo")
        return as_typed(
            f"{photos} removed; their objects follow after {grace}. Until then, etalase edge undo restores the photos."
        )
