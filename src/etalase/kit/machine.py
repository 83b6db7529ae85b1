"""The only module of the kit that changes the machine: runs commands, writes and removes files, and reports each change.

A dry run takes the same way with :class:`DryHost`, which only says what it would do.
"""

import grp
import os
import pwd
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from etalase.errors import UsageError

SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a command."""

    status: int
    output: str = ""
    error: str = ""


@dataclass(slots=True)
class Host:
    """This machine. ``root`` is the folder that stands for ``/``; ``say`` writes a line for a person."""

    say: Callable[[str], None]
    root: Path = Path("/")
    changes: list[str] = field(default_factory=list)
    is_dry = False

    def path(self, path: str) -> Path:
        """Returns the place of ``path`` below the root."""
        return self.root / path.lstrip("/")

    def read(self, path: str) -> str | None:
        """Returns the text of a file, or None without one. Raises :class:`UsageError` for a user who may not read it."""
        try:
            return self.path(path).read_text()
        except FileNotFoundError:
            return None
        except PermissionError as error:
            hint = "Run it as root, by its path: `etalase-edge` and `etalase-head-office` run as the service user."
            raise UsageError(f"{path} has passwords, and only root reads it.", hint=hint) from error

    def look(self, argv: Sequence[str], *, text: str = "") -> Done:
        """Runs a command that changes nothing, also in a dry run. Status 127 where the program is missing."""
        try:
            done = subprocess.run(  # noqa: S603 - the kit's own commands
                list(argv), input=text, capture_output=True, text=True, check=False, timeout=SECONDS, cwd="/"
            )
        except (FileNotFoundError, PermissionError):
            return Done(127, error=f"{argv[0]} is missing")
        except subprocess.TimeoutExpired:
            return Done(124, error=f"{argv[0]} did not end within {SECONDS:.0f} s")
        return Done(done.returncode, done.stdout, done.stderr)

    def ids(self, owner: str) -> tuple[int, int]:
        """Returns uid and gid of ``USER`` or ``USER:GROUP``; a user's group is its own one."""
        name, _, group = owner.partition(":")
        user = pwd.getpwnam(name)
        return user.pw_uid, grp.getgrnam(group).gr_gid if group else user.pw_gid

    def note(self, change: str) -> None:
        """Remembers and says one change."""
        self.changes.append(change)
        self.say(f"+ {change}")

    def run(self, argv: Sequence[str], *, text: str = "", change: str) -> None:
        """Runs a command that changes this machine; ``text`` is its stdin. Raises :class:`UsageError` if it fails."""
        done = self.look(argv, text=text)
        if done.status:
            detail = (done.error or done.output).strip()
            raise UsageError(f"`{shlex.join(argv)}` failed ({done.status}): {detail}", hint="Correct that, and run this again.")
        self.note(change)

    def attached(self, argv: Sequence[str], *, environment: Mapping[str, str]) -> int:
        """Runs a command with this process's own output. Returns its exit status."""
        self.say(f"$ {shlex.join(argv)}")
        return subprocess.run(list(argv), env=dict(environment), stdout=2, check=False, cwd="/").returncode  # noqa: S603

    def write(self, path: str, text: str, *, mode: int, owner: str = "root", quiet: bool = False) -> bool:
        """Makes a file equal to ``text``, whole or not at all. Returns whether that changed it."""
        if self._is_equal(path, text, mode, owner):
            return False
        if quiet and self.is_dry:
            return False
        self._write(self.path(path), text, mode, owner)
        if not quiet:
            self.note(f"wrote {path} ({mode:04o}, {owner})")
        return True

    def _write(self, place: Path, text: str, mode: int, owner: str) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fchmod(descriptor, mode)
                os.fchown(descriptor, *self.ids(owner))
                os.fsync(descriptor)
            Path(name).replace(place)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        folder = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _is_equal(self, path: str, text: str, mode: int, owner: str) -> bool:
        place = self.path(path)
        if self.read(path) != text:
            return False
        found = place.stat()
        return found.st_mode & 0o7777 == mode and (self.is_dry or (found.st_uid, found.st_gid) == self.ids(owner))

    def folder(self, path: str, *, mode: int, owner: str) -> None:
        """Makes a folder, or gives an existing one its owner and mode."""
        place = self.path(path)
        if place.is_dir() and (found := place.stat()).st_mode & 0o7777 == mode and found.st_uid == self.ids(owner)[0]:
            return
        place.mkdir(parents=True, exist_ok=True)
        os.chown(place, *self.ids(owner))
        place.chmod(mode)
        self.note(f"made the folder {path} ({mode:04o}, {owner})")

    def remove(self, path: str) -> None:
        """Removes a file or a folder with all in it, if it is there."""
        place = self.path(path)
        if not os.path.lexists(place):
            return
        if place.is_dir() and not place.is_symlink():
            for one in sorted(place.rglob("*"), key=lambda one: len(one.parts), reverse=True):
                one.rmdir() if one.is_dir() and not one.is_symlink() else one.unlink()
            place.rmdir()
        else:
            place.unlink()
        self.note(f"removed {path}")


class DryHost(Host):
    """Says every file with its text, and every command; changes nothing."""

    is_dry = True

    def run(self, argv: Sequence[str], *, text: str = "", change: str) -> None:
        """Says the command and its stdin."""
        self.changes.append(change)
        self.say(f"$ {shlex.join(argv)}" + "".join(f"\n    {line}" for line in text.splitlines()))

    def attached(self, argv: Sequence[str], *, environment: Mapping[str, str]) -> int:
        """Says the command."""
        self.say(f"$ {shlex.join(argv)}")
        return 0

    def _write(self, place: Path, text: str, mode: int, owner: str) -> None:
        self.say("".join(f"    {line}\n" for line in text.splitlines()).rstrip("\n"))

    def folder(self, path: str, *, mode: int, owner: str) -> None:
        """Says a missing folder."""
        if not self.path(path).is_dir():
            self.note(f"made the folder {path} ({mode:04o}, {owner})")

    def remove(self, path: str) -> None:
        """Reports the file that would be removed."""
        if os.path.lexists(self.path(path)):
            self.note(f"removed {path}")
