"""The scheduled runs, by a real worker on a real broker."""

import subprocess
import sys
import time
from datetime import timedelta

import celery
from celery.schedules import crontab

from etalase.demo.devstack.valkey import Valkey
from tests.acceptance.conftest import Edge, eventually
from tests.simulator import Simulator, picture

HOURLY, NIGHTLY = "sync_api.tasks.sync_product_photos", "sync_api.tasks.sync_product_photos_full"


def test_the_guides_tasks_run_and_a_second_delivery_ends_as_locked(edge: Edge, ho: Simulator, broker: Valkey) -> None:
    ho.put("Dish", picture("dish"))
    edge.start("worker", "--pool", "threads", "--concurrency", "4", "--loglevel", "INFO")
    application = celery.Celery(broker=broker.url)
    application.send_task(NIGHTLY)
    runs = _await_runs(edge, 1)
    assert runs == [("full", "schedule", "success")]
    ho.put("Slow", picture("slow"))
    ho.on_image = lambda _: time.sleep(3)
    application.send_task(HOURLY)
    application.send_task(HOURLY)
    assert _await_runs(edge, 2) == [("full", "schedule", "success"), ("incremental", "schedule", "success")]
    _await_log(edge, '"outcome": "locked"', '"outcome":"locked"')


def test_the_nightly_run_waits_for_the_hourly_one_which_gives_way(edge: Edge, ho: Simulator, broker: Valkey) -> None:
    ho.put("Dish", picture("dish"))
    edge.json("sync")
    for number in range(30):
        ho.put(f"Dish {number}", picture(number))
    ho.on_image = lambda _: time.sleep(0.5)
    edge.start("worker", "--pool", "threads", "--concurrency", "4", "--loglevel", "INFO", ETALASE_WORKERS="1")
    application = celery.Celery(broker=broker.url)
    application.send_task(HOURLY)
    eventually(lambda: len(ho.image_requests) > 2, 30)
    application.send_task(NIGHTLY)
    time.sleep(1.5)
    ho.on_image = None
    runs = _await_runs(edge, 3)
    assert runs[1:] == [("incremental", "schedule", "partial"), ("full", "schedule", "success")]
    assert edge.sql("SELECT count(*) FROM product_photo") == [(31,)]


def test_a_store_waits_for_its_own_minute(edge: Edge, ho: Simulator, broker: Valkey) -> None:
    ho.put("Dish", picture("dish"))
    edge.start("worker", "--pool", "threads", "--loglevel", "INFO", ETALASE_SCHEDULE_OFFSET_MINUTES="7")
    celery.Celery(broker=broker.url).send_task(HOURLY)
    _await_log(edge, "succeeded")
    assert edge.sql("SELECT count(*) FROM etalase_sync_run") == [(0,)]


def test_the_beat_schedule_is_the_guides_in_the_stores_time_zone(edge: Edge) -> None:
    code = (
        "import django; django.setup(); from etalase.edge.celery import app; "
        "print(app.conf.timezone, {k: (v['task'], str(v['schedule'])) for k, v in app.conf.beat_schedule.items()})"
    )
    environment = edge.environment | {"DJANGO_SETTINGS_MODULE": "etalase.settings.django_edge"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
    assert said.startswith("Asia/Jakarta")
    assert f"'sync-product-photos-hourly': ('{HOURLY}', '{crontab(minute=0)}" in said
    assert f"'sync-product-photos-nightly-full': ('{NIGHTLY}', '{crontab(hour=2, minute=0)}" in said


def test_worker_and_beat_give_signs_of_life(edge: Edge, broker: Valkey) -> None:
    assert edge.sql("SELECT role FROM etalase_heartbeat") == []
    edge.start("worker", "--pool", "threads", "--loglevel", "WARNING")
    edge.start("beat", "--loglevel", "WARNING", XDG_STATE_HOME=str(edge.folder))
    eventually(lambda: edge.sql("SELECT role FROM etalase_heartbeat ORDER BY role") == [("beat",), ("worker",)], 30)


def _await_runs(edge: Edge, count: int, *, within: timedelta = timedelta(seconds=60)) -> list[tuple[str, str, str]]:
    statement = "SELECT kind, trigger, outcome FROM etalase_sync_run WHERE outcome IS NOT NULL ORDER BY id"
    eventually(lambda: len(edge.sql(statement)) >= count, within.total_seconds())
    return edge.sql(statement)


def _await_log(edge: Edge, *texts: str) -> None:
    eventually(lambda: any(text in log.read_text() for log in edge.folder.glob("worker*.log") for text in texts), 30)
