"""Runs a program as a service's user, with the settings of its file as systemd reads them. For root.

`/usr/local/sbin/etalase-edge` calls it. A shell that reads the file would execute what a value without quotes contains.
"""

import grp
import json
import os
import pwd
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from etalase.errors import EtalaseError, UsageError
from etalase.kit import env_file
from etalase.kit.accounts import environment_of

# The group of the readers of systemd's journal; only the support bundle reads it.
JOURNAL_GROUP, JOURNAL_READER = "systemd-journal", "support-bundle"


def command_line(python: str, user: str, settings: str, *command: str) -> list[str]:
    """Returns the command line that runs ``command`` so, for root."""
    return [python, "-P", "-m", "etalase.kit.run_as", user, settings, *command]


def expanded(command: Sequence[str], settings: Mapping[str, str]) -> list[str]:
    """Returns ``command`` with the value in the place of a word ``${NAME}``, as systemd does."""
    return [settings.get(word[2:-1], "") if word.startswith("${") and word.endswith("}") else word for word in command]


def _groups(user: str, group: int, command: Sequence[str]) -> list[int]:
    own = os.getgrouplist(user, group)
    if JOURNAL_READER not in command:
        return own
    return [*own, *(one.gr_gid for one in grp.getgrall() if one.gr_name == JOURNAL_GROUP)]


def _enter_folder(home: str) -> None:
    """Stays in the current folder, for paths relative to it, if the user may enter it."""
    try:
        os.chdir(Path.cwd())
    except OSError:
        os.chdir(home if Path(home).is_dir() else "/")


def main(argv: Sequence[str]) -> None:
    """Becomes the program. Raises :class:`UsageError` where it may not, or where the file cannot be read."""
    name, path, *command = argv
    try:
        settings = env_file.parse(Path(path).read_text(), name=path)
        user = pwd.getpwnam(name)
        os.setgroups(_groups(name, user.pw_gid, command))
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    except PermissionError as error:
        raise UsageError(f"This runs as the user {name}, with the settings of {path}.", hint="Run it as root.") from error
    except (OSError, UnicodeDecodeError, KeyError) as error:
        raise UsageError(f"{path} or the user {name} is not right: {error}.", hint="Run init again.") from error
    _enter_folder(user.pw_dir)
    environment = environment_of(name, {key: value for key, value in settings.items() if value})
    os.execvpe("setpriv", ["setpriv", "--no-new-privs", "--", *expanded(command, settings)], environment)  # noqa: S606, S607


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except EtalaseError as error:
        if "--json" in sys.argv:
            sys.stdout.write(json.dumps({"error": str(error), "exit_status": 2}, ensure_ascii=False) + "\n")
        sys.stderr.write(f"etalase: {error}\n")
        sys.exit(2)
