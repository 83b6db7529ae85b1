"""`etalase edge init`: sets up a bare machine."""

from etalase.edge.database import as_database_error
from etalase.kit.command import InitCommand
from etalase.kit.edge import EDGE


class Command(InitCommand):
    """Asks, makes what is missing, and ends with the doctor."""

    explain_database_error = staticmethod(as_database_error)
    kit = EDGE
    help = (
        "Set up this machine as edge: settings, user, database, bucket and systemd's units; then migrate, and look "
        "with the doctor. Asks for what flags, environment and --answers leave open. Again, it changes only what is not right."
    )
