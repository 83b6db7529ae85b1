"""The makes of S3 server that the stack can start, with one interface."""

from enum import StrEnum
from pathlib import Path

from etalase.devstack import minio, seaweedfs
from etalase.devstack.s3 import S3Server
from etalase.devstack.seaweedfs import SeaweedPorts


class Make(StrEnum):
    """A make of S3 server. One make cannot read the data folder of another."""

    SEAWEEDFS = "seaweedfs"
    MINIO = "minio"

    def find_program(self) -> Path:
        """Returns its program. Raises :class:`.process.StackError` with a hint how to install it."""
        return minio.find_program() if self is Make.MINIO else seaweedfs.find_program()

    def wanted(self, port: int) -> dict[str, int]:
        """Returns all its ports by purpose, for the S3 port ``port``; for :func:`.ports.check_free`."""
        return minio.wanted(port) if self is Make.MINIO else SeaweedPorts.from_s3(port).wanted()

    def start(self, data_dir: Path, port: int, *, access_key: str, secret_key: str) -> S3Server:
        """Starts a server of this make with its objects in ``data_dir``; see ``start`` of its module."""
        if self is Make.MINIO:
            return minio.start(data_dir, port, access_key=access_key, secret_key=secret_key)
        return seaweedfs.start(data_dir, SeaweedPorts.from_s3(port), access_key=access_key, secret_key=secret_key)
