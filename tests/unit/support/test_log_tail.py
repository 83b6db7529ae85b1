"""Checks which lines of a log a bundle gets."""

from pathlib import Path

import pytest

from etalase.support import log_tail


def test_only_whole_lines_of_a_long_log_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_text("\n".join(["secret " * 20] * (log_tail.MAX_BYTES // 140 + 10)) + "\nlast\n")
    lines = log_tail.tail(path).splitlines()
    assert len(lines) == log_tail.MAX_LINES
    assert lines[-1] == "last"
    path.write_bytes(b"x" * log_tail.MAX_BYTES + b"half of a secret\nwhole\n")
    assert log_tail.tail(path) == "whole"


def test_a_log_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    (tmp_path / "a.log").write_text("one\n")
    (tmp_path / "b.log").mkdir()
    found = log_tail.logs([str(tmp_path / "*.log"), str(tmp_path / "a.log"), "/nowhere/*.log"])
    assert list(found) == ["logs/1-a.log", "logs/2-b.log"]
    assert "one" in found["logs/1-a.log"]
    assert "cannot be read" in found["logs/2-b.log"]
    assert log_tail.logs([]) == {"logs/none.txt": log_tail.NONE}


def test_the_lines_of_the_object_store_leave_those_of_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "journalctl"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = log_tail.logs([])
    assert "--unit=etalase-[!s]*" in found["logs/journal.log"]
    assert "etalase-s" not in found["logs/journal.log"]
    assert f"--lines={log_tail.MAX_LINES}" in found["logs/journal-object-store.log"]
    assert "--unit=etalase-s*" in found["logs/journal-object-store.log"]
