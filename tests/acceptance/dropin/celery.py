"""The customer's Celery application, as in Celery's own documentation."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.acceptance.dropin.settings")
app = Celery("customer")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
