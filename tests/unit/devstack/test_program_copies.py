"""Copies of programs for a user without access to their folders."""

from pathlib import Path

import pytest

from etalase.devstack import unprivileged


def test_programs_in_an_open_folder_are_used_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unprivileged, "CACHE", tmp_path / "cache")
    assert unprivileged.within_reach([Path("/usr/bin")], name="usr") == Path("/usr/bin")
    assert not (tmp_path / "cache").exists()


def test_programs_in_a_closed_folder_are_copied_once_with_their_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unprivileged, "CACHE", tmp_path / "cache")
    closed = tmp_path / "closed"
    for name in ("package", "package.libs"):
        (closed / name).mkdir(parents=True)
        (closed / name / "file").write_text(name)
    closed.chmod(0o700)
    folders = [closed / "package", closed / "package.libs"]
    reached = unprivileged.within_reach(folders, name="package-1")
    assert reached == tmp_path / "cache" / "package-1" / "package"
    assert (reached.parent / "package.libs" / "file").read_text() == "package.libs"
    assert reached.parent.stat().st_mode & 0o777 == 0o755
    (reached / "mark").touch()
    assert unprivileged.within_reach(folders, name="package-1") == reached
    assert (reached / "mark").exists()
