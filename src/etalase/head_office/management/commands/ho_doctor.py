"""`etalase head-office doctor`: what is wrong with head office's settings and surroundings, and what to do."""

from collections.abc import Sequence

from etalase.doctor.check import CheckResult
from etalase.doctor.command import DoctorCommand
from etalase.head_office.doctor.run import diagnose, read_settings
from etalase.head_office.management.head_office_command import HeadOfficeCommand


class Command(DoctorCommand, HeadOfficeCommand):
    """Exit status: 0 no check found a fault, 1 one did."""

    help = (
        "Examine head office within 5 seconds, and say what to do: settings, database, bucket, tokens, the feed of a store and "
        "this machine. Writes one probe of a byte to the bucket and deletes it. Exit status: 0 no fault, 1 a fault."
    )

    def examine(self, *, read_only: bool) -> Sequence[CheckResult]:
        """Returns the result of each check."""
        return diagnose(read_settings(), read_only=read_only)
