"""`etalase edge doctor`: what is wrong with this edge's settings and surroundings, and what to do."""

from collections.abc import Sequence

from etalase.doctor.check import CheckResult
from etalase.doctor.command import DoctorCommand
from etalase.edge.doctor.run import diagnose, read_settings
from etalase.edge.management.edge_command import EdgeCommand


class Command(DoctorCommand, EdgeCommand):
    """Exit status: 0 no check found a fault, 1 one did."""

    help = (
        "Examine this edge within 5 seconds, and say what to do: settings, head office, bucket, database, broker, worker, beat "
        "and this machine. Writes one probe of a byte to the bucket and deletes it. Exit status: 0 no fault, 1 a fault."
    )

    def examine(self, *, read_only: bool) -> Sequence[CheckResult]:
        """Returns the result of each check."""
        return diagnose(read_settings(), read_only=read_only)
