"""The ports of an object store that are not S3: whether they answer at an address that others use."""

import ipaddress
import socket
from collections.abc import Sequence
from typing import NamedTuple

from etalase.doctor import http
from etalase.doctor.check import Fault
from etalase.doctor.machine import host_of

CONNECT_SECONDS, ANSWER_SECONDS = 0.4, 1.0


class StorePort(NamedTuple):
    """A port by its purpose, and the address that shows whether it is this service."""

    purpose: str
    port: int
    path: str = "/"


# The defaults of SeaweedFS (`weed server -h`) and of MinIO's console as MinIO's documentation sets it.
STORE_PORTS = (
    StorePort("SeaweedFS filer", 8888),
    StorePort("SeaweedFS master", 9333, "/cluster/status"),
    StorePort("SeaweedFS volume server", 8080, "/status"),
    StorePort("MinIO console", 9001),
)
_SIGNS = (b"seaweedfs", b"weed", b"minio console", b'"isleader"', b'"diskstatuses"')


def hosts_to_try(urls: Sequence[str]) -> list[str]:
    """Returns the hosts of ``urls`` at which others reach the store: all but this machine's own loopback."""
    hosts = dict.fromkeys(map(host_of, urls))
    return [host for host in hosts if host and not _is_loopback(host)]


def _is_loopback(host: str) -> bool:
    try:
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return False
    return all(ipaddress.ip_address(str(address).partition("%")[0]).is_loopback for address in addresses)


def open_at(host: str, port: StorePort) -> str:
    """Returns the open service, or an empty text if it does not respond without a key."""
    try:
        socket.create_connection((host, port.port), CONNECT_SECONDS).close()
        bracketed = f"[{host}]" if ":" in host else host
        response = http.get(f"http://{bracketed}:{port.port}{port.path}", setting="", seconds=ANSWER_SECONDS)
    except (OSError, Fault):
        return ""
    told = response.header(b"server").lower().encode() + response.body.lower()
    return f"{port.purpose} at {host}:{port.port}" if response.status < 300 and any(s in told for s in _SIGNS) else ""
