"""Passwords that are made at the first start and kept beside the data."""

import os
import secrets
from pathlib import Path


def kept(path: Path) -> str:
    """The password in ``path``; at the first call a new random one, which only the file's owner can read."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        password = path.read_text()
        # Empty where the very first start was killed between the two lines below; then no server knows a password yet.
        if password:
            return password
        fd = os.open(path, os.O_WRONLY)
    password = secrets.token_urlsafe(24)
    with os.fdopen(fd, "w") as file:
        file.write(password)
    return password
