"""Checks which workers and beats of a Django project write heartbeats: only those that bring the next sync."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.beat import Scheduler
from celery.schedules import crontab

from etalase.edge import heartbeat

TASK = "sync_api.tasks.sync_product_photos"


@pytest.mark.parametrize(
    ("settings", "listens_to", "serves"),
    [
        ({}, ["celery"], True),
        ({}, ["emails"], False),
        ({}, ["emails", "celery"], True),
        ({"task_default_queue": "shop"}, ["shop"], True),
        ({"task_default_queue": "shop"}, ["celery"], False),
        ({"task_routes": {"sync_api.tasks.*": "photos"}}, ["photos"], True),
        ({"task_routes": {"sync_api.tasks.*": "photos"}}, ["celery"], False),
        ({"beat_schedule": {"hourly": {"task": TASK, "schedule": 3600, "options": {"queue": "photos"}}}}, ["photos"], True),
    ],
)
def test_the_worker_of_a_project_writes_heartbeats_if_it_listens_to_our_queue(
    settings: dict[str, Any], listens_to: list[str], serves: bool
) -> None:
    app = Celery("customer", broker="memory://", set_as_current=False, **settings)
    with app.connection_for_read() as connection:
        app.amqp.queues.select(listens_to)
        consumer = app.amqp.TaskConsumer(connection.default_channel)
        sender = SimpleNamespace(app=app, connection=connection, task_consumer=consumer)
        listens = heartbeat.worker_check(sender)
        assert not listens()
        consumer.consume()
        assert listens() is serves
        sender.task_consumer = None  # while the worker reconnects to its broker
        assert not listens()


def test_the_beat_of_a_project_writes_heartbeats_if_its_schedule_has_our_task() -> None:
    app = Celery("customer", broker="memory://", set_as_current=False)
    scheduler = Scheduler(app)
    schedules = heartbeat.beat_check(SimpleNamespace(scheduler=scheduler))
    assert not schedules()
    scheduler.add(name="others", task="shop.tasks.send_emails", schedule=crontab(hour=2))
    scheduler.tick()
    assert not schedules()
    scheduler.add(name="hourly", task=TASK, schedule=crontab(hour=2))
    scheduler.tick()
    assert schedules()
