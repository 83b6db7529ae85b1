"""Progress on stderr: a bar, lines, or nothing."""

import io
import threading

import pytest
from rich.console import Console

from etalase import progress
from etalase.progress import Progress

MIB = 1024 * 1024


def drawn(state: Progress, *, width: int = 100, times: int = 1) -> list[str]:
    """Returns the last lines of a bar that is drawn this number of times."""
    out = io.StringIO()
    with progress.drawing(state, Console(file=out, width=width, force_terminal=True, color_system=None)) as draw:
        for _ in range(times - 1):
            draw()
    return [line for part in out.getvalue().split("\n") for line in part.split("\r") if "photos" in line]


def test_a_line_ends_with_the_limit_in_force() -> None:
    limits = iter(["limit 512 KiB/s until 23:00", ""])
    state = Progress(limit=lambda: next(limits))
    state.pulled(7)
    assert state.line() == "7 photos listed, limit 512 KiB/s until 23:00"
    state.pulled(8)
    assert state.line() == "8 photos listed"


def test_lines_are_written_without_events_and_count_bytes_before_their_photo_is_complete(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = threading.Semaphore(0)

    def bytes_done() -> int:
        asked.release()
        return MIB

    with progress.shown(Progress(bytes_done=bytes_done), line_seconds=0.01) as state:
        state.planned(3, 4 * MIB)
        for _ in range(12):
            assert asked.acquire(timeout=60)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 2
    assert "0/3 photos, 1.0/4.0 MiB, " in lines[-1]
    assert lines[-1].endswith(" left")


def test_a_line_without_bytes_counts_photos_and_the_failed_ones() -> None:
    state = Progress(9)
    assert state.line() == "0/9 photos"
    state.carried(2, 1)
    state.carried(1)
    assert state.line().startswith("3/9 photos, 1 failed, about ")


def test_a_quiet_command_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    threads = threading.active_count()
    with progress.shown(Progress(3), quiet=True) as state:
        state.carried(1)
        assert threading.active_count() == threads
    assert capsys.readouterr().err == ""


def test_the_bar_reads_the_bytes_each_time_it_is_drawn() -> None:
    counts = iter([MIB // 2, MIB // 2, MIB, MIB])
    state = Progress(bytes_done=lambda: next(counts))
    state.planned(3, 4 * MIB)
    first, *_, last = drawn(state, times=2)
    assert "0/3 photos" in first
    assert "0.5/4.0 MiB" in first
    assert "1.0/4.0 MiB" in last


def test_the_bar_reads_the_limit_each_time_it_is_drawn() -> None:
    limits = iter(["limit 512 KiB/s until 23:00", "no limit until 06:00"])
    first, *_, last = drawn(Progress(limit=lambda: next(limits)), times=2)
    assert "limit 512 KiB/s until 23:00" in first
    assert "no limit until 06:00" in last


def test_the_bar_shows_the_whole_limit_on_80_columns() -> None:
    state = Progress(bytes_done=lambda: MIB, limit=lambda: "limit 512 KiB/s until 23:00")
    state.planned(4000, 4 * MIB)
    state.carried(120)
    (line, *_) = drawn(state, width=80)
    assert "120/4000 photos" in line
    assert "limit 512 KiB/s until 23:00" in line
