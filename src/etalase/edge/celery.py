"""The Celery application of the standalone edge; in a Django project, its own application finds the tasks by itself."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etalase.settings.django_edge")
app = Celery("etalase")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
