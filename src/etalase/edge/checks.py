"""Checks the configuration at start-up; each problem has an id (Django's system check framework)."""

from collections.abc import Sequence
from typing import Any

import django.db
from django.apps import AppConfig, apps
from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import UUIDField

from etalase.edge import project_checks
from etalase.edge.command_names import is_in_project
from etalase.edge.project import category_fields, category_lookup, product_model_name
from etalase.errors import SettingsError
from etalase.postgres import TAKES_ALL
from etalase.settings.edge import EdgeSettings, edge_settings


def register() -> None:
    """Registers the checks below for ``manage.py check`` and for every command."""
    checks.register(settings_are_valid)
    checks.register(products_can_be_read)
    checks.register(database_takes_every_character, checks.Tags.database)
    project_checks.register()


def settings_are_valid(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Returns an ``etalase.E001`` for each missing or malformed setting."""
    try:
        edge_settings()
    except SettingsError as error:
        return [
            checks.Error(problem, hint="See etalase.settings.edge.EdgeSettings.", id="etalase.E001")
            for problem in error.problems
        ]
    return []


def products_can_be_read(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Returns an ``etalase.E002`` for each difference between the product model and the settings."""
    try:
        settings = edge_settings()
    except SettingsError:
        return []  # E001 reports it
    return [
        checks.Error(problem, hint="See docs/EDGE_SERVER_IMAGE_SYNC_IMPLEMENTATION.md.", id="etalase.E002")
        for problem in product_problems(settings)
    ]


def database_takes_every_character(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Returns ``etalase.W001`` if the encoding lacks characters: photos and products whose texts have others are refused."""
    if DEFAULT_DB_ALIAS not in (databases or ()) or connection.vendor != "postgresql":
        return []
    try:
        connection.ensure_connection()
    except django.db.Error:
        if is_in_project():
            return []  # E005 reports it
        raise
    encoding = connection.connection.info.parameter_status("server_encoding")
    if encoding in TAKES_ALL:
        return []
    hint = "Create it anew with ENCODING 'UTF8' TEMPLATE template0, before anything is in it."
    return [checks.Warning(f"The database's encoding is {encoding}, which lacks characters.", hint=hint, id="etalase.W001")]


def product_problems(settings: EdgeSettings) -> list[str]:
    """Returns the reasons why the edge cannot read the project's products, a line each."""
    named = product_model_name()
    try:
        model = apps.get_model(named)
    except (LookupError, ValueError):
        return [f"ETALASE_PRODUCT_MODEL «{named}»: this model does not exist; write app_label.Model."]
    meta, problems = model._meta, []  # noqa: SLF001 - Django documents Model._meta as its API
    if not isinstance(meta.pk, UUIDField):
        problems.append(f"ETALASE_PRODUCT_MODEL «{named}»: its primary key must be a UUIDField, as head office's ids are.")
    for name in ("PRODUCT_NAME_FIELD", "PRODUCT_SKU_FIELD"):
        try:
            meta.get_field(getattr(settings, name))
        except FieldDoesNotExist:
            fields = ", ".join(field.name for field in meta.concrete_fields)
            problems.append(f"ETALASE {name} «{getattr(settings, name)}»: {named} has no such field; it has {fields}.")
    try:
        category_fields(model, category_lookup(settings.PRODUCT_CATEGORY_FIELD))
    except ValueError as error:
        problems.append(f"ETALASE PRODUCT_CATEGORY_FIELD «{settings.PRODUCT_CATEGORY_FIELD}»: {error}.")
    return problems
