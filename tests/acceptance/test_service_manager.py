"""The edge's processes under a service manager: a real NOTIFY_SOCKET, real servers, and loops that hang."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from etalase.devstack.ports import free_port
from etalase.devstack.process import Child, spawn
from etalase.devstack.valkey import Valkey
from etalase.server.processes import HUNG_SECONDS
from tests.acceptance.conftest import Edge, eventually, responses

WATCHDOG_SECONDS = 3.0
# Runs `etalase ARGS`; a signal lets its main loop hang for a while. All its other threads go on.
HANGS = f"""
import signal, sys, time
signal.signal(signal.SIGRTMIN, lambda *_: time.sleep({3 * WATCHDOG_SECONDS}))
from etalase.cli import main
main(sys.argv[1:])
"""
# An application that lets the loop of its server process hang.
HANGING = """
import asyncio, gc, time

def application(environ, start_response):
    loop = next(one for one in gc.get_objects() if isinstance(one, asyncio.BaseEventLoop) and one.is_running())
    if environ["PATH_INFO"] == "/hang":
        loop.call_soon_threadsafe(time.sleep, 600)
    start_response("200 OK", [])
    return [b"here"]
"""


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

    def start(self, edge: Edge, *args: str) -> Child:
        """Starts a process whose loop can hang, under this service manager."""
        command = [sys.executable, "-c", HANGS, "edge", *args]
        child = spawn(args[0], command, run_dir=edge.folder, env=edge.environment | self.environment)
        edge.children.append(child)
        return child

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


def hangs_and_goes_on(manager: Manager, child: Child) -> None:
    """Checks that a hung loop sends nothing, and that the end of a loop is announced."""
    manager.wait_for("WATCHDOG=1")
    os.kill(child.pid, signal.SIGRTMIN)
    assert manager.is_silent()
    manager.wait_for("WATCHDOG=1")
    os.kill(child.pid, signal.SIGTERM)
    manager.wait_for("STOPPING=1")


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.long)])
def test_the_web_server_is_ready_when_it_listens_and_silent_when_it_hangs(edge: Edge, manager: Manager, workers: str) -> None:
    port = free_port()
    child = manager.start(edge, "serve", "--bind", f"127.0.0.1:{port}", "--workers", workers)
    manager.wait_for("READY=1")
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    hangs_and_goes_on(manager, child)


@pytest.mark.long
def test_the_worker_is_ready_when_it_has_its_broker_and_silent_when_it_hangs(
    edge: Edge, broker: Valkey, manager: Manager
) -> None:
    child = manager.start(edge, "worker", "--concurrency", "1")
    manager.wait_for("READY=1")
    hangs_and_goes_on(manager, child)


@pytest.mark.long
def test_the_beat_is_ready_when_it_ticks_and_silent_when_it_hangs(edge: Edge, broker: Valkey, manager: Manager) -> None:
    child = manager.start(edge, "beat")
    manager.wait_for("READY=1")
    os.kill(child.pid, signal.SIGRTMIN)
    assert manager.is_silent()
    os.kill(child.pid, signal.SIGTERM)
    manager.wait_for("STOPPING=1")


@pytest.mark.long
def test_a_server_process_whose_loop_hangs_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "hanging.py").write_text(HANGING)
    port = free_port()
    serving = (
        "from etalase.server.processes import serve\n"
        "from etalase.server.door import Limits\n"
        f"if __name__ == '__main__': serve('hanging', bind='127.0.0.1:{port}', workers=2, threads=1, limits=Limits())\n"
    )
    (tmp_path / "serving.py").write_text(serving)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    child = spawn("web", [sys.executable, str(tmp_path / "serving.py")], run_dir=tmp_path, env=environment)
    try:
        child.wait_ready(lambda: responses(f"http://127.0.0.1:{port}/"), 30)
        before = processes(child.pid)
        responses(f"http://127.0.0.1:{port}/hang")
        eventually(lambda: len(processes(child.pid)) == len(before) and processes(child.pid) != before, HUNG_SECONDS + 30)
        assert responses(f"http://127.0.0.1:{port}/")
        assert "most recent call first" in child.log.read_text()
    finally:
        child.stop()


def processes(parent: int) -> set[int]:
    """Returns the server processes, without multiprocessing's tracker."""
    children = {int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()}
    return {pid for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()}


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
