"""Reads the length of the queue in which tasks wait for the worker."""

from typing import Any

from django.conf import settings
from kombu import Connection
from kombu.exceptions import ChannelError

from etalase.edge.command_names import is_in_project
from etalase.edge.heartbeat import queues_of_our_tasks
from etalase.edge.metrics.samples import Queue
from etalase.edge.status.sync_request import project_celery
from etalase.edge.task_names import QUEUE

BROKER_SECONDS = 1.0


def read() -> Queue | None:
    """Returns the queue; None in a project whose Celery application this process has not loaded."""
    options = {"socket_connect_timeout": BROKER_SECONDS, "socket_timeout": BROKER_SECONDS}
    if is_in_project():
        app = project_celery()
        if app is None:
            return None
        names = queues_of_our_tasks(app)
        connection = app.connection_for_write(
            transport_options={**app.conf.broker_transport_options, **options}, connect_timeout=BROKER_SECONDS
        )
    else:
        names = {QUEUE}
        url: str = getattr(settings, "CELERY_BROKER_URL")  # noqa: B009 - not a setting of every project
        connection = Connection(url, transport_options=options, connect_timeout=BROKER_SECONDS)
    try:
        with connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=BROKER_SECONDS)
            return Queue(is_up=True, length=sum(_length(connection, name) for name in names))
    except Exception:  # a project's broker may raise anything; the log of the worker has the error
        return Queue(is_up=False)


def _length(connection: Connection, name: str) -> int:
    channel: Any
    with connection.channel() as channel:
        try:
            declared = channel.queue_declare(queue=name, passive=True)
        except ChannelError:  # Redis keeps no empty queue
            return 0
        return int(declared.message_count)
