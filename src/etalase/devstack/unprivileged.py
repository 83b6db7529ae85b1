"""Running a program as an unprivileged user when we are root: PostgreSQL refuses to run as root.

Its files may lie where that user may not go, as in a virtual environment or a data folder below /root. Instead of opening
root's folders to everybody, or of copying, the program then gets one capability more: to read past folders' permissions
(capabilities(7)). Root gives it less than it has itself.
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

# Number in the kernel and name for setpriv, the weaker first; containers often lack the first.
CACHE = Path("/var/cache/etalase")  # of root's, readable for everybody
CAPABILITIES = ((2, "dac_read_search"), (1, "dac_override"))


@dataclass(frozen=True, slots=True)
class SystemUser:
    """Who a program runs as."""

    uid: int
    gid: int


def account_for(data_dir: Path) -> SystemUser | None:
    """Who shall run a program on ``data_dir``; None is ourselves, always so unless we are root.

    Its owner, where it is there already and somebody else's: so root can go on with what a user began. Otherwise ``nobody``.
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
    """``argv``, run as ``account``, able to get at ``must_reach``. Raises :class:`StackError` where that cannot be."""
    command = [str(argument) for argument in argv]
    if account is None:
        return command
    if shutil.which("setpriv") is None:
        raise StackError("PostgreSQL does not run as root, and setpriv is missing.", hint="Install util-linux.")
    options = [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
    closed = [path for path in must_reach if not _open_to_others(path)]
    if closed:
        capability = next((name for number, name in CAPABILITIES if _may_give(number)), None)
        if capability is None:
            raise StackError(
                f"PostgreSQL does not run as root, and the user with uid {account.uid} may not enter {closed[0]}.",
                hint="Run as an ordinary user, or move the project and its data to where every user may enter.",
            )
        options += [f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}"]
    # «keep»: the keeper has already arranged that the program dies with it, and a change of user would undo that.
    return ["setpriv", *options, "--pdeathsig=keep", *command]


def within_reach(folders: Sequence[Path], *, name: str) -> Path:
    """The first of ``folders`` (of programs, and what they need beside them), or where its copy is, below :data:`CACHE`.

    They are copied where other users may not enter them. The capability of :func:`command_as` is not enough for programs:
    PostgreSQL looks for its own with access(2), which asks what the user may without any.
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
        with contextlib.suppress(OSError):  # somebody else was quicker with the same
            unfinished.rename(copy)
        shutil.rmtree(unfinished, ignore_errors=True)
    return copy / folders[0].name


def _open_to_others(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _may_give(capability: int) -> bool:
    """Whether we have the capability ourselves (CapPrm in /proc/self/status)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapPrm:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False
