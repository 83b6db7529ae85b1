"""Builds promtool, which checks the alert rules and is in no wheel, with Go: ``make promtool``."""

import sys

from etalase.devstack.gobuild import GoProgram
from etalase.devstack.process import StackError

# Without Prometheus' service discoveries, whose clouds' libraries would be most of the build.
SOURCE = GoProgram("promtool", "github.com/prometheus/prometheus/cmd/promtool", "v0.316.0", minutes=4, tags="remove_all_sd")

if __name__ == "__main__":
    try:
        SOURCE.build()
    except StackError as error:
        sys.exit(str(error))
