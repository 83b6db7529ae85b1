"""Gathers the parts of a support bundle, and writes them to one file without secrets.

A part that fails is named in the bundle; the others are there. Each text is redacted whole, before anything is cut from it.
"""

import io
import json
import os
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from etalase.doctor.check import Check, CheckResult
from etalase.doctor.runner import run
from etalase.errors import UsageError
from etalase.output import as_json
from etalase.protocol import printable
from etalase.redaction import known, redacted
from etalase.support.changed_secrets import hide_changed
from etalase.support.labelled_secrets import hide_labelled
from etalase.support.private_keys import hide_private_keys

# A part that waits for a database or a bucket longer than this is left out.
PART_SECONDS, ALL_SECONDS = 30.0, 60.0
SUFFIX = ".tar.gz"
ABOUT = "bundle.json"

# A text for a name that ends with .txt or .log, and otherwise what JSON can say.
Files = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BundlePart:
    """One part of a bundle; ``gather`` returns its files by name."""

    name: str
    gather: Callable[[], Files]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A written bundle: its path, and the result of each part."""

    path: Path
    parts: Sequence[CheckResult]

    @property
    def failed(self) -> list[CheckResult]:
        """Returns the parts that are missing."""
        return [part for part in self.parts if not part.ok]


def write(path: Path, parts: Sequence[BundlePart], *, about: Mapping[str, Any]) -> Bundle:
    """Gathers ``parts`` in parallel and writes them to ``path``, which only its owner can read.

    Raises :class:`UsageError` where the file exists or cannot be written; then nothing is gathered.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise UsageError(f"{path} exists already.", hint="Name another file: --output FILE") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.", hint="Name another file: --output FILE") from error
    with os.fdopen(descriptor, "wb") as file:
        files, results = _gather(parts)
        told = {**about, "written_at": datetime.now(UTC).isoformat(timespec="seconds"), "parts": [asdict(r) for r in results]}
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name, content in {ABOUT: told, **files}.items():
                _add(archive, f"{path.name.removesuffix(SUFFIX)}/{name}", _text(name, content))
    return Bundle(path, results)


def default_path(role: str) -> Path:
    """Returns the default file: in the current folder, or in the user's own one where that folder takes no file."""
    folder = next((one for one in (Path.cwd(), Path.home()) if os.access(one, os.W_OK | os.X_OK)), Path(tempfile.gettempdir()))
    return folder / f"etalase-{role}-{datetime.now(UTC):%Y%m%d-%H%M%S}{SUFFIX}"


def _gather(parts: Sequence[BundlePart]) -> tuple[dict[str, Any], list[CheckResult]]:
    files: dict[str, Any] = {}
    lock = threading.Lock()

    def look(part: BundlePart) -> str:
        found = dict(part.gather())
        with lock:
            files.update(found)
        return ", ".join(found)

    def check(part: BundlePart) -> Check:
        return Check(part.name, lambda: look(part), seconds=PART_SECONDS)

    results = run([check(part) for part in parts], all_seconds=ALL_SECONDS)
    with lock:
        return {name: files[name] for name in sorted(files)}, results


def _text(name: str, content: Any) -> str:
    if name.endswith((".txt", ".log")):
        hidden = hide_labelled(hide_private_keys(_without_known(str(content))))
        return "\n".join(printable(line) for line in hidden.split("\n")) + "\n"
    indented = json.dumps(json.loads(as_json(content)), indent=1, ensure_ascii=False)
    return _without_known(indented) + "\n"


def _without_known(text: str) -> str:
    return hide_changed(redacted(text), [*known.lasting, *known.tokens])


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    data = text.encode("utf-8", "replace")
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(data), 0o600, int(time.time())
    archive.addfile(member, io.BytesIO(data))
