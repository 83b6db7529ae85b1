"""Machines for an init: users and init system are recorded, and the files lie below a folder."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from etalase.kit.machine import Done, DryHost, Host

NOT_HERE = {"id", "useradd", "userdel", "systemctl"}


class RecordedMachine(Host):
    """This machine with recorded users and services, and files below ``root``."""

    def __init__(self, root: Path) -> None:
        self.lines: list[str] = []
        super().__init__(self.lines.append, root)
        self.commands: list[list[str]] = []
        self.has_users = False

    def ids(self, owner: str) -> tuple[int, int]:
        return os.geteuid(), os.getegid()

    def look(self, argv: Sequence[str], *, text: str = "") -> Done:
        if argv[0] not in NOT_HERE:
            return super().look(argv, text=text)
        self.commands.append(list(argv))
        if argv[0] == "useradd":
            self.has_users = True
        return Done(0 if argv[0] in {"useradd", "userdel"} or self.has_users else 1)

    def attached(self, argv: Sequence[str], *, environment: Mapping[str, str]) -> int:
        assert argv[0] == "setpriv"
        self.commands.append(list(argv))
        begin = list(argv).index("--") + 1
        spool = {"ETALASE_SPOOL_DIR": str(self.root / "spool")}
        return subprocess.run(argv[begin:], env={**environment, **spool}, check=False, capture_output=True).returncode


class Look(DryHost):
    """A dry run of such a machine."""

    def __init__(self, root: Path) -> None:
        self.lines: list[str] = []
        super().__init__(self.lines.append, root)


class WithoutPrograms(RecordedMachine):
    """Such a machine on which each of Etalase's commands succeeds at once."""

    def attached(self, argv: Sequence[str], *, environment: Mapping[str, str]) -> int:
        return 0


def files(root: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(root)): (path.read_text(), path.stat().st_mode & 0o7777)
        for path in root.rglob("*")
        if path.is_file() and "spool" not in path.parts
    }
