"""The customer's settings: only the additions that docs/EDGE_SERVER_IMAGE_SYNC_IMPLEMENTATION.md asks for."""

import os

import dj_database_url

SECRET_KEY = "the customer's own"
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
INSTALLED_APPS = ["tests.acceptance.dropin.products", "etalase.edge"]
ROOT_URLCONF = "etalase.edge.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
CELERY_BROKER_URL = os.environ["ETALASE_BROKER_URL"]
CELERY_TIMEZONE = "Asia/Jakarta"

ETALASE_PRODUCT_MODEL = "products.Product"
ETALASE = {
    "PRODUCT_NAME_FIELD": os.environ.get("TITLE_FIELD", "title"),
    "PRODUCT_SKU_FIELD": "code",
    "SCHEDULE_OFFSET_MINUTES": os.environ.get("OFFSET_MINUTES", "0"),
    **{
        name.removeprefix("ETALASE_"): value
        for name, value in os.environ.items()
        if name.startswith(("ETALASE_HO_", "ETALASE_S3_", "ETALASE_COMPANY_ID", "ETALASE_STORE_ID"))
    },
}
