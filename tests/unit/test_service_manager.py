"""The messages to the service manager, on a real socket, as sd_notify(3) defines them."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from etalase.service_manager import ServiceManager


@pytest.fixture
def notify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.setblocking(False)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    yield listener
    listener.close()


def received(listener: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(listener.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_the_first_turn_is_ready_and_each_further_one_keeps_the_watchdog_quiet(
    notify: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    moments = iter([0.0, 1.0, 9.9, 10.0, 19.9, 20.0])
    manager = ServiceManager(lambda: next(moments))
    for _ in range(6):
        manager.turned()
    assert received(notify) == ["READY=1\nSTATUS=", *["WATCHDOG=1"] * 3]


def test_a_loop_that_waits_for_its_broker_is_not_ready(notify: socket.socket) -> None:
    manager = ServiceManager()
    manager.waits("no broker")
    assert received(notify) == ["STATUS=no broker"]


def test_a_loop_that_waits_again_still_turns(notify: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "1")
    manager = ServiceManager()
    manager.turned()
    received(notify)
    manager.waits("no broker")
    assert received(notify) == ["WATCHDOG=1"]


def test_the_stop_is_reported_once(notify: socket.socket) -> None:
    manager = ServiceManager()
    manager.stopping()
    manager.stopping()
    assert received(notify) == ["STOPPING=1"]


@pytest.mark.parametrize("pid", ["1", "no number"])
def test_a_watchdog_of_another_process_gets_no_message(
    notify: socket.socket, monkeypatch: pytest.MonkeyPatch, pid: str
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "1")
    monkeypatch.setenv("WATCHDOG_PID", pid)
    ServiceManager().turned()
    assert received(notify) == ["READY=1\nSTATUS="]


def test_this_process_is_named_by_its_pid(notify: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "1")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    ServiceManager().turned()
    assert received(notify) == ["READY=1\nSTATUS=", "WATCHDOG=1"]


def test_an_abstract_socket_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0etalase-test-{os.getpid()}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@etalase-test-{os.getpid()}")
        ServiceManager().send("READY=1")
        assert listener.recv(4096) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nowhere/notify"])
def test_without_a_service_manager_nothing_fails(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    manager = ServiceManager()
    manager.turned()
    manager.stopping()
