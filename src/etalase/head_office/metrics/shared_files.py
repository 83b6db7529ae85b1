"""Gives each server process a file for its counters, which the process that replaces it goes on with.

prometheus_client names such a file by the process id: each of head office's processes ends after 20,000 requests, and a scrape
would read one more file for each.
"""

import fcntl
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The library's own name for the folder.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
KINDS = ("counter", "histogram")
# More than all samples take; the library would let the file grow.
FILE_BYTES = 256 * 1024


def folder() -> Path | None:
    """Returns the folder of the files, or None where the server has none."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else None


@contextmanager
def lock_of_folder(files: Path) -> Iterator[None]:
    """Keeps systemd-tmpfiles, which deletes old files of /tmp, out of the folder: it leaves out a locked one."""
    locked = os.open(files, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(locked, fcntl.LOCK_SH)
        yield
    finally:
        os.close(locked)


class Place:
    """The number of this process's files: the first that no living process has."""

    def __init__(self, files: Path) -> None:
        self._files = files
        self._taken: tuple[int, int] | None = None  # process id and number

    def __call__(self) -> int:
        """Returns the number; a forked process takes its own. Raises OSError where the disk is full."""
        if self._taken is None or self._taken[0] != os.getpid():
            self._taken = os.getpid(), self._take()
        return self._taken[1]

    def _take(self) -> int:
        for number in itertools.count():
            # Never closed: the lock ends with the process.
            lock = os.open(self._files / f"{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            for kind in KINDS:
                self._allocate(self._files / f"{kind}_{number}.db")
            return number
        raise AssertionError  # for the type checker: the loop ends by its return only

    @staticmethod
    def _allocate(path: Path) -> None:
        """Takes the room of a file on the disk now: a write to a mapped file on a full disk would kill the process."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, FILE_BYTES)
        finally:
            os.close(file)
