"""Passwords that are made at the first start and kept beside the data."""

import os
import secrets
from pathlib import Path

from etalase.devstack.process import StackError


def kept(path: Path) -> str:
    """The password in ``path``; at the first call a new random one, which only the file's owner can read.

    Raises :class:`StackError` where the file is another user's.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
            # Empty, too, where the very first start was killed right here; then no server knows a password yet.
            password = file.read()
            if not password:
                password = secrets.token_urlsafe(24)
                file.write(password)
            return password
    except PermissionError as error:
        raise StackError(
            f"The password in {path} belongs to another user.", hint="Run as that user, or choose another folder."
        ) from error
