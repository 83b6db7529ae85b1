"""Defines the Django settings of the standalone head office."""

import dj_database_url

from etalase.settings.edge import EdgeServerSettings, EdgeSettings
from etalase.settings.head_office import HeadOfficeSettings
from etalase.settings.head_office_web import FIXED
from etalase.settings.reading import DATABASE_OPTIONS, from_environment, logging_config

ETALASE_HEAD_OFFICE = from_environment(HeadOfficeSettings, others=(EdgeSettings, EdgeServerSettings))

globals().update(FIXED)

DEBUG = False
SECRET_KEY = ETALASE_HEAD_OFFICE.SECRET_KEY.get_secret_value()
ALLOWED_HOSTS = ETALASE_HEAD_OFFICE.ALLOWED_HOSTS
CSRF_TRUSTED_ORIGINS = ETALASE_HEAD_OFFICE.CSRF_TRUSTED_ORIGINS
# Each request checks its persistent connection, so that no request fails after a restart of PostgreSQL.
DATABASES = {
    "default": dj_database_url.parse(
        ETALASE_HEAD_OFFICE.DATABASE_URL.get_secret_value(), conn_max_age=300, conn_health_checks=True
    )
}
ROOT_URLCONF = "etalase.head_office.urls"
WSGI_APPLICATION = "etalase.head_office.wsgi.application"
STATIC_URL = "/static/"

DATABASES["default"]["OPTIONS"] = DATABASE_OPTIONS | DATABASES["default"].get("OPTIONS", {})

# Behind a proxy with TLS (its https address is in CSRF_TRUSTED_ORIGINS), cookies are never sent in clear.
SECURE_HSTS_SECONDS = ETALASE_HEAD_OFFICE.HSTS_SECONDS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ETALASE_HEAD_OFFICE.cookies_are_secure
if ETALASE_HEAD_OFFICE.PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

USE_TZ = True
TIME_ZONE = ETALASE_HEAD_OFFICE.TIME_ZONE

LOGGING = logging_config(ETALASE_HEAD_OFFICE.LOG_LEVEL)
# Successful logins are not logged; failures and lockouts are warnings.
LOGGING["loggers"] = {**LOGGING.get("loggers", {}), "axes": {"level": "WARNING"}}
