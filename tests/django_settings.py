"""Both halves in one Django project, for tests and the type checker; the acceptance tests run each with its own settings."""

from etalase.settings import head_office_web as head_office
from etalase.settings.edge import EdgeSettings
from etalase.settings.head_office import HeadOfficeSettings
from etalase.settings.reading import read

STORE_ID = "fe2d2dbf-9616-48f5-bd5b-302c087d7181"
COMPANY_ID = "48917ccd-b3f6-4984-b6ed-a96d9d5c8d9b"
_S3 = {
    "S3_ENDPOINT": "http://127.0.0.1:1",
    "S3_ACCESS_KEY": "test-access-key",
    "S3_SECRET_KEY": "test-secret-key",
    "S3_PUBLIC_URL": "http://127.0.0.1:1",
}

SECRET_KEY = "tests only: never used outside this folder"
ETALASE = read(
    EdgeSettings,
    {
        **_S3,
        "HO_URL": "http://127.0.0.1:1",
        "HO_USERNAME": "store",
        "HO_PASSWORD": "a test's own password",
        "COMPANY_ID": COMPANY_ID,
        "STORE_ID": STORE_ID,
    },
)
ETALASE_HEAD_OFFICE = read(
    HeadOfficeSettings,
    {**_S3, "DATABASE_URL": "postgresql://unused/unused", "SECRET_KEY": SECRET_KEY, "ALLOWED_HOSTS": "testserver"},
)
ETALASE_PRODUCT_MODEL = "etalase_edge.Product"

# Host, port, user and password are filled in when the first test asks for a database (tests/conftest.py).
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "etalase"}}
INSTALLED_APPS = [
    "etalase.edge",
    "etalase.edge.pos",
    *head_office.INSTALLED_APPS,
]
MIDDLEWARE = head_office.MIDDLEWARE
AUTH_USER_MODEL = head_office.AUTH_USER_MODEL
AUTHENTICATION_BACKENDS = head_office.AUTHENTICATION_BACKENDS
AUTH_PASSWORD_VALIDATORS = head_office.AUTH_PASSWORD_VALIDATORS
CSRF_FAILURE_VIEW = head_office.CSRF_FAILURE_VIEW
# Fast password hashing is enough for tests.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
REST_FRAMEWORK, SIMPLE_JWT = head_office.REST_FRAMEWORK, head_office.SIMPLE_JWT
SPECTACULAR_SETTINGS = head_office.SPECTACULAR_SETTINGS
AXES_HANDLER = head_office.AXES_HANDLER
AXES_FAILURE_LIMIT, AXES_COOLOFF_TIME = head_office.AXES_FAILURE_LIMIT, head_office.AXES_COOLOFF_TIME
AXES_LOCKOUT_PARAMETERS, AXES_RESET_ON_SUCCESS = head_office.AXES_LOCKOUT_PARAMETERS, head_office.AXES_RESET_ON_SUCCESS
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = head_office.AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT
AXES_DISABLE_ACCESS_LOG, AXES_VERBOSE = head_office.AXES_DISABLE_ACCESS_LOG, head_office.AXES_VERBOSE
AXES_LOCKOUT_CALLABLE, AXES_CLIENT_IP_CALLABLE = head_office.AXES_LOCKOUT_CALLABLE, head_office.AXES_CLIENT_IP_CALLABLE
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
USE_TZ, USE_I18N, LANGUAGE_CODE, LANGUAGES = True, head_office.USE_I18N, head_office.LANGUAGE_CODE, head_office.LANGUAGES
CACHES = head_office.CACHES
TIME_ZONE = "Asia/Jakarta"
STATIC_URL = "/static/"
APPEND_SLASH = False
ROOT_URLCONF = "tests.urls"
TEMPLATES = head_office.TEMPLATES
