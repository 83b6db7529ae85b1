"""How a program is run as somebody else."""

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


def test_as_ourselves_a_command_stays_as_it_is() -> None:
    assert command_as(None, ["initdb", Path("/data")], must_reach=[]) == ["initdb", "/data"]


def test_as_another_user_it_gets_no_more_than_that_user_where_all_is_open() -> None:
    command = command_as(NOBODY, ["initdb"], must_reach=[OPEN])
    assert command == ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--pdeathsig=keep", "initdb"]


def test_below_a_closed_folder_it_may_read_past_permissions(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unprivileged, "_may_give", lambda _capability: True)
    assert "--ambient-caps=-all,+dac_read_search" in command_as(NOBODY, ["initdb"], must_reach=[OPEN, closed])


def test_in_a_container_without_that_capability_the_next_one_serves(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unprivileged, "_may_give", lambda capability: capability == 1)
    assert "--ambient-caps=-all,+dac_override" in command_as(NOBODY, ["initdb"], must_reach=[closed])


def test_without_either_the_closed_path_is_named(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unprivileged, "_may_give", lambda _capability: False)
    with pytest.raises(StackError, match=rf"uid 65534 may not enter {closed}"):
        command_as(NOBODY, ["initdb"], must_reach=[closed])


def test_an_ordinary_user_runs_everything_as_himself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unprivileged.account_for(tmp_path) is None
