"""Runs a program as an unprivileged user if this process is root, since PostgreSQL refuses to run as root.

That user may have no access to the program's files, as in a virtual environment or a data folder below /root. Instead of
opening root's folders to everybody, the program gets one capability: to bypass the permissions of folders (capabilities(7)).
"""

import contextlib
import os
import pwd
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from etalase.devstack.process import StackError

CACHE = Path("/var/cache/etalase")  # owned by root, readable for everybody
# Number in the kernel and name for setpriv, the weaker first; containers often lack the first.
CAPABILITIES = ((2, "dac_read_search"), (1, "dac_override"))


@dataclass(frozen=True, slots=True)
class SystemUser:
    """The user and group that a program runs as."""

    uid: int
    gid: int


def account_for(data_dir: Path) -> SystemUser | None:
    """Returns the user for a program on ``data_dir``; None means the present user, always unless this process is root.

    The owner of an existing folder of another user, so that root can continue with a user's data; otherwise ``nobody``.
    """
    if os.geteuid() != 0:
        return None
    if data_dir.exists() and (stat := data_dir.stat()).st_uid != 0:
        return SystemUser(stat.st_uid, stat.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise StackError(
            "PostgreSQL does not run as root, and this system has no user «nobody».", hint="Run as an ordinary user."
        ) from None
    return SystemUser(nobody.pw_uid, nobody.pw_gid)


def command_as(account: SystemUser | None, argv: Sequence[str | Path], *, must_reach: Sequence[Path]) -> list[str]:
    """Returns the command that runs ``argv`` as ``account`` with access to ``must_reach``.

    Raises :class:`StackError` if that access is impossible.
    """
    command = [str(argument) for argument in argv]
    if account is None:
        return command
    if shutil.which("setpriv") is None:
        raise StackError("PostgreSQL does not run as root, and setpriv is missing.", hint="Install util-linux.")
    options = [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
    closed = [path for path in must_reach if not _open_to_others(path)]
    if closed:
        capability = next((name for number, name in CAPABILITIES if may_give(number)), None)
        if capability is None:
            raise StackError(
                f"PostgreSQL does not run as root, and the user with uid {account.uid} may not enter {closed[0]}.",
                hint="Run as an ordinary user, or move the project and its data to where every user may enter.",
            )
        options += [f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}"]
    # «keep»: a change of user would clear the death signal that the keeper has set.
    return ["setpriv", *options, "--pdeathsig=keep", *command]


def within_reach(folders: Sequence[Path], *, name: str) -> Path:
    """Returns the first of ``folders`` (programs, then their libraries), or its copy below :data:`CACHE`.

    Folders without access for other users are copied. The capability of :func:`command_as` is not enough for programs:
    PostgreSQL finds its own with access(2), which ignores capabilities.
    """
    if _open_to_others(folders[0] / "x"):
        return folders[0]
    copy = CACHE / name
    if not copy.exists():
        CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=CACHE, prefix="unfinished-"))
        for folder in folders:
            shutil.copytree(folder, unfinished / folder.name, symlinks=True)
        unfinished.chmod(0o755)
        with contextlib.suppress(OSError):  # another process made the same copy first
            unfinished.rename(copy)
        shutil.rmtree(unfinished, ignore_errors=True)
    return copy / folders[0].name


def _open_to_others(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def may_give(capability: int) -> bool:
    """Returns whether this process has the capability (CapPrm in /proc/self/status)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapPrm:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False
