"""Defines the base of head office's commands, which explains its database's errors."""

from etalase.command import EtalaseCommand
from etalase.head_office.database import in_our_words


class HeadOfficeCommand(EtalaseCommand):
    """A command of head office. A subclass implements :meth:`run`."""

    explain_database_error = staticmethod(in_our_words)
