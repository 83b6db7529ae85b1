"""`etalase edge init`: sets up a bare machine."""

from etalase.edge.database import as_database_error
from etalase.kit.edge_init import EdgeInitCommand


class Command(EdgeInitCommand):
    """Asks, makes what is missing, and ends with the doctor."""

    explain_database_error = staticmethod(as_database_error)
    help = (
        "Set up this machine as edge: settings, user, database, bucket and systemd's units; then migrate, and look "
        "with the doctor. With --join, head office answers. Asks for what flags, environment and --answers leave open. Again, "
        "it changes only what is not right."
    )
