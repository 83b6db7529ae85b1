"""Checks head office before it serves: Django system checks with ids, and :func:`prepare_to_serve` for each start."""

import logging
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from etalase.errors import EtalaseError, ObjectStoreError, SettingsError, UsageError
from etalase.head_office.database import as_database_error
from etalase.head_office.ingest import bucket
from etalase.head_office.masters import masters
from etalase.head_office.passwords import admin_with_published_password
from etalase.settings.head_office import head_office_settings

logger = logging.getLogger("etalase.head_office")


def register() -> None:
    """Registers the checks below with Django."""
    checks.register(settings_are_valid)
    checks.register(writers_are_visible, checks.Tags.database)
    checks.register(uploads_are_private, deploy=True)


def settings_are_valid(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Reports each setting that is missing or malformed (``etalase.E101``)."""
    try:
        head_office_settings()
    except SettingsError as error:
        return [
            checks.Error(problem, hint="See etalase.settings.head_office.HeadOfficeSettings.", id="etalase.E101")
            for problem in error.problems
        ]
    return []


def writers_are_visible(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Reports a role without pg_read_all_stats (``etalase.E102``): the horizon cannot see other roles' transactions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), quote_ident(current_user)")
        visible, role = cursor.fetchone()
    if visible:
        return []
    return [
        checks.Error(
            "The database role cannot see the open transactions of other roles, so edges could miss their changes.",
            hint=f"As a superuser, once: GRANT pg_read_all_stats TO {role};",
            id="etalase.E102",
        )
    ]


def uploads_are_private(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Reports a private bucket that is not proved to be private (``etalase.E103``), with ``check --deploy``."""
    try:
        masters()
    except EtalaseError as error:
        return [checks.Error(error.message, hint=error.hint, id="etalase.E103")]
    return []


def prepare_to_serve() -> None:
    """Makes head office ready to serve: creates or repairs the bucket and its policy (hazard 26), and the private bucket.

    Raises :class:`etalase.errors.DatabaseAway`, :class:`UsageError` (not migrated, role without a privilege),
    :class:`SettingsError` (a password of the guide) or an :class:`ObjectStoreError`. Logs the other risks of the bucket
    once (hazard 72), and a private bucket without which no upload is possible.
    """
    try:
        problems = writers_are_visible(None)
        missing = MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes())
        published = None if missing or head_office_settings().DEMO else admin_with_published_password()
    except Error as error:
        raise as_database_error(error) from error
    if problems:
        raise UsageError(f"{problems[0].msg} ({problems[0].id})", hint=problems[0].hint or "")
    if missing:
        raise UsageError("The database lacks the newest tables.", hint="Run: etalase head-office migrate")
    if published is not None:
        raise SettingsError(
            [f"The account «{published.username}» has a password from the public guide."],
            hint="Change it: etalase head-office create-account admin --admin --password-file FILE",
        )
    bucket().ensure_bucket()
    try:
        masters()
    except ObjectStoreError as error:  # stores go on; until it is mended, each upload fails with this text
        logger.error("no upload is possible: %s", error)
    for risk in () if head_office_settings().DEMO else bucket().risks():
        logger.warning("%s", risk)
    connection.close()
