"""Builds programs that are published as source only, with Go, once, into the user's cache folder."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from etalase.devstack.process import StackError

# The folder of go.dev/doc/install, which is not on the PATH by default.
GO_FOLDER = Path("/usr/local/go/bin")


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A program for ``go install MODULE@VERSION``, whose checksum Go compares with its public log of checksums.

    ``name`` is for people; ``minutes`` is the time of the build; ``tags`` are those of ``go install -tags``, by commas.
    """

    name: str
    module: str
    version: str
    minutes: int
    tags: str = ""

    @property
    def command(self) -> str:
        """Returns the file name of the program."""
        return self.module.rpartition("/")[2]

    @property
    def built(self) -> Path:
        """Returns the path of the built program, one per version."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "etalase" / f"{self.command}-{self.version}" / self.command

    def find(self) -> Path | None:
        """Returns the built program, else one of any version on the PATH, else None."""
        if self.built.exists():
            return self.built
        on_path = shutil.which(self.command)
        return Path(on_path).resolve() if on_path else None

    def build(self) -> Path:
        """Builds the program unless it is built; reports on stderr. Raises :class:`StackError` if Go is missing or fails.

        A finished program is moved into place, so that an interrupted build leaves nothing there.
        """
        if self.built.exists():
            _say(f"{self.name} {self.version} is already built: {self.built}")
            return self.built
        go = shutil.which("go") or shutil.which("go", path=GO_FOLDER)
        if go is None:
            raise StackError(
                f"{self.name} is published as source only, and Go, which builds it, is neither on the PATH nor in {GO_FOLDER}.",
                hint="Install Go from https://go.dev/dl/.",
            )
        _say(f"Building {self.name} {self.version} with go install, once; this takes about {self.minutes} minutes.")
        folder = self.built.parent
        tags = [f"-tags={self.tags}"] if self.tags else []
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix="unfinished-") as unfinished:
            done = subprocess.run(
                [go, "install", *tags, f"{self.module}@{self.version}"],
                env={**os.environ, "CGO_ENABLED": "0", "GOBIN": unfinished},
                cwd=unfinished,
                check=False,
            )
            if done.returncode:
                raise StackError(
                    f"Go could not build {self.name}: {go} install ended with {done.returncode}. Its output is above."
                )
            (Path(unfinished) / self.command).rename(self.built)
        _say(f"Built: {self.built}")
        return self.built


def _say(what: str) -> None:
    sys.stderr.write(what + "\n")
    sys.stderr.flush()
