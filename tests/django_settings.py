"""Defines one Django project of both halves, for tests and the type checker. Acceptance tests run each half by itself."""

from etalase.settings.edge import EdgeSettings
from etalase.settings.head_office import HeadOfficeSettings
from etalase.settings.head_office_web import FIXED
from etalase.settings.reading import parse_settings

STORE_ID = "fe2d2dbf-9616-48f5-bd5b-302c087d7181"
COMPANY_ID = "48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b"
_S3 = {
    "S3_ENDPOINT": "http://127.0.0.1:1",
    "S3_ACCESS_KEY": "test-access-key",
    "S3_SECRET_KEY": "test-secret-key",
    "S3_PUBLIC_URL": "http://127.0.0.1:1",
}

SECRET_KEY = "tests only: never used outside this folder"
ETALASE = parse_settings(
    EdgeSettings,
    {
        **_S3,
        "HO_URL": "http://127.0.0.1:1",
        "HO_USERNAME": "store",
        "HO_PASSWORD": "a test's own password",
        "COMPANY_ID": COMPANY_ID,
        "STORE_ID": STORE_ID,
        "RENDITIONS": "head-office",  # most tests have a head office without renditions: an edge would make its own
    },
)
ETALASE_HEAD_OFFICE = parse_settings(
    HeadOfficeSettings,
    {**_S3, "DATABASE_URL": "postgresql://unused/unused", "SECRET_KEY": SECRET_KEY, "ALLOWED_HOSTS": "testserver"},
)
ETALASE_PRODUCT_MODEL = "etalase_edge.Product"

# Host, port, user and password are filled in when the first test asks for a database (tests/conftest.py).
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "etalase"}}
globals().update(FIXED)
INSTALLED_APPS = ["etalase.edge", "etalase.edge.pos", *FIXED["INSTALLED_APPS"]]
# Fast password hashing is enough for tests.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
USE_TZ, TIME_ZONE = True, "Asia/Jakarta"
STATIC_URL = "/static/"
APPEND_SLASH = False
ROOT_URLCONF = "tests.urls"
