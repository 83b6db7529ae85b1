"""The customer's Celery application, as in Celery's own documentation."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.acceptance.dropin.settings")
app = Celery("customer")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# The guide's schedule.
app.conf.beat_schedule = {
    "sync-product-photos-hourly": {
        "task": "sync_api.tasks.sync_product_photos",
        "schedule": crontab(minute=0),  # Every hour
    },
    "sync-product-photos-nightly-full": {
        "task": "sync_api.tasks.sync_product_photos_full",
        "schedule": crontab(hour=2, minute=0),  # 2 AM daily full sync
    },
}
