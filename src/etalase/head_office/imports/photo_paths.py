"""Finds the photo files that a menu names, below one folder."""

import unicodedata
from collections import defaultdict
from pathlib import Path, PurePosixPath

from etalase.errors import UsageError
from etalase.head_office.imports.cell_values import CellRefused
from etalase.protocol import MAX_FILENAME_CHARS, printable


def composed(name: str) -> str:
    """Returns the name in NFC: a Mac writes é as two characters, other computers as one."""
    return unicodedata.normalize("NFC", name)


def caseless(name: str) -> str:
    """Returns a form that the name has in capitals, too, and in NFC as in NFD."""
    return composed(composed(name).casefold())


def _letters_of_stem(name: str) -> str:
    return "".join(c for c in caseless(PurePosixPath(name).stem) if c.isalnum())


class PhotoFolder:
    """The folder of a menu's photos. Keeps the names in each folder below, as they were at the first look."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UsageError(
                f"There is no folder {printable(str(folder))}.", hint="PHOTOS_DIR is where the files of the menu are."
            )
        self._root = folder.resolve()
        self._spellings: dict[Path, dict[str, list[str]]] = {}

    def find(self, name: str) -> tuple[str, Path]:
        """Returns the name of a regular file, as the folder spells it, and its path with links resolved.

        A name that the folder does not have means the one that differs only in composition (NFC, NFD), else the one that
        differs only in case. Raises :class:`CellRefused` if there is none, or more than one.
        """
        if len(PurePosixPath(name).name) > MAX_FILENAME_CHARS:
            raise CellRefused("file", f"the name has more than {MAX_FILENAME_CHARS} characters")
        try:
            found = name if (self._root / name).exists() else self._as_spelled(name)
            path = (self._root / found).resolve()
            if not path.is_relative_to(self._root):
                raise CellRefused("file", "lies outside PHOTOS_DIR")
            if not path.is_file():
                raise CellRefused("file", _no_file(path) + self._meant(name))
        except (OSError, RuntimeError, ValueError) as error:
            raise CellRefused("file", f"cannot be looked up ({error})") from None
        return PurePosixPath(found).as_posix(), path

    def has(self, name: str) -> bool:
        """Returns whether the folder has a file of exactly this name."""
        try:
            return (self._root / name).exists()
        except (OSError, ValueError):
            return False

    def _as_spelled(self, name: str) -> str:
        """Returns the name in the spelling of the folders; unchanged if they have none."""
        here = self._root
        for part in PurePosixPath(name).parts:
            if part in {"..", "/"}:
                return name
            here /= part if (here / part).exists() else self._spelling(here, part)
        return here.relative_to(self._root).as_posix()

    def _spelling(self, folder: Path, name: str) -> str:
        for form in (composed, caseless):
            alike = [one for one in self._alike(folder).get(caseless(name), []) if form(one) == form(name)]
            if len(alike) > 1:
                names = " or ".join(printable(one) for one in sorted(alike))
                raise CellRefused("file", f"could be {names}; write it as one of them")
            if alike:
                return alike[0]
        return name

    def _meant(self, name: str) -> str:
        """Returns a question about a file with another type or other signs in its name, or nothing."""
        path = PurePosixPath(name)
        near = self._alike(self._root / path.parent).get(_letters_of_stem(path.name), []) if ".." not in path.parts else []
        return f"; is {printable(str(path.with_name(near[0])))} meant?" if near else ""

    def _alike(self, folder: Path) -> dict[str, list[str]]:
        """Returns the names in the folder by their caseless form, and by the letters of their stem."""
        if folder not in self._spellings:
            alike = defaultdict(list)
            for entry in sorted(folder.iterdir()) if folder.is_dir() else []:
                for form in {caseless(entry.name), _letters_of_stem(entry.name)}:
                    alike[form].append(entry.name)
            self._spellings[folder] = dict(alike)
        return self._spellings[folder]


def _no_file(path: Path) -> str:
    if path.is_dir():
        return "is a folder, not a file"
    return "is not a file (a pipe, a socket or a device)" if path.exists() else "there is no such file in PHOTOS_DIR"
