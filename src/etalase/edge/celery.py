"""The Celery application of the standalone edge; in a Django project, its own application finds the tasks by itself.

Its settings are here, where only the worker and the beat pay for loading Celery. The schedule is the guide's, literally.
"""

import os

from celery import Celery
from celery.schedules import crontab
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etalase.settings.django_edge")
app = Celery("etalase")
app.conf.update(
    broker_url=getattr(settings, "CELERY_BROKER_URL"),  # noqa: B009 - not a setting of every project
    timezone=settings.TIME_ZONE,
    enable_utc=True,
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    # Longer than the longest run and countdown, or the broker delivers what is still under way a second time.
    broker_transport_options={"visibility_timeout": 12 * 3600},
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
app.autodiscover_tasks()
