"""The doctor of head office: its settings, then all checks."""

import os
from importlib import import_module
from pathlib import Path

from django.apps import apps

from etalase.doctor import machine, runner, services
from etalase.doctor.bucket import REQUEST_SECONDS, BucketChecks
from etalase.doctor.check import Check, CheckResult
from etalase.doctor.database import Database
from etalase.doctor.settings_look import SettingsLook
from etalase.errors import SettingsError
from etalase.head_office.database import as_database_error
from etalase.own_bucket import own_bucket
from etalase.settings.head_office import HeadOfficeSettings, head_office_settings

STANDALONE = "etalase.settings.django_head_office"


def read_settings() -> SettingsLook[HeadOfficeSettings]:
    """Reads the settings, with every problem at once."""
    try:
        if os.environ.get("DJANGO_SETTINGS_MODULE") == STANDALONE:
            import_module(STANDALONE)  # again, where the start of Django failed at it
        return SettingsLook(head_office_settings())
    except SettingsError as error:
        return SettingsLook(None, error.problems)


def diagnose(
    look: SettingsLook[HeadOfficeSettings], *, read_only: bool = False, seconds: float = runner.ALL_SECONDS
) -> list[CheckResult]:
    """Returns the result of each check, after ``seconds`` at the latest. ``read_only``: no probe is put."""
    first = [Check("versions", machine.versions), Check("settings", look)]
    settings = look.settings
    if settings is None:
        return runner.run([*first, *(Check(name, str, needs=("settings",)) for name in IDS)])
    # Loaded here: these modules take Django's applications, which may not be loaded where the settings are wrong.
    from etalase.head_office.doctor import alarms, private_bucket, renditions, tables, web

    store = own_bucket(settings, connect_timeout_seconds=REQUEST_SECONDS, timeout_seconds=REQUEST_SECONDS, max_retries=0)
    make = "etalase head-office serve"
    bucket = BucketChecks(store, settings.S3_PUBLIC_URL, settings.CA_FILE, make, read_only)
    labels = sorted({config.label for config in apps.get_app_configs() if any(True for _ in config.get_models())} & LABELS)
    database = Database(labels, {}, as_database_error, "etalase head-office migrate")
    checks = [
        *first,
        *database.checks(),
        *tables.checks(settings),
        *renditions.checks(),
        *alarms.checks(settings),
        *bucket.checks(),
        *private_bucket.checks(settings, read_only=read_only),
        *web.checks(settings),
        # Uploads lie in /tmp.
        Check("disk", lambda: machine.disk([Path("/"), Path("/tmp"), *services.DATA]), needs=("settings",)),  # noqa: S108
        *services.checks("head-office"),
    ]
    try:
        return runner.run(checks, all_seconds=seconds)
    finally:
        bucket.clean_up()


LABELS = frozenset({"head_office", "admin", "auth", "contenttypes", "sessions", "axes"})
IDS = (
    "dns_database", "database", "postgresql", "database_writable", "database_pooler", "database_encoding", "migrations",
    "database_rights", "tables", "writers_visible", "admin_password", "token_key", "stores", "feed", "purge",
    "worker", "renditions", "alarms",
    "dns_bucket", "object_store", "clock_bucket", "bucket", "bucket_write", "bucket_read", "bucket_public", "bucket_listing",
    "bucket_anonymous_write", "dns_public", "public_url", "bucket_delete", "store_ports", "masters_bucket", "masters_private",
    "proxy", "public_url_host", "disk",
    "settings_file", "starts_at_boot",
)  # fmt: skip
