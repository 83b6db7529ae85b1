"""The command line that starts Etalase in another process."""

import sys

# -P: a module in the current folder never replaces one of Etalase's.
ARGV = (sys.executable, "-P", "-m", "etalase.cli")
