"""Checks the files of the counters: a place each, with room on the disk from the start, and a full disk is no fault."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from etalase.head_office.metrics.requests import request_counts
from etalase.head_office.metrics.shared_files import FILE_BYTES, FOLDER_VARIABLE, KINDS, Place
from etalase.serving import folder_for_counts


def test_each_process_takes_the_first_place_that_nobody_has(tmp_path: Path) -> None:
    first, second = Place(tmp_path), Place(tmp_path)
    assert (first(), second(), first()) == (0, 1, 0)
    files = [tmp_path / f"{kind}_{number}.db" for kind in KINDS for number in range(2)]
    assert all(os.stat(file).st_blocks * 512 >= FILE_BYTES for file in files)  # noqa: PTH116 - as du counts


def test_a_file_of_a_dead_process_is_taken_as_it_is(tmp_path: Path) -> None:
    kept = tmp_path / "counter_0.db"
    kept.write_bytes(b"counted" + bytes(FILE_BYTES - 7))
    assert Place(tmp_path)() == 0
    assert kept.read_bytes().startswith(b"counted")


def test_on_a_full_disk_requests_are_served_and_not_counted(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with suppress(OSError), (small_disk / "all of it").open("wb", buffering=0) as file:
        while file.write(bytes(1024 * 1024)):
            pass
    monkeypatch.setenv(FOLDER_VARIABLE, str(small_disk))
    request_counts.cache_clear()
    try:
        assert request_counts() is None
    finally:
        request_counts.cache_clear()
    assert "requests are not counted" in caplog.text


def test_a_server_without_a_place_for_temporary_files_starts_and_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, "")  # so that it is as before after the test
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with folder_for_counts():
        assert not os.environ[FOLDER_VARIABLE]
    assert "requests are not counted" in caplog.text


def test_the_folder_of_a_server_is_deleted_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, "")  # so that it is as before after the test
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with folder_for_counts():
        assert [Path(os.environ[FOLDER_VARIABLE])] == list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []
