"""The edge's processes under a service manager: a real NOTIFY_SOCKET, real servers, and loops that hang."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from etalase.devstack.ports import free_port
from etalase.devstack.valkey import Valkey
from tests.acceptance.conftest import Edge

WATCHDOG_SECONDS = 3.0


class Manager:
    """Receives the messages of one service."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.environment = {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": str(int(WATCHDOG_SECONDS * 1_000_000))}

    def wait_for(self, message: str, seconds: float = 60) -> None:
        self.socket.settimeout(seconds)
        while message not in self.socket.recv(4096).decode().splitlines():
            pass

    def drain(self) -> None:
        self.socket.setblocking(False)
        try:
            while True:
                self.socket.recv(4096)
        except BlockingIOError:
            pass

    def is_silent(self) -> bool:
        """Returns whether no message arrives within the time after which systemd would restart the service."""
        self.drain()
        self.socket.settimeout(WATCHDOG_SECONDS)
        try:
            self.socket.recv(4096)
        except TimeoutError:
            return True
        return False


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    receiving = Manager(tmp_path)
    yield receiving
    receiving.socket.close()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_web_server_is_ready_when_it_listens_and_silent_when_it_hangs(edge: Edge, manager: Manager, workers: str) -> None:
    port = free_port()
    child = edge.start("serve", "--bind", f"127.0.0.1:{port}", "--workers", workers, **manager.environment)
    manager.wait_for("READY=1")
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    manager.wait_for("WATCHDOG=1")
    os.kill(child.pid, signal.SIGSTOP)
    assert manager.is_silent()
    os.kill(child.pid, signal.SIGCONT)
    manager.wait_for("WATCHDOG=1")
    os.kill(child.pid, signal.SIGTERM)
    manager.wait_for("STOPPING=1")


@pytest.mark.parametrize("role", ["worker", "beat"])
def test_worker_and_beat_are_ready_when_they_turn_and_silent_when_they_hang(
    edge: Edge, broker: Valkey, manager: Manager, role: str
) -> None:
    concurrency = ["--concurrency", "1"] if role == "worker" else []
    child = edge.start(role, *concurrency, **manager.environment)
    manager.wait_for("READY=1")
    os.kill(child.pid, signal.SIGSTOP)
    assert manager.is_silent()
    os.kill(child.pid, signal.SIGCONT)
    os.kill(child.pid, signal.SIGTERM)
    manager.wait_for("STOPPING=1")


def test_a_worker_without_its_broker_waits_and_is_ready_when_it_has_it(edge: Edge, broker: Valkey, manager: Manager) -> None:
    client = redis.Redis.from_url(broker.url)
    before = str(client.config_get("requirepass")["requirepass"])
    client.config_set("requirepass", "another")
    try:
        edge.start("worker", "--concurrency", "1", **manager.environment)
        manager.wait_for("STATUS=The worker waits for its broker.")
    finally:
        client.config_set("requirepass", before)
    manager.wait_for("READY=1")
    manager.wait_for("WATCHDOG=1")
