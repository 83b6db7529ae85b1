"""`etalase head-office remove`: undoes an init."""

from etalase.head_office.database import as_database_error
from etalase.kit.command import RemoveCommand
from etalase.kit.head_office import HEAD_OFFICE


class Command(RemoveCommand):
    """Removes units, settings and user; the data only with ``--with-data``."""

    explain_database_error = staticmethod(as_database_error)
    kit = HEAD_OFFICE
    help = (
        "Remove what init has made: units, settings, user. Database, role and photos stay, except with --with-data; "
        "ADMIN_DATABASE_URL, S3_ADMIN_ACCESS_KEY and S3_ADMIN_SECRET_KEY are read from the environment, as by init."
    )
