"""The file of a bundle that nobody has named: in a folder that takes it."""

from pathlib import Path

import pytest

from etalase.support import bundle


def test_it_is_in_the_current_folder_or_else_in_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    for folder in (here, home):
        folder.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    closed: set[Path] = set()
    monkeypatch.setattr("os.access", lambda folder, _: Path(folder) not in closed)
    assert bundle.default_path("edge").parent == here
    closed.add(here)
    assert bundle.default_path("edge").parent == home
    closed.add(home)
    assert bundle.default_path("edge").parent not in closed
