"""What a person who waits for a run is shown of the limit."""

import io
import time
from typing import Any

import pytest
from rich.console import Console
from rich.progress import DownloadColumn, Progress

from etalase.edge.management.commands.photos_sync import Command
from etalase.edge.sync import bar, terminal
from etalase.settings.bandwidth import duration_text


def test_a_progress_line_ends_with_the_current_bandwidth_limit() -> None:
    limits = iter(["limit 512 KiB/s until 23:00", ""])
    lines = terminal.Lines(lambda: next(limits), lambda: 0)
    lines.pulled(7)
    assert lines.line() == "7 photos listed, limit 512 KiB/s until 23:00"
    lines.pulled(8)
    assert lines.line() == "8 photos listed"


def test_progress_lines_appear_by_themselves_and_count_bytes_of_unfinished_photos(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "LINE_EVERY_SECONDS", 0.01)
    with terminal.watcher(quiet=False, limit=lambda: "", came=lambda: 1024 * 1024) as lines:
        lines.planned(3, 4 * 1024 * 1024)
        time.sleep(0.2)
    said = capsys.readouterr().err.splitlines()
    assert len(said) > 2
    assert "0 of 3 photos, 0 failed, 1.0 of 4.0 MiB, " in said[-1]
    assert said[-1].endswith(" left")


def test_the_progress_bar_counts_bytes_on_arrival() -> None:
    out = io.StringIO()
    came = iter([512 * 1024, 1024 * 1024])
    columns = (DownloadColumn(binary_units=True),)
    progress = bar.Counting(*columns, console=Console(file=out), came=lambda: next(came))
    bar.Bar(progress).planned(3, 4 * 1024 * 1024)
    for _ in range(2):
        progress.console.print(progress.get_renderable())
    assert [line.strip() for line in out.getvalue().split("\n") if line.strip()] == ["0.5/4.0 MiB", "1.0/4.0 MiB"]


def test_the_progress_bar_reads_the_bandwidth_limit_at_each_refresh() -> None:
    limits = iter(["limit 512 KiB/s until 23:00", "no limit until 06:00"])
    out = io.StringIO()
    progress = Progress(bar.LimitColumn(lambda: next(limits)), console=Console(file=out), auto_refresh=False)
    bar.Bar(progress)
    for _ in range(2):
        progress.console.print(progress.get_renderable())
    assert [line.strip() for line in out.getvalue().split("\n") if line.strip()] == [
        "limit 512 KiB/s until 23:00",
        "no limit until 06:00",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "about 0 s"),
        (0.2, "about 1 s"),
        (89, "about 89 s"),
        (700, "about 12 min"),
        (5400, "about 1.5 h"),
        (12345, "about 3.5 h"),
    ],
)
def test_a_duration_is_rough_and_rounded_up(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"seconds_at_limit": 700.0, "limit_bytes_per_second": 512 * 1024}, "(360.0 MiB, about 12 min at 512 KiB/s), "),
        ({"seconds_at_limit": None, "limit_bytes_per_second": None}, "(360.0 MiB), "),
    ],
)
def test_a_dry_run_predicts_the_duration_at_the_current_bandwidth_limit(limit: dict[str, Any], says: str) -> None:
    out = io.StringIO()
    forecast = {
        "photos_to_fetch": 9,
        "bytes_to_fetch": 360 * 1024 * 1024,
        "bytes_in_spool": 0,
        "rows_to_update": 0,
        "removals": [],
        "removals_to_hold": [],
    }
    Command(stdout=out)._foretell({**forecast, **limit})
    assert f"Would fetch 9 photos {says}" in out.getvalue()


def test_a_dry_run_names_removals_that_would_be_applied_and_those_that_would_be_held() -> None:
    out = io.StringIO()
    removals = {
        "removals": [{"photo_id": "a", "product_name": "Sate"}],
        "removals_to_hold": [{"photo_id": "b", "product_name": "Soto"}],
    }
    Command(stdout=out)._foretell(
        {"photos_to_fetch": 0, "bytes_to_fetch": 0, "bytes_in_spool": 0, "rows_to_update": 0, **removals}
    )
    assert "remove 1 photos, and ask a person about 1 more." in out.getvalue()
    assert "would remove a photo of Sate (a)" in out.getvalue()
    assert "would ask before removing a photo of Soto (b)" in out.getvalue()
