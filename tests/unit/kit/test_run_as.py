"""A program as another user, with the settings of a file: values are values, never commands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from etalase.kit.run_as import command_line, expanded

FILE = """\
# a comment
QUOTED='a '"'"' b'
CONTACT=Budi (IT) $HOME; `touch made` $(touch made) 0812
BIND=0.0.0.0:8001
"""
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


def run(settings: Path, folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    argv = command_line(sys.executable, "nobody", str(settings), *command)
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "edge.env"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


@root
def test_settings_edited_by_hand_are_read_as_systemd_reads_them(settings: Path, tmp_path: Path) -> None:
    done = run(settings, tmp_path, "/usr/bin/env")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "QUOTED=a ' b" in lines
    assert "CONTACT=Budi (IT) $HOME; `touch made` $(touch made) 0812" in lines
    assert [path.name for path in tmp_path.iterdir()] == ["edge.env"]


@root
def test_the_program_runs_as_the_user_with_the_settings_alone(settings: Path, tmp_path: Path) -> None:
    os.environ["A_WORD_OF_THE_SHELL"] = "1"
    done = run(settings, tmp_path, "/bin/sh", "-c", "id -un; env; grep NoNewPrivs /proc/self/status")
    assert done.stdout.startswith("nobody\n")
    assert "A_WORD_OF_THE_SHELL" not in done.stdout
    assert done.stdout.split()[-1] == "1"


@root
def test_a_folder_that_the_user_may_enter_stays_the_current_one(settings: Path) -> None:
    assert run(settings, Path("/usr/share"), "/bin/pwd").stdout == "/usr/share\n"
    closed = settings.parent / "closed"
    closed.mkdir(mode=0o700)
    done = run(settings, closed, "/bin/pwd")
    assert done.stdout.strip() != str(closed)
    assert done.returncode == 0, done.stderr


def test_another_user_than_root_is_told_so(tmp_path: Path) -> None:
    missing = tmp_path / "none.env"
    done = run(missing, tmp_path, "/usr/bin/env")
    assert done.returncode == 2
    assert "none.env" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_word_names_a_setting_as_in_a_unit() -> None:
    assert expanded(["serve", "--bind", "${BIND}", "$BIND"], {"BIND": "0.0.0.0:8001"}) == [
        "serve",
        "--bind",
        "0.0.0.0:8001",
        "$BIND",
    ]


@root
def test_settings_that_are_gone_are_one_object_for_machines(tmp_path: Path) -> None:
    done = run(tmp_path / "gone.env", tmp_path, "etalase", "edge", "doctor", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["exit_status"] == 2
    assert "gone.env" in json.loads(done.stdout)["error"]
    assert "gone.env" in done.stderr
