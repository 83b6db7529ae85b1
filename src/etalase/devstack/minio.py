"""MinIO, the guide's own object store: one folder, one process.

It has been published as source only since October 2025: ``python -m etalase.devstack.minio`` (``make minio``) builds it. The
console, the check for updates and the self-update are off.
"""

import os
import signal
import sys
from pathlib import Path

from etalase.devstack.gobuild import GoProgram
from etalase.devstack.ports import LOOPBACK, check_free
from etalase.devstack.process import StackError, claimed, spawn_claimed
from etalase.devstack.s3 import S3Server

NAME = "MinIO"
# The last version of the community edition.
SOURCE = GoProgram(NAME, "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c", minutes=4)
READY_SECONDS = 60.0


def start(data_dir: Path, port: int, *, access_key: str, secret_key: str) -> S3Server:
    """Starts a server with its objects in ``data_dir``; ``access_key`` has all permissions.

    It listens on ``port`` of 127.0.0.1 and, if available, of ::1. ``secret_key`` needs at least 8 characters. Requests without
    a key have the permissions of the bucket's policy only. Raises :class:`.ports.PortInUse`, and :class:`StackError` if the
    server does not start.
    """
    with claimed(data_dir, NAME) as claim:
        check_free(wanted(port))
        child = spawn_claimed(
            claim,
            [find_program(), "server", "--address", f"{LOOPBACK}:{port}", "--certs-dir", "certs", "data"],
            # Not this process's environment, in which MINIO_* variables would be settings.
            env={
                "PATH": os.defpath,
                "HOME": str(data_dir),
                "MINIO_ROOT_USER": access_key,
                "MINIO_ROOT_PASSWORD": secret_key,
                "MINIO_BROWSER": "off",
                "MINIO_UPDATE": "off",
            },
            cwd=data_dir,
            stop_signal=signal.SIGTERM,
            grace_seconds=5,
        )
    server = S3Server(port, access_key, secret_key, child)
    server.wait_ready(READY_SECONDS)
    return server


def wanted(port: int) -> dict[str, int]:
    """Returns its only port, for :func:`.ports.check_free`."""
    return {f"{NAME} s3": port}


def find_program() -> Path:
    """Returns the program. Raises :class:`StackError` if it is missing."""
    program = SOURCE.find()
    if program is None:
        raise StackError(
            f"There is no MinIO here: neither {SOURCE.built} nor «{SOURCE.command}» on the PATH.",
            hint="Run make minio; it takes 4 minutes.",
        )
    return program


if __name__ == "__main__":
    try:
        SOURCE.build()
    except StackError as error:
        sys.exit(str(error))
