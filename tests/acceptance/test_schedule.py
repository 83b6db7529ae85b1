"""Checks the scheduled runs with a real worker on a real broker."""

import subprocess
import sys
import threading
from datetime import timedelta

import pytest
import redis
from celery.schedules import crontab

from etalase.devstack.valkey import Valkey
from etalase.edge.sync.lock import FULL_IS_DUE_CLASS
from tests.acceptance.conftest import Edge, eventually, send
from tests.django_settings import COMPANY_ID, STORE_ID
from tests.simulator import Simulator, picture

HOURLY, NIGHTLY = "sync_api.tasks.sync_product_photos", "sync_api.tasks.sync_product_photos_full"


def test_a_second_delivery_of_a_task_ends_as_locked(edge: Edge, ho: Simulator, broker: Valkey) -> None:
    ho.put("Dish", picture("dish"))
    edge.start("worker", "--pool", "threads", "--concurrency", "4", "--loglevel", "INFO")
    send(broker, NIGHTLY)
    runs = _await_runs(edge, 1)
    assert runs == [("full", "schedule", "success")]
    ho.put("Slow", picture("slow"))
    is_refused = threading.Event()

    def hang(_: str) -> None:
        is_refused.wait(25)

    ho.on_image = hang
    send(broker, HOURLY)
    send(broker, HOURLY)
    _await_log(edge, '"outcome": "locked"', '"outcome":"locked"')
    is_refused.set()
    assert _await_runs(edge, 2) == [("full", "schedule", "success"), ("incremental", "schedule", "success")]


def test_the_nightly_run_waits_for_the_hourly_run_which_yields(edge: Edge, ho: Simulator, broker: Valkey) -> None:
    ho.put("Dish", picture("dish"))
    edge.json("sync")
    for number in range(30):
        ho.put(f"Dish {number}", picture(number))
    nightly_waits = threading.Event()

    def hang(_: str) -> None:
        if len(ho.image_requests) > 3:
            nightly_waits.wait(25)

    ho.on_image = hang
    edge.start("worker", "--pool", "threads", "--concurrency", "4", "--loglevel", "INFO", ETALASE_WORKERS="1")
    send(broker, HOURLY)
    eventually(lambda: len(ho.image_requests) > 2, 30)
    send(broker, NIGHTLY)
    waiting = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = {FULL_IS_DUE_CLASS}"
    eventually(lambda: edge.sql(waiting) == [(1,)], 30)
    nightly_waits.set()
    runs = _await_runs(edge, 3)
    assert runs[1:] == [("incremental", "schedule", "partial"), ("full", "schedule", "success")]
    assert edge.sql("SELECT count(*) FROM product_photo") == [(31,)]


@pytest.mark.long
def test_a_scheduled_run_waits_for_the_stores_offset(edge: Edge, ho: Simulator, broker: Valkey) -> None:
    ho.put("Dish", picture("dish"))
    edge.start("worker", "--pool", "threads", "--loglevel", "INFO", ETALASE_SCHEDULE_OFFSET_MINUTES="7")
    send(broker, HOURLY)
    _await_log(edge, "succeeded")
    assert edge.sql("SELECT count(*) FROM etalase_sync_run") == [(0,)]


def test_the_beat_schedule_is_the_guides_in_the_stores_time_zone(edge: Edge) -> None:
    code = (
        "import django; django.setup(); from etalase.edge.celery import app; "
        "print(app.conf.timezone, {k: (v['task'], str(v['schedule'])) for k, v in app.conf.beat_schedule.items()})"
    )
    environment = edge.environment | {"DJANGO_SETTINGS_MODULE": "etalase.settings.django_edge"}
    output = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
    assert output.startswith("Asia/Jakarta")
    assert f"'sync-product-photos-hourly': ('{HOURLY}', '{crontab(minute=0)}" in output
    assert f"'sync-product-photos-nightly-full': ('{NIGHTLY}', '{crontab(hour=2, minute=0)}" in output


@pytest.mark.long
def test_only_our_messages_leave_the_old_queue_and_keep_their_order(edge: Edge, ho: Simulator, broker: Valkey) -> None:
    with redis.Redis.from_url(broker.url) as client:
        client.delete("celery")
        for task in ("shop.tasks.mail", HOURLY, "shop.tasks.report", NIGHTLY):
            send(broker, task, queue="celery")
        client.rpush("celery", "no message at all")
        theirs = [message for message in client.lrange("celery", 0, -1) if b"sync_api" not in message]
        edge.start("worker", "--pool", "threads", "--concurrency", "1", "--loglevel", "INFO")
        assert [kind for kind, _, _ in _await_runs(edge, 2)] == ["full", "full"]  # the first one is always full
        assert client.lrange("celery", 0, -1) == theirs
        client.delete("celery")
    _await_log(edge, "took over 2 messages")


@pytest.mark.long
def test_an_unknown_task_on_another_queue_stays_there(edge: Edge, broker: Valkey) -> None:
    with redis.Redis.from_url(broker.url) as client:
        edge.start("worker", "--pool", "threads", "--loglevel", "INFO")
        _await_log(edge, " ready.")
        send(broker, "shop.tasks.mail", queue="celery")
        send(broker, HOURLY)
        _await_runs(edge, 1)
        assert client.llen("celery") == 1
        client.delete("celery")


def test_a_task_accepts_the_guides_arguments_and_refuses_another_stores(edge: Edge, ho: Simulator, broker: Valkey) -> None:
    edge.start("worker", "--pool", "threads", "--concurrency", "1", "--loglevel", "INFO")
    send(broker, HOURLY, COMPANY_ID, "00000000-0000-4000-8000-000000000001")
    send(broker, HOURLY, COMPANY_ID.upper(), STORE_ID)
    assert len(_await_runs(edge, 1)) == 1
    _await_log(edge, "store_id «00000000-0000-4000-8000-000000000001»; this edge's is " + STORE_ID)


def test_worker_and_beat_write_heartbeats(edge: Edge, broker: Valkey) -> None:
    assert edge.sql("SELECT role FROM etalase_heartbeat") == []
    edge.start("worker", "--pool", "threads", "--loglevel", "WARNING")
    edge.start("beat", "--loglevel", "WARNING", HOME="/proc/nowhere", XDG_STATE_HOME="/proc/nowhere")
    eventually(lambda: edge.sql("SELECT role FROM etalase_heartbeat ORDER BY role") == [("beat",), ("worker",)], 30)


def _await_runs(edge: Edge, count: int, *, within: timedelta = timedelta(seconds=60)) -> list[tuple[str, str, str]]:
    statement = "SELECT kind, trigger, outcome FROM etalase_sync_run WHERE outcome IS NOT NULL ORDER BY id"
    eventually(lambda: len(edge.sql(statement)) >= count, within.total_seconds())
    return edge.sql(statement)


def _await_log(edge: Edge, *texts: str) -> None:
    eventually(lambda: any(text in log.read_text() for log in edge.folder.glob("worker*.log") for text in texts), 30)
