"""Checks of this machine, for both halves: names, room on its disks, versions."""

import errno
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
import pycurl

from etalase.doctor.check import Check, Fault
from etalase.formatting import size

MIN_FREE_BYTES = 256 * 1024 * 1024
MIN_FREE_SHARE = 0.02
MIN_FREE_ENTRIES = 1000
NAME_SECONDS = 1.5
OLDEST_PYTHON, OLDEST_DJANGO = (3, 11), (5, 2)


def name_check(id_: str, look: Callable[[], str]) -> Check:
    """Returns a check of names, with the time that a name service may take."""
    late = "The name service (DNS) does not answer: look at /etc/resolv.conf and at the router."
    return Check(id_, look, needs=("settings",), seconds=NAME_SECONDS, late=late)


def url_name_check(id_: str, url: str, *, setting: str) -> Check:
    """Returns a check of the name in ``url``, which ``setting`` has."""
    return name_check(id_, lambda: name(host_of(url), setting=setting))


def name(host: str, *, setting: str) -> str:
    """Returns the addresses of ``host``. Raises :class:`Fault` where it has none."""
    try:
        found = sorted({str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError) as error:
        raise Fault(
            f"The name «{host}» cannot be found ({error}).", hint=f"Correct {setting}, or this server's name service (DNS)."
        ) from error
    return f"{host}: {', '.join(found)}"


def host_of(url: str) -> str:
    """Returns the host of ``url``."""
    return urlsplit(url).hostname or ""


SPOOL_HINTS = {
    errno.ENOSPC: "Make room on its disk: it has no bytes or no entries for files (df, df -i) left.",
    errno.EDQUOT: "Raise the quota of the user of Etalase, or make room.",
    errno.EROFS: "Mount its disk for writing: Linux mounts a damaged one read-only (dmesg says so).",
}


def disk(folders: Sequence[Path]) -> str:
    """Returns the free room of the disks of ``folders``. Raises :class:`Fault` for one that is nearly full."""
    told: dict[int, str] = {}
    for folder in map(existing, folders):
        usage = shutil.disk_usage(folder)
        entries = os.statvfs(folder)
        if problem := room_problem(str(folder), usage.free, usage.total, entries=entries.f_favail, all_entries=entries.f_files):
            raise Fault(problem, hint="Make room on it: a run needs room for photos in flight, PostgreSQL for its files.")
        told.setdefault(folder.stat().st_dev, f"{size(usage.free)} free at {folder}")
    return "; ".join(told.values())


def room_problem(folder: str, free: int, total: int, *, entries: int = 0, all_entries: int = 0) -> str:
    """Returns the problem with a disk's free space, or an empty text. Pure.

    ``entries`` are the files that still fit, of ``all_entries``: 0 of 0 where the disk has no such limit.
    """
    if not total:
        return f"{folder} is not on a disk: its file system (as /proc) keeps no files."
    if free < MIN_FREE_BYTES or free < total * MIN_FREE_SHARE:
        return f"The disk of {folder} has {size(free)} of {size(total)} left."
    if entries < min(MIN_FREE_ENTRIES, all_entries):
        return f"The disk of {folder} has room for {entries} of {all_entries} files (inodes) left."
    return ""


def existing(folder: Path) -> Path:
    """Returns the nearest parent of ``folder`` that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def installed() -> dict[str, str]:
    """Returns the versions of all that matters, by name."""
    return {
        "etalase": version("etalase"),
        "python": platform.python_version(),
        "django": django.get_version(),
        **_driver(),
        "curl": str(pycurl.version_info()[1]),
        "tls": str(pycurl.version_info()[5]),
        "system": platform.platform(),
    }


def _driver() -> dict[str, str]:
    """Returns the version of PostgreSQL's driver: a customer's project may have psycopg2, alone or beside psycopg."""
    names = ("psycopg", "psycopg2", "psycopg2-binary")
    return {found.name: found.version for name in names for found in distributions(name=name)}


def packages() -> dict[str, Any]:
    """Returns the versions of all that matters, and of every installed package."""
    return {**installed(), "packages": {str(found.metadata["Name"]): found.version for found in distributions()}}


def versions() -> str:
    """Returns them as a text. Raises :class:`Fault` for one that is too old."""
    found = installed()
    if sys.version_info < OLDEST_PYTHON or django.VERSION[:2] < OLDEST_DJANGO:
        raise Fault(
            f"Python {found['python']} with Django {found['django']}: Etalase needs Python 3.11 and Django 5.2 or newer.",
            hint="Install Etalase into an environment of its own, with a newer Python.",
        )
    return ", ".join(f"{name} {number}" for name, number in found.items() if name != "system")


def folder_writable(folder: Path, *, setting: str, read_only: bool) -> str:
    """Returns that files can be written in ``folder``. Raises :class:`Fault` otherwise."""
    place = existing(folder)
    hint = f"Let the user of Etalase own {folder}, mode 700, or name another folder in {setting}."
    if not place.is_dir():
        raise Fault(f"{place} is not a folder.", hint=hint)
    if folder.exists() and (folder.is_symlink() or folder.stat().st_uid != os.geteuid()):
        raise Fault(f"{folder} belongs to somebody else.", hint=hint)
    if read_only:
        if not os.access(place, os.W_OK | os.X_OK):
            raise Fault(f"Nothing can be written to {place}.", hint=hint)
        return f"{folder}, not tried"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".etalase-probe-{os.getpid()}"
        try:
            probe.write_bytes(bytes(4096))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise Fault(
            f"Nothing can be written to {folder} ({error.strerror}).", hint=SPOOL_HINTS.get(error.errno or 0, hint)
        ) from error
    return f"{folder}"
