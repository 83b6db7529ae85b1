"""Keeps the address at which the edge's web server listens, so that the doctor, in another process, can look at it.

A file in the spool folder: the web server works while the database is away.
"""

import hashlib
import logging
from contextlib import suppress
from pathlib import Path

from etalase.edge.database import database_name
from etalase.settings.edge import EdgeSettings

logger = logging.getLogger("etalase.edge")

# A second server on another port, started to try something, may end while the store's goes on.
MAX_BYTES, MAX_ADDRESSES = 1000, 4
# A server that listens everywhere is asked here.
HERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - compared only


def note(settings: EdgeSettings, bind: str) -> None:
    """Notes ``bind``, as ``serve --bind`` takes it, before those of other servers.

    A disk that is full or read-only does not stop the server.
    """
    path = _path(settings)
    new = path.with_suffix(".new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.write_text("\n".join([bind, *(one for one in noted(settings) if one != bind)][:MAX_ADDRESSES]))
        new.replace(path)
    except OSError as error:
        logger.warning("the doctor cannot look at this web server, because %s cannot be written: %s", path, error.strerror)
        with suppress(OSError):
            new.unlink(missing_ok=True)


def noted(settings: EdgeSettings) -> list[str]:
    """Returns the addresses of this store's web servers on this machine, running or not, from the newest one."""
    with suppress(OSError, UnicodeDecodeError), _path(settings).open("rb") as file:
        return file.read(MAX_BYTES).decode().split()[:MAX_ADDRESSES]
    return []


def url(bind: str) -> str | None:
    """Returns the URL by which this machine reaches a server that listens on ``bind``; None for a Unix socket. Pure."""
    if bind.startswith("unix:"):
        return None
    host, _, port = bind.rpartition(":")
    return f"http://{HERE.get(host, host)}:{port}"


def _path(settings: EdgeSettings) -> Path:
    database = hashlib.sha256(database_name().encode()).hexdigest()[:16]
    return settings.SPOOL_DIR / f"web-{settings.STORE_ID}-{database}"
