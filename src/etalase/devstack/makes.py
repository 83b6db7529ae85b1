"""The makes of S3 server that the stack can start, one in the place of the other."""

from enum import StrEnum
from pathlib import Path

from etalase.devstack import minio, seaweedfs
from etalase.devstack.s3 import S3Server
from etalase.devstack.seaweedfs import SeaweedPorts


class Make(StrEnum):
    """A make. A folder that one has filled is of no use to the other."""

    SEAWEEDFS = "seaweedfs"
    MINIO = "minio"

    def find_program(self) -> Path:
        """Its program. Raises :class:`.process.StackError`, which says how to get it, where it is not there."""
        return minio.find_program() if self is Make.MINIO else seaweedfs.find_program()

    def wanted(self, port: int) -> dict[str, int]:
        """Every port that it takes when its S3 port is ``port``, by what for, as :func:`.ports.check_free` takes them."""
        return minio.wanted(port) if self is Make.MINIO else SeaweedPorts.from_s3(port).wanted()

    def start(self, data_dir: Path, port: int, *, access_key: str, secret_key: str) -> S3Server:
        """A server of this make with its objects in ``data_dir``; see the ``start`` of its module."""
        if self is Make.MINIO:
            return minio.start(data_dir, port, access_key=access_key, secret_key=secret_key)
        return seaweedfs.start(data_dir, SeaweedPorts.from_s3(port), access_key=access_key, secret_key=secret_key)
