"""Programs that their makers give out as source only: Go builds each once, into the user's cache folder."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from etalase.devstack.process import StackError

# Where go.dev/doc/install puts it, which nobody's PATH has at first.
GO_FOLDER = Path("/usr/local/go/bin")


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A program as ``go install MODULE@VERSION`` makes it. ``name`` is what people call it, ``minutes`` how long it takes."""

    name: str
    module: str
    version: str
    minutes: int

    @property
    def command(self) -> str:
        """What it is called on the PATH."""
        return self.module.rpartition("/")[2]

    @property
    def built(self) -> Path:
        """Where :meth:`build` leaves it; another version has another place."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "etalase" / f"{self.command}-{self.version}" / self.command

    def find(self) -> Path | None:
        """The one that was built; else, of whatever version, one on the PATH; or None."""
        if self.built.exists():
            return self.built
        on_path = shutil.which(self.command)
        return Path(on_path).resolve() if on_path else None

    def build(self) -> Path:
        """Build it, unless that is done, and say so on stderr. Raises :class:`StackError` where Go is missing or fails.

        It gets its place when it is whole: a build that was cut short leaves nothing there.
        """
        if self.built.exists():
            _say(f"{self.name} {self.version} is already built: {self.built}")
            return self.built
        go = shutil.which("go") or shutil.which("go", path=GO_FOLDER)
        if go is None:
            raise StackError(
                f"{self.name} is given out as source only, and Go, which builds it, is neither on the PATH nor in {GO_FOLDER}.",
                hint="Install Go from https://go.dev/dl/.",
            )
        _say(f"Building {self.name} {self.version}, its official way (go install). Once, and about {self.minutes} minutes.")
        folder = self.built.parent
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="unfinished-") as unfinished:
            done = subprocess.run(
                [go, "install", f"{self.module}@{self.version}"],
                env={**os.environ, "CGO_ENABLED": "0", "GOBIN": unfinished},
                cwd=unfinished,
                check=False,
            )
            if done.returncode:
                raise StackError(
                    f"Go could not build {self.name}: {go} install ended with {done.returncode}. It says why above."
                )
            (Path(unfinished) / self.command).rename(self.built)
        _say(f"Built: {self.built}")
        return self.built


def _say(what: str) -> None:
    sys.stderr.write(what + "\n")
    sys.stderr.flush()
