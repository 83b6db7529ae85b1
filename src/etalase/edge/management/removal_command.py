"""Defines the base of `approve` and `refuse`: a person's decision on held removals."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from etalase.edge.clock import Clock
from etalase.edge.management.edge_command import EdgeCommand
from etalase.edge.models import Removal
from etalase.edge.sync import removal_decisions, storage
from etalase.edge.sync.lock import RunLock
from etalase.errors import UsageError
from etalase.protocol import printable
from etalase.settings.edge import EdgeSettings


class RemovalCommand(EdgeCommand):
    """Exit status: 0 done, 1 a rule of the database keeps some, 2 a named photo is not held.

    ``done`` names the count in ``--json``.
    """

    done: ClassVar[str]
    may_be_blocked: ClassVar[bool] = False
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
        lock = RunLock(settings.STORE_ID, Clock())
        count, blocked = self.decide(removals, lock, settings) if removals else (0, [])
        described = [
            {
                "photo_id": str(one.photo_id),
                "product_name": one.product_name,
                "blocked_by": storage.removed_rows.blocked_by(one),
            }
            for one in blocked
        ]
        result = {self.done: count, **({"blocked": described} if self.may_be_blocked else {})}
        lines = [
            f"  not removed: {printable(one['product_name']) or one['photo_id']}: {printable(one['blocked_by'])}"
            for one in described
        ]
        self.show(result, "\n".join([self.sentence(count, settings), *lines]), as_json=options["json"])
        return 1 if blocked else 0

    def decide(self, removals: Sequence[Removal], lock: RunLock, settings: EdgeSettings) -> tuple[int, list[Removal]]:
        """Executes the decision on ``removals``. Returns the number of done ones, and the blocked ones."""
        raise NotImplementedError

    def sentence(self, count: int, settings: EdgeSettings) -> str:
        """Returns the result as a sentence."""
        raise NotImplementedError
