"""Runs `etalase edge refuse`: keeps photos whose removal is held."""

from collections.abc import Sequence

from etalase.edge.management.removal_command import RemovalCommand
from etalase.edge.models import Removal
from etalase.edge.sync import removal_decisions
from etalase.edge.sync.lock import RunLock
from etalase.formatting import counted
from etalase.settings.edge import EdgeSettings


class Command(RemovalCommand):
    """Exit status: 0 done, 2 a named photo is not held."""

    help = "Keep photos whose removal is held (etalase edge held lists them)."
    done = "kept"

    def decide(self, removals: Sequence[Removal], lock: RunLock, settings: EdgeSettings) -> tuple[int, list[Removal]]:
        """Keeps them."""
        return removal_decisions.refuse(removals, lock=lock), []

    def sentence(self, count: int, settings: EdgeSettings) -> str:
        """Returns how many photos are kept."""
        return f"{counted(count, 'photo')} kept."
