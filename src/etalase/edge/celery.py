"""Defines the Celery application of the standalone edge. A Django project's own application finds the tasks by itself.

Its settings are here, so that only the worker and the beat load Celery. The schedule is the guide's, to the letter.
"""

import os
import sys
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings

from etalase.edge.consumer import Turns
from etalase.edge.queue import UNACKED, UNACKED_INDEX, UNACKED_MUTEX, take_over
from etalase.edge.task_names import QUEUE
from etalase.service_manager import service_manager

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etalase.settings.django_edge")
path = list(sys.path)
app = Celery("etalase")
# Celery adds the current folder for the modules of a Django project; a file there would replace a module of the same name.
sys.path[:] = path
app.conf.update(
    broker_url=getattr(settings, "CELERY_BROKER_URL"),  # noqa: B009 - not a setting of every project
    timezone=settings.TIME_ZONE,
    enable_utc=True,
    # A queue of its own, because other applications may use the same broker.
    task_default_queue=QUEUE,
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    # The worker waits without limit for a broker that is away, full, read-only or loading.
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_channel_error_retry=True,
    worker_consumer="etalase.edge.consumer:PatientConsumer",
    beat_scheduler="etalase.edge.beat:MemoryScheduler",
    broker_transport_options={
        # Longer than the longest run and countdown; otherwise the broker delivers a task in flight a second time.
        "visibility_timeout": 12 * 3600,
        # Keys of its own, because another application may have a shorter timeout.
        "unacked_key": UNACKED,
        "unacked_index_key": UNACKED_INDEX,
        "unacked_mutex_key": UNACKED_MUTEX,
        # A broker that does not respond within this time is away.
        "socket_connect_timeout": 10,
        "socket_timeout": 30,
        "socket_keepalive": True,
    },
)
# fmt: off
app.conf.beat_schedule = {
    'sync-product-photos-hourly': {
        'task': 'sync_api.tasks.sync_product_photos',
        'schedule': crontab(minute=0),  # Every hour
    },
    'sync-product-photos-nightly-full': {
        'task': 'sync_api.tasks.sync_product_photos_full',
        'schedule': crontab(hour=2, minute=0),  # 2 AM daily full sync
    },
}
# fmt: on
app.steps["consumer"].add(Turns)
app.autodiscover_tasks()


@worker_ready.connect
def _take_over(**_: Any) -> None:
    take_over(app)


@worker_shutting_down.connect
def _report_stop(**_: Any) -> None:
    service_manager().stopping()
