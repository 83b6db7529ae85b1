"""Checks `etalase demo` as a newcomer runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from etalase.devstack.makes import Make
from etalase.devstack.ports import free_port
from tests.conftest import require

T = TypeVar("T")
PORTS = [8001, 8002, 15432, 16379, *range(9000, 9005), *range(9010, 9015), *range(19000, 19005), *range(19010, 19015)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="module")
def offset() -> int:
    """Returns an offset at which all of the demo's ports are free."""
    base = free_port(offsets=[port - 8001 for port in PORTS])
    return base - 8001


@pytest.fixture
def running(data: Path, offset: int, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    log = tmp_path / "demo.log"
    with log.open("wb") as output:
        process = subprocess.Popen(_command(data, offset), stderr=output, stdout=output)
    until = time.monotonic() + 240
    while "Three things to try" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)
    # The commands in its hints work as printed, for any data folder.
    assert f"demo --data {data} change-photo" in log.read_text()
    yield process
    process.kill()
    process.wait()


def test_every_pos_image_has_head_offices_checksum(data: Path, offset: int) -> None:
    done = subprocess.run([*_command(data, offset), "--exit"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(": 87 as head office promised, 0 wrong.\n"), done.stdout
    assert not _left_behind(data)


@pytest.mark.long
def test_the_demo_runs_on_minio_and_keeps_its_make(offset: int, tmp_path: Path) -> None:
    require(Make.MINIO)
    data = tmp_path / "demo"
    done = subprocess.run(
        [*_command(data, offset), "--object-store", "minio", "--exit"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(": 87 as head office promised, 0 wrong.\n"), done.stdout
    assert list(data.glob("*-s3/data/product-images"))
    other = subprocess.run(
        [*_command(data, offset), "--object-store", "seaweedfs"], capture_output=True, text=True, check=False
    )
    assert other.returncode == 2
    assert "is in minio, which seaweedfs cannot read" in other.stderr
    assert not _left_behind(data)


@pytest.mark.long
def test_ctrl_c_stops_everything_and_a_second_start_keeps_the_data(running: "subprocess.Popen[bytes]", data: Path) -> None:
    output = _in_demo(data, "edge", "status", "--language", "en").stdout
    assert output.startswith("WELL: Nothing to do.\nAll 87 photos here and whole, compared with head office at ")
    assert "69 of 70 products show a photo on the tills." in output
    # Many dishes are deleted at head office: the next start reports held removals and continues.
    header, *lines = (data / "menu" / "menu.csv").read_text().splitlines()
    going = list(dict.fromkeys(line.split(",")[2] for line in lines))[-20:]
    rest = data / "rest.csv"
    rest.write_text("\n".join([header, *(line for line in lines if line.split(",")[2] not in going)]))
    _in_demo(data, "head-office", "import", str(rest), str(data / "menu" / "photos"), "--prune", "--yes", "20")
    assert _in_demo(data, "edge", "sync").returncode == 3
    running.send_signal(signal.SIGINT)
    assert running.wait(120) == 130
    assert not _left_behind(data)


@pytest.mark.long
def test_change_photo_changes_the_pos_and_a_killed_demo_leaves_no_process(
    running: "subprocess.Popen[bytes]", data: Path
) -> None:
    changed = _in_demo(data, "change-photo")
    assert changed.returncode == 0, changed.stderr
    assert "photos: 0 created, 1 updated" in changed.stdout
    # The worker's own run at the start may have fetched it first.
    assert "All 87 photos here and whole" in _in_demo(data, "edge", "status", "--language", "en").stdout
    running.kill()
    running.wait()
    until = time.monotonic() + 90
    while left := _left_behind(data):
        assert time.monotonic() < until, left
        time.sleep(0.2)


@pytest.mark.long
@pytest.mark.usefixtures("running")
def test_the_fleet_page_gets_a_store_that_is_behind_and_a_damaged_one_that_can_be_healed(data: Path, offset: int) -> None:
    def states() -> dict[str, tuple[str, list[str]]]:
        return {store["name"]: (store["state"], [reason["code"] for reason in store["reasons"]]) for store in _fleet(offset)}

    expected = {
        "AVR-SUNDA": ("equal", []),
        "AVR-DAGO": ("behind", ["changed"]),
        "AVR-KEMANG": ("wrong", ["challenge_failed"]),
    }
    assert _in_time(states, expected) == expected
    assert "NOT EQUAL" in _in_demo(data, "edge-kemang", "verify", "--deep").stdout
    healed = _in_demo(data, "heal", "kemang")
    assert healed.returncode == 0, healed.stderr
    assert _in_demo(data, "edge-dago", "sync").returncode == 0
    all_equal: dict[str, tuple[str, list[str]]] = dict.fromkeys(expected, ("equal", []))
    assert _in_time(states, all_equal) == all_equal
    assert "87 photos of AVR-KEMANG are damaged" in _in_demo(data, "damage", "kemang").stdout
    assert "NOT EQUAL" in _in_demo(data, "edge-kemang", "verify", "--deep").stdout
    unknown = _in_demo(data, "heal", "sunda")
    assert (unknown.returncode, "dago or kemang" in unknown.stderr) == (2, True)


def test_a_port_in_use_is_reported_with_port_offset(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(_command(data, port - 8001), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"Port {port} (edge)" in done.stderr
    assert "--port-offset" in done.stderr


def test_fresh_refuses_a_folder_of_other_data(tmp_path: Path, offset: int) -> None:
    (tmp_path / "precious").write_text("mine")
    done = subprocess.run([*_command(tmp_path, offset), "--fresh"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (tmp_path / "precious").read_text() == "mine"


def _command(data: Path, offset: int) -> list[str]:
    return [sys.executable, "-m", "etalase.cli", "demo", "--data", str(data), "--port-offset", str(offset)]


def _fleet(offset: int) -> list[dict[str, Any]]:
    """Returns the stores as head office's API judges them now."""
    base = f"http://127.0.0.1:{8002 + offset}/api/v1"
    login = json.dumps({"username": "admin", "password": "admin123"}).encode()
    token = _json(Request(f"{base}/token/", login, {"Content-Type": "application/json"}))["access"]
    page = _json(Request(f"{base}/fleet/stores/", headers={"Authorization": f"Bearer {token}"}))
    found: list[dict[str, Any]] = page["stores"]
    return found


def _json(request: Request) -> dict[str, Any]:
    with build_opener(ProxyHandler({})).open(request, timeout=30) as response:
        found: dict[str, Any] = json.loads(response.read())
    return found


def _in_time(look: Callable[[], T], expected: T) -> T:
    """Returns what ``look`` sees: ``expected``, or the last of three minutes."""
    until = time.monotonic() + 180
    while (seen := look()) != expected and time.monotonic() < until:
        time.sleep(1)
    return seen


def _in_demo(data: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "etalase.cli", "demo", "--data", str(data), *args]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _left_behind(data: Path) -> list[str]:
    """Returns the command lines of processes that remain of this demo."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(data) in words and int(process.name) != os.getpid():
            found.append(words.split(b"\0\0")[0].replace(b"\0", b" ").decode(errors="replace"))
    return found
