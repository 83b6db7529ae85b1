"""The units: systemd's own tools find no fault in them, and judge them as closed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from etalase.kit import edge, head_office, seaweedfs
from etalase.kit.units import ServiceUnit, word

PROGRAM = str(Path(sys.executable).resolve())
SERVICES = [*edge.services(PROGRAM), *head_office.services(PROGRAM), seaweedfs.unit("http://127.0.0.1:8333")]
MOST_EXPOSED = 2.0


def here(one: ServiceUnit) -> dict[str, str]:
    """Returns the units with a user of this machine: the tools look each name up."""
    return {name: re.sub(r"^(User|Group)=.*", r"\1=daemon", text, flags=re.MULTILINE) for name, text in one.units.items()}


def analyze(folder: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed: apt install systemd")
    environment = {"PATH": os.environ["PATH"], "SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"}
    return subprocess.run([program, *args], cwd=folder, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("one", SERVICES, ids=lambda one: one.name)
def test_systemd_finds_no_fault(one: ServiceUnit, tmp_path: Path) -> None:
    for name, text in here(one).items():
        (tmp_path / name).write_text(text)
    done = analyze(tmp_path, "verify", *(f"./{name}" for name in one.units))
    of_ours = [line for line in done.stderr.splitlines() if "etalase" in line]
    assert not of_ours, of_ours
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("one", SERVICES, ids=lambda one: one.name)
def test_a_service_is_closed(one: ServiceUnit, tmp_path: Path) -> None:
    name = f"{one.name}.service"
    (tmp_path / name).write_text(here(one)[name])
    done = analyze(tmp_path, "security", "--offline=true", "--no-pager", f"./{name}")
    assert done.returncode == 0, done.stderr
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    assert float(found[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("one", SERVICES, ids=lambda one: one.name)
def test_a_service_is_started_again_for_ever_unless_a_timer_runs_it(one: ServiceUnit) -> None:
    text = one.units[f"{one.name}.service"]
    assert ("Restart=always\nRestartSec=5" in text and "StartLimitIntervalSec=0" in text) is not bool(one.on_calendar)
    assert ("Type=notify" in text) is bool(one.watchdog)


def test_the_waits_for_a_broker_have_no_end() -> None:
    by_name = {one.name: one.units[f"{one.name}.service"] for one in edge.services(PROGRAM)}
    assert "TimeoutStartSec=infinity" in by_name["etalase-edge-worker"]
    assert "TimeoutStartSec=infinity" in by_name["etalase-edge-beat"]


def test_no_port_of_the_object_store_is_open_to_others() -> None:
    text = seaweedfs.unit("http://127.0.0.1:8333").units["etalase-seaweedfs.service"]
    assert " -ip.bind=127.0.0.1 " in text
    assert " -disableHttp " in text
    assert "telemetry=false" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("${BIND}", "${BIND}"),
        ("two words", '"two words"'),
        ("50%", "50%%"),
        ("a$b", "a$$b"),
        ('a"b', '"a\\"b"'),
        ("", '""'),
    ],
)
def test_an_argument_is_quoted_as_systemd_reads_it(text: str, expected: str) -> None:
    assert word(text) == expected
