"""Checks the build of a program with Go, with a shell script instead of Go itself."""

from pathlib import Path

import pytest

from etalase.devstack import gobuild, minio
from etalase.devstack.gobuild import GoProgram
from etalase.devstack.makes import Make
from etalase.devstack.process import StackError

PROGRAM = GoProgram("MinIO", "github.com/minio/minio", "v1", minutes=4)


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets up an empty cache, without Go and MinIO."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(gobuild, "GO_FOLDER", tmp_path / "go")


def go(folder: Path, script: str) -> None:
    folder.mkdir()
    (folder / "go").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "go").chmod(0o755)


def test_a_go_program_is_built_once_by_go_install(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    go(tmp_path / "go", 'echo "$@" >> "$GOBIN/../arguments"; echo "$CGO_ENABLED" > "$GOBIN/minio"')
    assert PROGRAM.find() is None
    built = PROGRAM.build()
    assert built == PROGRAM.build() == PROGRAM.find() == tmp_path / "cache" / "etalase" / "minio-v1" / "minio"
    assert built.read_text() == "0\n"
    assert (built.parent / "arguments").read_text() == "install github.com/minio/minio@v1\n"
    assert "about 4 minutes" in capsys.readouterr().err


def test_a_failed_go_build_leaves_no_partial_program(tmp_path: Path) -> None:
    go(tmp_path / "go", 'echo half > "$GOBIN/minio"; exit 3')
    with pytest.raises(StackError, match=r"could not build MinIO.* ended with 3"):
        PROGRAM.build()
    assert list(PROGRAM.built.parent.iterdir()) == []


def test_without_go_the_error_says_where_to_get_it() -> None:
    with pytest.raises(StackError, match=r"neither on the PATH nor in .*go\.dev/dl"):
        PROGRAM.build()


def test_go_on_the_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go(tmp_path / "go", "exit 1")
    go(tmp_path / "mine", ': > "$GOBIN/minio"')
    monkeypatch.setenv("PATH", str(tmp_path / "mine"))
    assert PROGRAM.build().exists()


def test_a_program_on_the_path_is_used_unless_one_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "minio").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert PROGRAM.find() == tmp_path / "minio"
    PROGRAM.built.parent.mkdir(parents=True)
    PROGRAM.built.touch()
    assert PROGRAM.find() == PROGRAM.built


def test_without_minio_the_hint_names_make_minio() -> None:
    with pytest.raises(StackError, match=rf"neither {minio.SOURCE.built} .*Run make minio"):
        Make.MINIO.find_program()
