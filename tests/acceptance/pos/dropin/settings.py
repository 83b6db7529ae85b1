"""Settings of a project whose products are articles with a title and a number."""

import os

import dj_database_url

SECRET_KEY = "a test's own project"
ALLOWED_HOSTS = ["testserver"]
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
INSTALLED_APPS = ["tests.acceptance.pos.dropin.products", "etalase.edge", "etalase.edge.pos"]
ROOT_URLCONF = "tests.acceptance.pos.dropin.urls"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "/static/"
USE_TZ = True

ETALASE_PRODUCT_MODEL = "products.Product"
ETALASE = {
    "HO_URL": "http://127.0.0.1:1",
    "HO_USERNAME": "store",
    "HO_PASSWORD": "a test's own password",
    "COMPANY_ID": "48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b",
    "STORE_ID": "fe2d2dbf-9616-48f5-bd5b-302c087d7181",
    "S3_ENDPOINT": "http://minio.internal:9000",
    "S3_ACCESS_KEY": "an access key",
    "S3_SECRET_KEY": "a secret key",
    "S3_PUBLIC_URL": "https://photos.store.example",
    "PRODUCT_NAME_FIELD": "title",
    "PRODUCT_SKU_FIELD": "article_number",
    "PRODUCT_CATEGORY_FIELD": os.environ.get("CATEGORY_FIELD", "kind__label"),
    "METRICS": True,
}
