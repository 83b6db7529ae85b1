"""Checks the bandwidth limit and its timetable through the commands: refusals, waits and messages."""

import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from etalase.devstack.valkey import Valkey
from tests.acceptance.conftest import Edge, eventually, send
from tests.simulator import Simulator, picture

NIGHTLY = "sync_api.tasks.sync_product_photos_full"
TIMETABLE = "06:00,512k 23:00,off"
REFUSED = [
    (["--full", "--off-peak"], {"ETALASE_BANDWIDTH": "512k"}, "ETALASE_BANDWIDTH, and that is not a timetable"),
    (["--off-peak"], {"ETALASE_BANDWIDTH": TIMETABLE}, "--full --off-peak"),
    ([], {"ETALASE_FULL_RUN": "off-peak"}, "ETALASE_FULL_RUN «off-peak»: needs a timetable"),
]


def off_between(begins_hours: float, ends_hours: float) -> dict[str, str]:
    """Returns settings with a timetable whose widest step begins and ends that many hours from now."""
    now = datetime.now(ZoneInfo("Asia/Jakarta"))
    begins, ends = (now + timedelta(hours=hours) for hours in (begins_hours, ends_hours))
    return {"ETALASE_BANDWIDTH": f"{begins:%H:%M},off {ends:%H:%M},64M", "ETALASE_FULL_RUN": "off-peak"}


def test_an_off_peak_setting_that_makes_no_sense_is_refused_with_a_hint(edge: Edge) -> None:
    for arguments, settings, says in REFUSED:
        done = edge.run("sync", *arguments, **settings)
        assert done.returncode == 2, done.stderr
        assert says in done.stderr


@pytest.mark.long
def test_off_peak_by_hand_names_its_wait_and_starts_at_once_within_off_peak(edge: Edge, ho: Simulator) -> None:
    ho.put("Dish", picture("dish"))
    waiting = edge.start("sync", "--full", "--off-peak", **off_between(2, 3))
    eventually(lambda: "waiting for off-peak, until " in waiting.log.read_text())
    waiting.stop()
    assert ho.requests == []
    assert edge.run("sync", "--full", "--off-peak", **off_between(-1, 3)).returncode == 0
    assert edge.sql("SELECT kind, outcome FROM etalase_sync_run") == [("full", "success")]


def test_a_scheduled_full_run_outside_off_peak_is_postponed(edge: Edge, ho: Simulator, broker: Valkey) -> None:
    edge.start("worker", "--pool", "threads", "--loglevel", "INFO", **off_between(2, 3))
    send(broker, NIGHTLY)
    _await_log(edge, "succeeded")
    assert edge.sql("SELECT count(*) FROM etalase_sync_run") == [(0,)]


@pytest.mark.long
def test_of_several_postponed_full_runs_only_one_runs(edge: Edge, ho: Simulator, broker: Valkey) -> None:
    edge.start("worker", "--pool", "threads", "--concurrency", "1", "--loglevel", "INFO", **off_between(-1, 3))
    due = time.time() - 3600
    for _ in range(2):
        send(broker, NIGHTLY, after_offset=True, due=due)
    _await_log(edge, "another run has done the work since this one became due")
    assert edge.sql("SELECT kind, trigger, outcome FROM etalase_sync_run") == [("full", "schedule", "success")]


@pytest.mark.long
def test_a_run_under_a_bandwidth_limit_publishes_everything_and_takes_its_time(edge: Edge, ho: Simulator) -> None:
    for number in range(8):
        ho.put(f"Dish {number}", picture(number, 16 * 1024))
    done = edge.json("sync", ETALASE_BANDWIDTH="128k")
    assert done["fetched"] == 8
    assert done["duration_seconds"] >= 1


def test_a_dry_run_predicts_the_duration_at_the_current_bandwidth_limit(edge: Edge, ho: Simulator) -> None:
    ho.put("Dish", picture("dish", 64 * 1024))
    forecast = edge.json("sync", "--dry-run", ETALASE_BANDWIDTH="8k")["forecast"]
    assert (forecast["seconds_at_limit"], forecast["limit_bytes_per_second"]) == (8.0, 8 * 1024)
    assert "about 8 s at 8 KiB/s" in edge.run("sync", "--dry-run", ETALASE_BANDWIDTH="8k").stdout
    forecast = edge.json("sync", "--dry-run")["forecast"]
    assert (forecast["seconds_at_limit"], forecast["limit_bytes_per_second"]) == (None, None)


def _await_log(edge: Edge, text: str) -> None:
    eventually(lambda: any(text in log.read_text() for log in edge.folder.glob("worker*.log")), 30)
