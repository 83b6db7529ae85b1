"""The commands themselves, as processes: without settings, without a terminal, without a change."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from etalase.argv import ARGV
from etalase.errors import UsageError
from etalase.kit.edge import EDGE
from etalase.kit.init import kept_answers
from etalase.kit.machine import DryHost


def run(*args: str, text: str = "", **given: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ETALASE_", "DATABASE", "DJANGO"))}
    return subprocess.run([*ARGV, *args], input=text, env=environment | given, capture_output=True, text=True, check=False)


def test_every_missing_answer_is_named_at_once_in_one_object() -> None:
    done = run("edge", "init", "--dry-run", "--json", ETALASE_STORE_ID="no id")
    assert done.returncode == 2
    answer = json.loads(done.stdout)
    for name in ("ETALASE_HO_URL", "ETALASE_HO_USERNAME", "ETALASE_HO_PASSWORD", "ETALASE_COMPANY_ID", "ETALASE_STORE_ID"):
        assert name in answer["error"]
    assert answer["exit_status"] == 2


def test_a_dry_run_of_head_office_shows_files_and_commands_without_a_secret(tmp_path: Path) -> None:
    answers = "ETALASE_SECRET_KEY=a-secret-key-that-nobody-may-see-in-any-output\n"
    done = run("head-office", "init", "--dry-run", "--json", "--write-units", "--answers", "-", text=answers)
    assert done.returncode == 0, done.stderr
    assert "nobody-may-see" not in done.stdout + done.stderr
    assert "ExecStart=" in done.stderr
    assert "WEED_JWT_SIGNING_KEY=[hidden]" in done.stderr
    assert "ETALASE_MASTERS_BUCKET=product-images-masters" in done.stderr
    assert "Write:product-images-masters" in done.stderr
    result = json.loads(done.stdout)
    assert result["dry_run"] is True
    assert any("etalase-head-office-web.service" in change for change in result["changes"])


@pytest.mark.parametrize("half", ["edge", "head-office"])
def test_a_removal_where_nothing_is_changes_nothing(half: str) -> None:
    done = run(half, "remove", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["changes"] == [] or Path("/etc/etalase").exists()


@pytest.mark.parametrize("half", ["edge", "head-office"])
def test_a_misspelt_setting_in_the_answers_is_named(half: str) -> None:
    done = run(half, "init", "--dry-run", "--json", "--answers", "-", text="ETALASE_BANDWITH=1k\nBINT=1\n")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert "ETALASE_BANDWITH is not a setting; did you mean ETALASE_BANDWIDTH?" in error
    assert "BINT is not a setting; did you mean BIND?" in error


def test_the_web_server_of_a_store_is_proposed_at_one_address() -> None:
    (bind,) = [question.default({}) for question in EDGE.questions if question.name == "BIND"]
    assert bind is not None
    assert bind.endswith(":8001")
    assert not bind.startswith("0.0.0.0")


def test_a_secret_has_no_flag() -> None:
    done = run("edge", "init", "--help")
    assert "--ho-url" in done.stdout
    assert "--ho-password" not in done.stdout
    assert "--s3-secret-key" not in done.stdout


def test_who_may_not_read_the_settings_is_told_to_be_root_and_never_to_open_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(self: Path) -> str:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(UsageError) as told:
        kept_answers(DryHost(lambda _: None, root=tmp_path), EDGE)
    assert "root" in str(told.value)
    assert "chmod" not in str(told.value)


def test_an_edge_joins_by_its_init_and_a_typing_error_of_the_code_is_one_object() -> None:
    assert "--join ADDRESS CODE" in run("edge", "init", "--help").stdout
    assert "--join" not in run("head-office", "init", "--help").stdout
    done = run("edge", "init", "--dry-run", "--json", "--join", "http://127.0.0.1:1", "K7QF-M2XR-9TWA")
    assert done.returncode == 2
    assert "typing error" in json.loads(done.stdout)["error"]
