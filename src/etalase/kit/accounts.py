"""The service user, and programs that run as it."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from etalase.errors import UsageError
from etalase.kit.machine import Host

USER = "etalase"
# A program below these folders is out of reach for a unit with ProtectHome=yes.
HOMES = ("/home/", "/root/", "/run/user/")


def ensure_user(machine: Host, user: str, home: str) -> None:
    """Makes a system user without a login, and its folder."""
    if machine.look(["id", "-u", user]).status:
        argv = ["useradd", "--system", "--user-group", "--home-dir", home, "--no-create-home", "--shell", "/usr/sbin/nologin"]
        machine.run([*argv, user], change=f"made the system user {user}")
    machine.folder(home, mode=0o750, owner=user)


def remove_user(machine: Host, user: str) -> None:
    """Removes the user, if there is one."""
    if not machine.look(["id", "-u", user]).status:
        machine.run(["userdel", user], change=f"removed the system user {user}")


def as_user(user: str, *argv: str) -> list[str]:
    """Returns the command that runs ``argv`` as ``user``, with the groups and rights of that user alone."""
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--no-new-privs", "--", *argv]


def environment_of(user: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Returns the whole environment of a program with these settings."""
    try:
        home = pwd.getpwnam(user).pw_dir
    except KeyError:
        home = "/"
    terminal = {name: os.environ[name] for name in ("TERM", "COLUMNS", "SUDO_USER") if name in os.environ}
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "LANG": "C.UTF-8", **terminal, **settings}


def check_reach(program: Path) -> None:
    """Raises :class:`UsageError` if the service user could not run ``program``."""
    for place in {program.absolute(), program.resolve()}:
        closed = next((folder for folder in place.parents if folder.exists() and not folder.stat().st_mode & 0o001), None)
        if closed is not None or str(place).startswith(HOMES):
            raise UsageError(
                f"Etalase is installed at {program}, where the user {USER} may not enter ({closed or 'a home folder'}).",
                hint="Install it into a folder for all users: python3 -m venv /opt/etalase",
            )
