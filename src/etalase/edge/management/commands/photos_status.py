"""`etalase edge status`: how this store's photos are, honestly."""

from typing import Any

from etalase.edge import status
from etalase.edge.management.door import EdgeCommand
from etalase.settings.edge import EdgeSettings


class Command(EdgeCommand):
    """Exit status: 0 all is well, 1 photos are missing or old news, 3 something is held, 4 never synced."""

    help = (
        "Say how this store's photos are: how fresh, what is missing, what waits for a person. "
        "Exit status: 0 all is well; 1 something is missing, failed or stale; 3 removals are held; 4 no run has succeeded yet."
    )

    def perform(self, settings: EdgeSettings, options: dict[str, Any]) -> int:
        """Show it."""
        state = status.read()
        if options["json"]:
            self.show(state.as_json())
        else:
            self.stdout.write("\n".join(state.lines()))
        return state.exit_status
