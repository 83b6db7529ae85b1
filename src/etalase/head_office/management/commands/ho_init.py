"""`etalase head-office init`: sets up a bare machine."""

from etalase.head_office.database import as_database_error
from etalase.kit.command import InitCommand
from etalase.kit.head_office import HEAD_OFFICE


class Command(InitCommand):
    """Asks, makes what is missing, and ends with the doctor."""

    explain_database_error = staticmethod(as_database_error)
    kit = HEAD_OFFICE
    help = (
        "Set up this machine as head office: settings, user, database, bucket and systemd's units; then migrate, and look "
        "with the doctor. Asks for what flags, environment and --answers leave open. Again, it changes only what is not right."
    )
