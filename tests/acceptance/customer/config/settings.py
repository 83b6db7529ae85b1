"""The customer's settings before Etalase."""

import os
from urllib.parse import urlsplit

from celery.schedules import crontab

SECRET_KEY = "the customer's own key, which is not a word of the guide"
DEBUG = False
ALLOWED_HOSTS = ["*"]

_database = urlsplit(os.environ["DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.path.lstrip("/"),
        "USER": _database.username,
        "PASSWORD": _database.password or "",
        "HOST": _database.hostname,
        "PORT": str(_database.port or 5432),
    }
}
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "products",
    "promo",
    "sync_api",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "config.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
USE_TZ = True
TIME_ZONE = "Asia/Jakarta"
STATIC_URL = "/static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CELERY_BROKER_URL = os.environ.get("ETALASE_BROKER_URL", "redis://127.0.0.1:1/0")
CELERY_TIMEZONE = TIME_ZONE
CELERY_TASK_DEFAULT_QUEUE = "foodlife"

# Celery Beat Schedule (config/settings.py), as the guide prints it
CELERY_BEAT_SCHEDULE = {
    'sync-product-photos-hourly': {
        'task': 'sync_api.tasks.sync_product_photos',
        'schedule': crontab(minute=0),  # Every hour
    },
    'sync-product-photos-nightly-full': {
        'task': 'sync_api.tasks.sync_product_photos_full',
        'schedule': crontab(hour=2, minute=0),  # 2 AM daily full sync
    },
}

HO_API_URL = os.environ["ETALASE_HO_URL"]
HO_USERNAME = os.environ["ETALASE_HO_USERNAME"]
HO_PASSWORD = os.environ["ETALASE_HO_PASSWORD"]
COMPANY_ID = os.environ["ETALASE_COMPANY_ID"]
STORE_ID = os.environ["ETALASE_STORE_ID"]
EDGE_MINIO_ENDPOINT = os.environ["ETALASE_S3_ENDPOINT"]
EDGE_MINIO_ACCESS_KEY = os.environ["ETALASE_S3_ACCESS_KEY"]
EDGE_MINIO_SECRET_KEY = os.environ["ETALASE_S3_SECRET_KEY"]
EDGE_MINIO_BUCKET = os.environ["ETALASE_S3_BUCKET"]
