"""Looks at the world with the answers so far, as ``doctor`` does later."""

import shlex
import socket
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from etalase.doctor.http import get
from etalase.errors import UsageError
from etalase.kit.accounts import HOMES, USER
from etalase.kit.answers import Answers
from etalase.kit.database import check_connects

SECONDS = 5.0


def reachable(answers: Answers, name: str) -> None:
    """Checks that anything answers at the address ``name``."""
    ca_file = answers.get("ETALASE_CA_FILE")
    get(f"{answers[name]}/", setting=name, seconds=SECONDS, ca_file=Path(ca_file) if ca_file else None)


def ca_file(answers: Answers) -> None:
    """Checks that the services may read the certificate of an authority of one's own, if there is one."""
    if not (name := answers["ETALASE_CA_FILE"]):
        return
    path = Path(name).resolve()
    closed = [folder for folder in path.parents if not folder.stat().st_mode & 0o001]
    if closed or not path.stat().st_mode & 0o004 or str(path).startswith(HOMES):
        raise UsageError(
            f"the user {USER} may not read {name}.", hint=f"Copy it: install -D -m 644 {shlex.quote(name)} /etc/etalase/ca.pem"
        )


def database(answers: Answers) -> None:
    """Checks a given address of a database."""
    check_connects(answers["DATABASE_URL"])


def broker(answers: Answers) -> None:
    """Sends a PING to the broker, by its own client."""
    import redis

    url = answers["ETALASE_BROKER_URL"]
    if urlsplit(url).scheme not in {"redis", "rediss"}:
        return
    try:
        with closing(redis.Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS)) as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        raise UsageError(f"the broker does not answer: {error}.", hint="Start it (apt install redis-server).") from error


def free_or_ours(bind: str) -> None:
    """Checks the form of the web server's address. It may be in use: by Etalase itself, at a second init."""
    host, _, port = bind.rpartition(":")
    if bind.startswith("unix:"):
        return
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError("expected: HOST:PORT, [IPV6]:PORT or unix:PATH.")
    try:
        socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except OSError as error:
        raise UsageError(f"{host} is not an address of this machine: {error}.") from error


def own_addresses() -> list[str]:
    """Returns the names and addresses by which tills reach this machine."""
    found = [socket.gethostname()]
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # sends nothing; the kernel chooses the address (RFC 5737)
            found.append(probe.getsockname()[0])
    except OSError:
        pass
    return [*dict.fromkeys([*found, "127.0.0.1", "localhost"])]


def time_zone() -> str:
    """Returns this machine's time zone, or Jakarta's where it has none of its own."""
    try:
        name = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2]
    except OSError:
        name = ""
    return name if "/" in name and not name.startswith("Etc/") else "Asia/Jakarta"
