"""`etalase edge remove`: undoes an init."""

from etalase.edge.database import as_database_error
from etalase.kit.command import RemoveCommand
from etalase.kit.edge import EDGE


class Command(RemoveCommand):
    """Removes units, settings and user; the data only with ``--with-data``."""

    explain_database_error = staticmethod(as_database_error)
    kit = EDGE
    help = (
        "Remove what init has made: units, settings, user. Database, role and photos stay, except with --with-data; "
        "ADMIN_DATABASE_URL, S3_ADMIN_ACCESS_KEY and S3_ADMIN_SECRET_KEY are read from the environment, as by init."
    )
