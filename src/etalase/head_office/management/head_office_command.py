"""Defines the base of head office's commands, which explains its database's errors."""

from etalase.command import EtalaseCommand
from etalase.head_office.database import as_database_error


class HeadOfficeCommand(EtalaseCommand):
    """A command of head office. A subclass implements :meth:`run`."""

    explain_database_error = staticmethod(as_database_error)
