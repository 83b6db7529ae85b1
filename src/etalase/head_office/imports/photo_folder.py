"""Lists a folder of pictures for ``csv-from-folder``: files that become lines, and a reason for each other file."""

import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from etalase.errors import PictureRefused
from etalase.head_office.images import refusals
from etalase.head_office.imports.menu import MAX_CHARS
from etalase.head_office.imports.menu_lines import NOT_UTF8
from etalase.head_office.imports.sku import likeness
from etalase.pictures.upload_type import upload_type
from etalase.protocol import MAX_FILENAME_CHARS
from etalase.spreadsheet import hides_formula, safe_cell

# Enough to tell the type of a picture.
FIRST_BYTES = 256


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A picture with the SKU from its path; ``file`` is written in a form that an import can read back."""

    sku: str
    file: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder without a line, and the reason. ``name`` may hold bytes that are not UTF-8."""

    name: str
    reason: str


def look_through(folder: Path, *, max_bytes: int) -> Iterator[FoundPicture | LeftOut]:
    """Yields every file below ``folder`` in the order of the paths. Opens no FIFO and no device, which could block."""
    root = folder.resolve()
    taken: dict[str, str] = {}
    for path, problem in _walk(root):
        name = path.relative_to(root).as_posix()
        reason = problem or _name_problem(name) or _file_problem(path, root, max_bytes)
        if reason is not None:
            yield LeftOut(name, reason)
            continue
        sku = PurePosixPath(name).with_suffix("").as_posix().strip()
        if other := taken.get(likeness(sku)):
            yield LeftOut(name, f"is a second file for one SKU, or for one that looks the same; {other} is written")
            continue
        taken[likeness(sku)] = name
        plain = name == name.lstrip() and name == safe_cell(name) and not name.startswith(("'", '"'))
        yield FoundPicture(sku, name if plain else f"./{name}")


def _walk(root: Path) -> Iterator[tuple[Path, str | None]]:
    """Yields files in order, and skipped folders with the reason."""
    todo = [root]
    while todo:
        folder = todo.pop()
        try:
            with os.scandir(folder) as entries:
                here = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield folder, f"the folder cannot be read: {error.strerror}"
            continue
        below = []
        for entry in here:
            path = Path(entry.path)
            if not entry.is_dir(follow_symlinks=False):
                is_folder = entry.is_symlink() and path.is_dir()
                yield path, "is a link to a folder, which is not followed" if is_folder else None
            elif entry.name.startswith("."):
                yield path, "is a hidden folder"
            else:
                below.append(path)
        todo += reversed(below)


def _name_problem(name: str) -> str | None:
    sku = PurePosixPath(name).with_suffix("").as_posix().strip()
    last = PurePosixPath(name).name
    if last.startswith("."):
        return "is hidden"
    if NOT_UTF8.search(name):
        return "its name is not UTF-8; rename it"
    if any(unicodedata.category(character) == "Cc" for character in name):
        return "its name has a line break or another control character; rename it"
    if hides_formula(name):
        return "its name has a sign behind «;» that a spreadsheet takes for a formula; rename it"
    if name != name.rstrip():
        return "its name ends with a space; rename it"
    for column, text in (("sku", sku), ("file", f"./{name}")):
        if len(text) > MAX_CHARS[column]:
            return f"its {column} would have {len(text)} characters; {MAX_CHARS[column]} are allowed"
    if len(last) > MAX_FILENAME_CHARS:
        return f"its name has more than {MAX_FILENAME_CHARS} characters"
    return None if PurePosixPath(name).stem.strip() else "its name has nothing before the dot, so there is no SKU"


def _file_problem(path: Path, root: Path, max_bytes: int) -> str | None:
    try:
        if not path.resolve().is_relative_to(root):
            return "is a link that leads out of the folder"
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return "is not a file (a pipe, a socket or a device)"
        if found.st_size > max_bytes:
            return f"has {found.st_size} bytes; {max_bytes} are allowed (ETALASE_MAX_PHOTO_BYTES)"
        with path.open("rb") as file:
            first = file.read(FIRST_BYTES)
    except FileNotFoundError:
        return "is a link that leads nowhere"
    except (OSError, RuntimeError) as error:
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    if not first:
        return "is empty"
    try:
        upload_type(first)
    except PictureRefused as refused:
        return f"is not a picture of a known kind, going by its bytes. {refusals.HINTS[refused.code]}"
    return None
