"""Passwords of services, generated at the first start and stored beside the data."""

import os
import secrets
from pathlib import Path

from etalase.devstack.process import StackError


def kept(path: Path) -> str:
    """Returns the password in ``path``; the first call generates it, readable for the file's owner only.

    Raises :class:`StackError` if the file belongs to another user.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
            # The file is also empty after a first start that was killed here; then no server uses a password yet.
            password = file.read()
            if not password:
                password = secrets.token_urlsafe(24)
                file.write(password)
            return password
    except PermissionError as error:
        raise StackError(
            f"The password in {path} belongs to another user.", hint="Run as that user, or choose another folder."
        ) from error
