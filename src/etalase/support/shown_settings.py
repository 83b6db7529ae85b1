"""Returns settings as a bundle has them: of a secret, only whether it is set."""

import os
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from etalase.settings.reading import PREFIX, Settings

SET, EMPTY = "(set, not shown)", "(empty)"
# Settings of a Django project that decide how Etalase runs in it
DJANGO = (
    "DEBUG", "ALLOWED_HOSTS", "INSTALLED_APPS", "MIDDLEWARE", "ROOT_URLCONF", "USE_TZ", "TIME_ZONE", "LANGUAGE_CODE",
    "STATIC_URL", "CELERY_TIMEZONE", "CELERY_ENABLE_UTC", "CELERY_BEAT_SCHEDULE", "CELERY_TASK_ROUTES", "CELERY_BEAT_SCHEDULER",
    "ETALASE_PRODUCT_MODEL", "DATABASE_ROUTERS", "SECURE_PROXY_SSL_HEADER", "SECURE_HSTS_SECONDS", "CORS_ALLOWED_ORIGINS",
    "CSRF_TRUSTED_ORIGINS",
)  # fmt: skip


def shown(settings: Settings) -> dict[str, Any]:
    """Returns the settings of a screen by name."""
    secret = {name for name, value in settings if isinstance(value, SecretStr)} | set(settings.SECRET_NAMES)
    plain = settings.model_dump(mode="json", exclude=secret, fallback=str)
    return {name: _secret(name, value) if name in secret else plain[name] for name, value in settings}


def _secret(name: str, value: Any) -> Any:
    text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    if not name.endswith("_URL"):
        return SET if text else EMPTY
    places = [urlsplit(address) for address in text.split(";")]
    return [f"{place.scheme}://{place.netloc.rpartition('@')[2]}{place.path}" for place in places]


def django_settings() -> dict[str, Any]:
    """Returns the settings of Django that matter, and the place of each database."""
    from django.conf import settings

    found = {name: getattr(settings, name) for name in DJANGO if hasattr(settings, name)}
    places = ("ENGINE", "HOST", "PORT", "NAME", "USER", "CONN_MAX_AGE", "CONN_HEALTH_CHECKS")
    return found | {
        "DATABASES": {
            alias: {**{name: place.get(name) for name in places}, "OPTIONS": sorted(place.get("OPTIONS") or {})}
            for alias, place in settings.DATABASES.items()
        }
    }


def names_in_environment() -> list[str]:
    """Returns which settings the environment has, without their values."""
    return sorted(name for name in os.environ if name.startswith(PREFIX) or name == "DATABASE_URL")
