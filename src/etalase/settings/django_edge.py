"""Defines the Django settings of the standalone edge: no admin, no sessions, no accounts; a POS only reads."""

import dj_database_url

from etalase.settings.edge import EdgeServerSettings, EdgeSettings
from etalase.settings.reading import DATABASE_OPTIONS, Settings, from_environment, logging_config, together


def _head_office() -> type[Settings]:
    from etalase.settings.head_office import HeadOfficeSettings

    return HeadOfficeSettings


ETALASE, SERVER = together(
    lambda: from_environment(EdgeSettings, others=(EdgeServerSettings,), elsewhere=_head_office),
    lambda: from_environment(EdgeServerSettings, others=(EdgeSettings,), elsewhere=_head_office),
)
ETALASE_PRODUCT_MODEL = "etalase_edge.Product"

DEBUG = False
SECRET_KEY = SERVER.SECRET_KEY.get_secret_value()
ALLOWED_HOSTS = SERVER.ALLOWED_HOSTS
DATABASES = {
    "default": dj_database_url.parse(
        SERVER.DATABASE_URL.get_secret_value(),
        conn_max_age=300,
        # Each request checks its connection, so that no POS request fails after a restart of PostgreSQL.
        conn_health_checks=True,
    )
}
DATABASES["default"]["OPTIONS"] = DATABASE_OPTIONS | DATABASES["default"].get("OPTIONS", {})
INSTALLED_APPS = ["etalase.edge", "etalase.edge.pos", "corsheaders", "django.contrib.staticfiles"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "etalase.edge.urls"
WSGI_APPLICATION = "etalase.edge.wsgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
STATIC_URL = "/static/"
# Files are served without collectstatic; their names have no digest, so browsers revalidate each time.
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 0
APPEND_SLASH = False
# Behind a proxy with TLS.
SECURE_HSTS_SECONDS = SERVER.HSTS_SECONDS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_HSTS_SECONDS > 0
if SERVER.PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CORS_ALLOWED_ORIGINS = SERVER.CORS_ORIGINS
CORS_ALLOW_METHODS = ["GET", "HEAD", "OPTIONS"]

USE_TZ = True
TIME_ZONE = SERVER.TIME_ZONE
LANGUAGE_CODE = "id"
LANGUAGES = [("id", "Bahasa Indonesia"), ("en", "English")]

LOGGING = logging_config(SERVER.LOG_LEVEL)

CELERY_BROKER_URL = SERVER.BROKER_URL.get_secret_value()
