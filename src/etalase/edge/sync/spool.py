"""Photos on their way, on disk: what came before a cut does not cross the link a second time, nor after a restart.

One file a photo, named by the photo, its promised checksum and the ETag of the object that its bytes began with, so that a
later run can ask for the rest of the same object. What a file holds is believed only when the whole of it was hashed.
"""

import contextlib
import errno
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from etalase.errors import PhotoError, Reason, SettingsError
from etalase.protocol import Photo

MAX_ETAG_BYTES = 64
MAX_AGE_SECONDS = 7 * 24 * 3600.0
SUFFIX = ".part"


@dataclass(slots=True)
class Part:
    """What has come of one photo. ``etag`` is None where it cannot be resumed."""

    stem: Path
    path: Path | None = None
    etag: str | None = None
    size: int = 0
    _file: BinaryIO | None = None

    def begin(self, etag: str | None) -> None:
        """Start anew, with the object of this ETag. A weak one proves nothing about bytes (RFC 9110, section 8.8.1)."""
        self.drop()
        fits = etag is not None and etag.startswith('"') and len(etag.encode()) <= MAX_ETAG_BYTES
        self.etag = etag if fits else None
        self.path = self.stem.with_name(f"{self.stem.name}.{(self.etag or '').encode().hex()}{SUFFIX}")

    def add(self, piece: bytes) -> None:
        """Append. Raises :class:`PhotoError` where the disk is full."""
        if self._file is None:
            if self.path is None:
                raise ValueError("nothing was begun")
            self._file = self.path.open("ab", buffering=0)
        try:
            written = 0
            while written < len(piece):
                written += self._file.write(piece[written:]) or 0
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                raise
            raise PhotoError(Reason.SPOOL_FULL, f"no room in {self.stem.parent} ({os.strerror(error.errno)})") from error
        self.size += len(piece)

    def close(self) -> None:
        """Nothing is coming now."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def whole(self) -> mmap.mmap | bytes:
        """All that came, without being read into memory."""
        self.close()
        if self.path is None or not self.size:
            return b""
        with self.path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def drop(self) -> None:
        """Forget what came."""
        self.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        self.path, self.etag, self.size = None, None, 0


@dataclass(frozen=True, slots=True)
class Spool:
    """The folder of the parts. One run uses it at a time."""

    folder: Path

    @classmethod
    def of_store(cls, folder: Path, store_id: UUID) -> "Spool":
        """The store's spool in ``folder``; both are made, for nobody else to read. Raises :class:`SettingsError`."""
        try:
            for made in (folder, folder / str(store_id)):
                made.mkdir(mode=0o700, parents=True, exist_ok=True)
                # In a place that anybody may write to, such as /var/tmp, somebody may have been here first.
                if made.is_symlink() or made.stat().st_uid != os.geteuid():
                    raise PermissionError(errno.EPERM, f"{made} belongs to somebody else")
        except OSError as error:
            raise SettingsError([f"ETALASE_SPOOL_DIR «{folder}»: {error.strerror}."]) from error
        return cls(folder / str(store_id))

    def part(self, photo: Photo) -> Part:
        """What came of ``photo`` so far; what came of another version of it is dropped."""
        part = Part(self._stem(photo))
        for path in self.folder.glob(f"{photo.id}.*{SUFFIX}"):
            size = path.stat().st_size
            if path.name.startswith(part.stem.name + ".") and part.path is None and 0 < size <= (photo.size or 0):
                part.path, part.size = path, size
                part.etag = bytes.fromhex(path.name.removeprefix(part.stem.name + ".").removesuffix(SUFFIX)).decode() or None
            else:
                path.unlink()
        return part

    def done(self, photo: Photo) -> None:
        """The photo is in the bucket."""
        for path in self.folder.glob(f"{self._stem(photo).name}.*{SUFFIX}"):
            path.unlink(missing_ok=True)

    def sweep(self, *, max_bytes: int, now: float) -> None:
        """Drop what nobody has come back for in a week (``now`` is Unix time), and beyond ``max_bytes`` the oldest."""
        kept = 0
        for path, stat in sorted(self._parts(), key=lambda entry: entry[1].st_mtime, reverse=True):
            kept += stat.st_size
            if kept > max_bytes or stat.st_mtime < now - MAX_AGE_SECONDS:
                path.unlink(missing_ok=True)

    def _parts(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self.folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(FileNotFoundError):
                yield path, path.stat()

    def _stem(self, photo: Photo) -> Path:
        # The checksum is 32 hex digits: the planner saw to it.
        return self.folder / f"{photo.id}.{(photo.checksum or '').lower()}"
