"""Checks of a Django project around the edge: what a run would otherwise meet, each with an id, before anything runs."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Final

import django.db
from django.apps import AppConfig, apps
from django.conf import settings as django_settings
from django.core import checks
from django.db import DEFAULT_DB_ALIAS, connection, connections, router
from django.db.migrations.loader import MigrationLoader
from django.urls import NoReverseMatch, Resolver404, resolve, reverse

from etalase.edge.command_names import is_in_project
from etalase.edge.database import as_database_error
from etalase.edge.own_tables import columns, form_problems
from etalase.edge.project import may_have_tasks, product_model_name
from etalase.errors import SettingsError
from etalase.settings.edge import edge_settings

PAGE: Final = "docs/COMING_FROM_THE_GUIDE.md"
_PRODUCT: Final = "63ea9d40-47f2-4202-95b6-f9b9e798d762"
_URLS: Final = {
    "etalase_pos:menu": (),
    "etalase_pos:products": (),
    "etalase_pos:product_image": (_PRODUCT,),
    "etalase_pos:healthz": (),
    "etalase_status": (),
}


def register() -> None:
    """Adds the checks below to ``manage.py check``; those of the database to ``check --database default`` and ``migrate``."""
    looks = (tasks_are_ours, urls_are_reached, messages_come_once, products_have_migrations)
    for check in (database_can_be_used, product_model_is_named, *looks):
        checks.register(check)
    checks.register(database_is_fit, checks.Tags.database)


def blocking_problems() -> list[str]:
    """Returns a line for each thing of the project's that no run can do with. Asks no database."""
    return [*_database_problems(), *_product_model_problems()]


def database_can_be_used(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Returns ``etalase.E003`` for another database than PostgreSQL, another alias, or times without zones."""
    return [checks.Error(problem, id="etalase.E003") for problem in _database_problems()]


def product_model_is_named(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Returns ``etalase.E004`` if ETALASE_PRODUCT_MODEL is not the model whose photos ``product_photo`` has."""
    return [checks.Error(problem, id="etalase.E004") for problem in _product_model_problems()]


def tasks_are_ours(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Returns ``etalase.W002`` if the project still defines tasks under our names."""
    if not may_have_tasks():
        return []
    from etalase.edge.task_ownership import other_definitions

    return [
        checks.Warning(
            f"The project still defines the task {other.name} ({other.place}); Etalase's task of this name runs in its place.",
            hint=f'Remove the function there ({PAGE}, "Retire sync_api").',
            id="etalase.W002",
        )
        for other in other_definitions()
    ]


def urls_are_reached(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Returns ``etalase.W003`` if a URL of the project hides one of ours."""
    found: list[checks.CheckMessage] = []
    if not getattr(django_settings, "ROOT_URLCONF", None):
        return found
    for path in included_urls():
        try:
            view = resolve(path).func
        except Resolver404:
            continue
        if not view.__module__.startswith("etalase."):
            shown = path.replace(_PRODUCT, "{id}")
            other = f"{view.__module__}.{getattr(view, '__qualname__', type(view).__name__)}"
            hint = f'Put the include of etalase.edge.urls before it, or remove it ({PAGE}, "Switch the POS").'
            found.append(checks.Warning(f"{shown} is answered by {other}, not by Etalase.", hint=hint, id="etalase.W003"))
    return found


def included_urls() -> list[str]:
    """Returns the paths of our URLs in the project, wherever it includes them; none where it does not."""
    paths = []
    for name, args in _URLS.items():
        with suppress(NoReverseMatch):
            paths.append(reverse(name, args=args))
    return paths


def messages_come_once(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Returns ``etalase.W004`` if the broker delivers a task again while its run is in progress."""
    celery = sys.modules.get("celery")
    try:
        longest = edge_settings().MAX_RUN_SECONDS
    except SettingsError:
        return []  # E001 reports it
    if celery is None or not is_in_project():
        return []
    conf = celery.current_app.conf
    timeout = (conf.broker_transport_options or {}).get("visibility_timeout", 3600)
    if not str(conf.broker_url or "").startswith(("redis", "sentinel")) or not conf.task_acks_late or timeout >= longest:
        return []
    return [
        checks.Warning(
            f"The broker's visibility_timeout is {timeout} s, and with task_acks_late it delivers a task again after that; "
            f"a run may take {longest} s. A second hourly run ends as «locked», a second full one waits and compares again.",
            hint="Raise it in CELERY_BROKER_TRANSPORT_OPTIONS, or lower ETALASE_MAX_RUN_SECONDS.",
            id="etalase.W004",
        )
    ]


def products_have_migrations(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[checks.CheckMessage]:  # noqa: ARG001
    """Returns ``etalase.W005`` if the product model's app has an empty ``migrations``: `migrate` then ends in a traceback.

    An app without the package is none of Django's migrated apps, and Etalase's first migration takes its model as it is. No
    error, because `makemigrations` would end with it.
    """
    label = product_model_name().partition(".")[0]
    name = MigrationLoader.migrations_module(label)[0]
    try:
        package = import_module(name) if name else None
    except ModuleNotFoundError:
        return []
    if package is None or package.__file__ is None or any(not found.ispkg for found in iter_modules(package.__path__)):
        return []
    return [
        checks.Warning(
            f"The app {label} has models and no migration, and its package {name} is there: Django's `migrate` ends with"
            " «Dependency on app with no migrations».",
            hint=f"Run `python manage.py makemigrations {label}`, and where its tables are there already `python manage.py"
            f" migrate --fake-initial`; or remove the package {name}.",
            id="etalase.W005",
        )
    ]


def database_is_fit(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Returns ``E005`` to ``E009``, of the database: away, a pooler, read-only, another form, no right to create."""
    if DEFAULT_DB_ALIAS not in (databases or ()) or not is_in_project() or connection.vendor != "postgresql":
        return []
    try:
        return list(_database_faults())
    except django.db.Error as error:
        explained = as_database_error(error)
        return [checks.Error(explained.message, hint=explained.hint, id="etalase.E005")]


def _database_faults() -> Iterator[checks.CheckMessage]:
    with connection.cursor() as db:
        db.execute(
            "SELECT pg_backend_pid(), current_setting('transaction_read_only') = 'on',"
            " has_schema_privilege(current_schema(), 'CREATE'), current_schema()"
        )
        pid, is_read_only, may_create, schema = db.fetchone()
        own_pid = db.connection.info.backend_pid
    if pid != own_pid:
        hint = "Name PostgreSQL's own port in DATABASES: a run's lock lives in its session."
        yield checks.Error("DATABASES leads through a connection pooler.", hint=hint, id="etalase.E006")
    if is_read_only:
        hint = "Name the primary server, or switch default_transaction_read_only off."
        yield checks.Error("The database is read-only.", hint=hint, id="etalase.E007")
    if not may_create and not columns(connection, "etalase_checkpoint"):
        name = schema or "of the role's search_path"
        hint = f"GRANT CREATE ON SCHEMA {schema or 'public'} TO the role, or run `migrate` as a role that has it."
        yield checks.Error(f"The role may not create tables in the schema {name}.", hint=hint, id="etalase.E009")
    for problem in form_problems(connection):
        yield checks.Error(f"{problem}.", hint="Bring it to the guide's DDL with ALTER TABLE.", id="etalase.E008")


def _database_problems() -> Iterator[str]:
    if not is_in_project():
        return
    vendor = connections[DEFAULT_DB_ALIAS].vendor
    if vendor != "postgresql":
        yield f"DATABASES «default» is {vendor}: Etalase needs PostgreSQL there, with the products and their photos."
    models = {model for name in ("ProductPhoto", "Checkpoint") if (model := apps.get_model("etalase_edge", name))}
    with suppress(LookupError, ValueError):  # E002 reports it
        models.add(apps.get_model(product_model_name()))
    models |= {model for model in apps.get_models() if model._meta.db_table == "product_photo"}  # noqa: SLF001
    for model in sorted(models, key=lambda one: one._meta.label):  # noqa: SLF001
        if (alias := router.db_for_write(model)) != DEFAULT_DB_ALIAS:
            label = model._meta.label  # noqa: SLF001
            yield f"DATABASE_ROUTERS sends {label} to «{alias}»: Etalase reads and writes it in «default»."
    if not django_settings.USE_TZ:
        yield "USE_TZ is False: head office's times have zones, and so do the columns of the guide. Set USE_TZ = True."


def _product_model_problems() -> Iterator[str]:
    named = product_model_name()
    for model in apps.get_models():
        meta = model._meta  # noqa: SLF001 - Django documents Model._meta as its API
        if meta.app_label == "etalase_edge":
            continue
        if meta.db_table == "product" and named == "etalase_edge.Product":
            yield f'ETALASE_PRODUCT_MODEL is not set, and the table product is that of {meta.label}: set it to "{meta.label}".'
        if meta.db_table == "product_photo":
            for field in meta.concrete_fields:
                target = getattr(field.related_model, "_meta", None)
                if field.column == "product_id" and target is not None and target.label.lower() != named.lower():
                    yield f'ETALASE_PRODUCT_MODEL is "{named}", and {meta.label} has photos of "{target.label}": name that.'
