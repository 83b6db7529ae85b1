"""Running a program as another user."""

import os
from pathlib import Path

import pytest

from etalase.devstack import unprivileged
from etalase.devstack.process import StackError
from etalase.devstack.unprivileged import SystemUser, command_as

NOBODY = SystemUser(65534, 65534)
OPEN = Path("/usr")


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    folder = tmp_path / "closed"
    (folder / "below").mkdir(parents=True)
    folder.chmod(0o700)
    return folder / "below"


def test_a_command_of_the_present_user_is_unchanged() -> None:
    assert command_as(None, ["initdb", Path("/data")], must_reach=[]) == ["initdb", "/data"]


def test_in_open_folders_a_command_gets_no_capability() -> None:
    command = command_as(NOBODY, ["initdb"], must_reach=[OPEN])
    assert command == ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--pdeathsig=keep", "initdb"]


def test_below_a_closed_folder_a_command_gets_dac_read_search(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unprivileged, "may_give", lambda _capability: True)
    assert "--ambient-caps=-all,+dac_read_search" in command_as(NOBODY, ["initdb"], must_reach=[OPEN, closed])


def test_without_dac_read_search_a_command_gets_dac_override(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unprivileged, "may_give", lambda capability: capability == 1)
    assert "--ambient-caps=-all,+dac_override" in command_as(NOBODY, ["initdb"], must_reach=[closed])


def test_without_any_capability_the_closed_path_is_reported(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unprivileged, "may_give", lambda _capability: False)
    with pytest.raises(StackError, match=rf"uid 65534 may not enter {closed}"):
        command_as(NOBODY, ["initdb"], must_reach=[closed])


def test_an_ordinary_user_runs_programs_as_the_same_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unprivileged.account_for(tmp_path) is None
