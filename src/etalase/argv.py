"""The command line that starts Etalase in another process."""

import sys

# -P: a module in the current folder never replaces one of Etalase's.
ARGV = (sys.executable, "-P", "-m", "etalase.cli")


def with_settings_of_init(half: str) -> str:
    """Returns the path of the command that init makes: ``etalase HALF ...`` with the settings of this machine."""
    return f"/usr/local/sbin/etalase-{half}"
