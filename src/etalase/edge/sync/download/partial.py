"""Keeps partial downloads on disk, so that a cut or a restart transfers no byte twice.

One file for each photo, named by its id, its promised checksum and the ETag of its object, so that a later run can request the
rest of the same object. No file is trusted before its whole content was hashed.
"""

import errno
import mmap
import os
import shutil
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from etalase.edge.clock import Clock
from etalase.errors import PhotoError, Reason, SettingsError
from etalase.objectstore.model import Body
from etalase.protocol import Photo, lenient_time

MAX_ETAG_CHARS = 64
MAX_AGE_SECONDS = 7 * 24 * 3600.0
WRITE_BYTES, WRITE_SECONDS = 256 * 1024, 0.1
SUFFIX = ".part"
LAST_CHECKPOINT = "last-checkpoint"


@dataclass(slots=True, eq=False)
class PartialPhoto:
    """The received bytes of one photo. ``etag`` is None where the download cannot be resumed.

    Bytes stay in memory at first, so that a fast link does not wear out the disk. They are written at :data:`WRITE_BYTES`,
    after :data:`WRITE_SECONDS`, and by :meth:`close`.
    """

    stem: Path
    clock: Clock
    path: Path | None = None
    etag: str | None = None
    size: int = 0
    _file: BinaryIO | None = None
    _unwritten: list[bytes] = field(default_factory=list)
    _unwritten_bytes: int = 0
    _written_at: float = 0.0
    _is_anew: bool = False

    def begin(self, etag: str | None) -> None:
        """Starts again with the object of this ETag, if the ETag allows resuming."""
        self.drop()
        self.etag = etag if can_be_resumed_with(etag) else None
        self._is_anew = True
        self.path = self.stem.with_name(f"{self.stem.name}.{(self.etag or '').encode().hex()}{SUFFIX}")
        self._written_at = self.clock.monotonic()

    def add(self, piece: bytes) -> None:
        """Appends bytes. Raises :class:`PhotoError` where the disk is full."""
        self._unwritten.append(piece)
        self._unwritten_bytes += len(piece)
        self.size += len(piece)
        if self._unwritten_bytes >= WRITE_BYTES or self.clock.monotonic() - self._written_at >= WRITE_SECONDS:
            self._write()

    def close(self) -> None:
        """Writes all bytes and closes the file, even if the disk is full."""
        try:
            if self._unwritten:
                self._write()
        finally:
            if self._file is not None:
                self._file.close()
                self._file = None

    def whole(self) -> mmap.mmap | bytes:
        """Returns all bytes, without reading them from disk into memory."""
        if self.size == self._unwritten_bytes:
            body = b"".join(self._unwritten)
            self._forget_unwritten()
            return body
        self.close()
        with (self.path or self.stem).open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def keep(self, body: Body) -> None:
        """Writes ``body``, which :meth:`whole` returned from memory, for a later run; nothing on a full disk."""
        if self._is_anew and self.etag:
            self._unwritten = [bytes(body)]
            with suppress(PhotoError):
                self.close()

    def drop(self) -> None:
        """Deletes all bytes."""
        self._forget_unwritten()
        self.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        self.path, self.etag, self.size = None, None, 0

    def _write(self) -> None:
        if self.path is None:
            raise ValueError("the part has not begun")
        try:
            if self._file is None:
                # A foreign file of this name must not contribute its bytes.
                self._file = self.path.open("wb" if self._is_anew else "ab", buffering=0)
                self._is_anew = False
            rest = memoryview(b"".join(self._unwritten))
            self._forget_unwritten()
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            what = "no room in" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "cannot write to"
            raise PhotoError(Reason.SPOOL_FULL, f"{what} {self.stem.parent} ({error.strerror})") from error
        self._written_at = self.clock.monotonic()

    def _forget_unwritten(self) -> None:
        self._unwritten, self._unwritten_bytes = [], 0


@dataclass(slots=True)
class Spool:
    """The folder of the parts. One run at a time uses it, in several threads, each photo in one thread."""

    folder: Path
    clock: Clock
    _left: dict[str, list[Path]] = field(default_factory=dict)

    @classmethod
    def of_store(cls, folder: Path, store_id: UUID, database: str, clock: Clock) -> "Spool":
        """Returns the spool in ``folder`` of the store with this ``database``; creates both folders, private to this user.

        The run lock is the database's, so two databases share no spool, even of the same store. Raises :class:`SettingsError`.
        """
        own = folder / f"{store_id}-{zlib.crc32(database.encode()):08x}"
        with suppress(OSError):
            if not own.is_dir():
                own.unlink(missing_ok=True)  # a file in the place of the folder
        try:
            for made in (folder, own):
                made.mkdir(mode=0o700, parents=True, exist_ok=True)
                # In a public place such as /var/tmp, the folder may be another user's.
                if made.is_symlink() or made.stat().st_uid != os.geteuid():
                    raise PermissionError(errno.EPERM, f"{made} belongs to another user")
        except OSError as error:
            raise SettingsError([f"ETALASE_SPOOL_DIR «{folder}»: {error.strerror}."]) from error
        return cls(own, clock)

    def look(self) -> None:
        """Lists the parts. A run calls it after it has the lock, because until then they may be another run's."""
        self._left = {}
        for path in self.folder.glob(f"*{SUFFIX}"):
            if _is_part(path):
                self._left.setdefault(path.name.partition(".")[0], []).append(path)
            else:  # a foreign file in the place of a part
                _remove(path)

    def kept_of(self, photo: Photo) -> int:
        """Returns the number of spooled bytes of ``photo``."""
        begins = f"{photo.id}.{(photo.checksum or '').lower()}."
        with suppress(OSError):
            sizes = [path.stat().st_size for path in self._left.get(str(photo.id), []) if path.name.startswith(begins)]
            return min(max(sizes, default=0), photo.size or 0)
        return 0

    def part(self, photo: Photo) -> PartialPhoto:
        """Returns the part of ``photo``; deletes parts of other versions."""
        # The plan made sure that the checksum is 32 hex digits.
        part = PartialPhoto(self.folder / f"{photo.id}.{(photo.checksum or '').lower()}", self.clock)
        for path in self._left.pop(str(photo.id), []):
            with suppress(OSError):
                size, etag = path.stat().st_size, _etag_in(path.name.removeprefix(part.stem.name + "."))
                if path.name.startswith(part.stem.name + ".") and part.path is None and etag and 0 < size <= (photo.size or 0):
                    part.path, part.size, part.etag = path, size, etag
                else:
                    path.unlink()
        return part

    @property
    def last_checkpoint(self) -> datetime | None:
        """Returns the checkpoint of the last complete run on this machine, None if unknown.

        A database with an older checkpoint was restored from a backup.
        """
        path = self.folder / LAST_CHECKPOINT
        if not path.is_file():  # reading a pipe would block
            return None
        try:
            with path.open("rb") as file:
                return lenient_time(file.read(100).decode())
        except (OSError, ValueError):
            return None

    def note_checkpoint(self, sync_timestamp: str) -> None:
        """Keeps the checkpoint outside the database; does nothing on a full disk."""
        path = self.folder / LAST_CHECKPOINT
        if not path.is_file():
            _remove(path)
        try:
            path.write_text(sync_timestamp)
        except OSError:
            _remove(path)

    def sweep(self, *, max_bytes: int, now: float) -> None:
        """Deletes parts unused for a week, and the oldest beyond ``max_bytes``. ``now`` is a Unix time."""
        kept = 0
        found = [(path, path.stat()) for path in self.folder.glob(f"*{SUFFIX}") if _is_part(path)]
        for path, stat in sorted(found, key=lambda entry: entry[1].st_mtime, reverse=True):
            kept += stat.st_size
            if kept > max_bytes or stat.st_mtime < now - MAX_AGE_SECONDS:
                path.unlink(missing_ok=True)


def _is_part(path: Path) -> bool:
    """Returns whether this user can append to the path: a file, not a folder, link or pipe."""
    return not path.is_symlink() and path.is_file() and os.access(path, os.R_OK | os.W_OK)


def _remove(path: Path) -> None:
    """Removes a file or folder, if that is possible."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def can_be_resumed_with(etag: str | None) -> bool:
    """Returns whether ``If-Match`` can name the ETag. A weak one proves nothing about bytes (RFC 9110, section 8.8.1)."""
    return etag is not None and etag.startswith('"') and etag.isascii() and etag.isprintable() and len(etag) <= MAX_ETAG_CHARS


def _etag_in(name: str) -> str | None:
    """Returns the ETag at the end of a part's name, if it is one."""
    try:
        etag = bytes.fromhex(name.removesuffix(SUFFIX)).decode()
    except ValueError:
        return None
    return etag if can_be_resumed_with(etag) else None
