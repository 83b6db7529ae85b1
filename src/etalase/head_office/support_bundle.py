"""The parts of head office's support bundle."""

from typing import Any

import django.db

from etalase.doctor import machine
from etalase.doctor.check import to_json
from etalase.doctor.settings_look import SettingsLook
from etalase.errors import SettingsError
from etalase.head_office.database import as_database_error
from etalase.head_office.doctor.run import diagnose
from etalase.settings.head_office import HeadOfficeSettings
from etalase.support.bundle import BundlePart
from etalase.support.log_tail import logs, named_without_settings
from etalase.support.shown_settings import django_settings, names_in_environment, shown


def parts(look: SettingsLook[HeadOfficeSettings], *, read_only: bool) -> list[BundlePart]:
    """Returns the parts. With settings that are not valid, those that need them fail, each with its reason."""
    return [
        BundlePart("settings", lambda: {"settings.json": _settings(look)}),
        BundlePart("versions", lambda: {"versions.json": machine.packages()}),
        BundlePart("doctor", lambda: {"doctor.json": to_json(diagnose(look, read_only=read_only))}),
        BundlePart("contents", lambda: {"contents.json": _contents(look)}),
        BundlePart("logs", lambda: logs(look.settings.LOG_FILES if look.settings else named_without_settings())),
    ]


def _settings(look: SettingsLook[HeadOfficeSettings]) -> dict[str, Any]:
    found: dict[str, Any] = {"problems": list(look.problems), "in_environment": names_in_environment()}
    return found if look.settings is None else found | {"etalase": shown(look.settings), "django": django_settings()}


def _contents(look: SettingsLook[HeadOfficeSettings]) -> dict[str, Any]:
    """Returns how much there is of everything, and when each table of the feed last changed."""
    if look.settings is None:
        raise SettingsError(list(look.problems))
    from etalase.head_office import feed_models, models

    tombstones = (feed_models.PhotoTombstone, feed_models.AssortmentTombstone)
    tables = (models.Company, models.Store, models.Product, models.Photo, *tombstones)
    try:
        counts = {model.__name__: model._default_manager.count() for model in tables}  # noqa: SLF001 - Django's documented way
        accounts = models.Account.objects.filter(is_active=True)
        return counts | {
            "active accounts": accounts.count(),
            "stores with an account": accounts.filter(store__isnull=False).values("store").distinct().count(),
            "logins": models.TokenFamily.objects.count(),
        }
    except django.db.Error as error:
        raise as_database_error(error) from error
