"""Defines the base of `approve` and `refuse`: a person's decision on held removals."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from etalase.edge.management.edge_command import EdgeCommand
from etalase.edge.models import Removal
from etalase.edge.sync import removal_decisions, storage
from etalase.edge.sync.clock import Clock
from etalase.edge.sync.lock import RunLock
from etalase.errors import UsageError
from etalase.settings.edge import EdgeSettings


class RemovalCommand(EdgeCommand):
    """Exit status: 0 done, 2 a named photo is not held. ``done`` names the count in ``--json``."""

    done: ClassVar[str]
    states: ClassVar[Sequence[str]] = (Removal.State.HELD,)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds ``PHOTO …`` and ``--all``."""
        super().add_arguments(parser)
        parser.add_argument("photo", nargs="*", type=UUID, help="id of a photo whose removal is held")
        parser.add_argument("--all", action="store_true", help="all that are held")

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Decides on the chosen removals and prints their number."""
        if bool(options["photo"]) == options["all"]:
            raise UsageError("Name photos, or add --all.")
        storage.checkpoint.OwnStore(settings.COMPANY_ID, settings.STORE_ID).claim()
        removals = removal_decisions.chosen(options["photo"], everything=options["all"], states=self.states)
        count = self.decide(removals, RunLock(settings.STORE_ID, Clock()), settings) if removals else 0
        self.show({self.done: count}, self.sentence(count, settings), as_json=options["json"])
        return 0

    def decide(self, removals: Sequence[Removal], lock: RunLock, settings: EdgeSettings) -> int:
        """Executes the decision on ``removals``. Returns their number."""
        raise NotImplementedError

    def sentence(self, count: int, settings: EdgeSettings) -> str:
        """Returns the result as a sentence."""
        raise NotImplementedError
