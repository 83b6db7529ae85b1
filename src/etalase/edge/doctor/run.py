"""The doctor of an edge: its settings, then all checks."""

from importlib import import_module
from pathlib import Path

from django.apps import apps
from django.db.models import ForeignKey

from etalase.doctor import machine, runner, services
from etalase.doctor.bucket import REQUEST_SECONDS, BucketChecks
from etalase.doctor.check import Check, CheckResult, Fault
from etalase.doctor.database import Database
from etalase.doctor.database_facts import Columns
from etalase.doctor.settings_look import SettingsLook
from etalase.edge import project_checks
from etalase.edge.checks import product_problems
from etalase.edge.command_names import STANDALONE, as_typed, is_in_project
from etalase.edge.database import as_database_error
from etalase.edge.doctor import schedule, web
from etalase.edge.doctor.head_office import HeadOfficeLink
from etalase.edge.doctor.renditions import renditions
from etalase.edge.doctor.state import StateChecks
from etalase.edge.project import category_fields, category_lookup, product_model_name
from etalase.edge.sync.download.origins import ImageOrigins
from etalase.errors import SettingsError
from etalase.own_bucket import own_bucket
from etalase.settings.edge import EdgeSettings, edge_settings

SPOOL = "ETALASE_SPOOL_DIR"


def read_settings() -> SettingsLook[EdgeSettings]:
    """Reads the settings, standalone or of the project, with every problem at once."""
    try:
        if not is_in_project():
            import_module(STANDALONE)  # again, where the start of Django failed at it
        settings = edge_settings()
        problems = [*project_checks.blocking_problems(), *product_problems(settings)]
        problems += [f"{message.msg} {message.hint}" for message in project_checks.products_have_migrations(None)]
        try:
            ImageOrigins.from_settings(settings.HO_URL, settings.IMAGE_ORIGINS, settings.IMAGE_URL_REWRITE)
        except ValueError as error:
            problems.append(f"ETALASE_IMAGE_ORIGINS {error}.")
    except SettingsError as error:
        return SettingsLook(None, error.problems)
    return SettingsLook(settings, problems)


def diagnose(
    look: SettingsLook[EdgeSettings], *, read_only: bool = False, seconds: float = runner.ALL_SECONDS
) -> list[CheckResult]:
    """Returns the result of each check, after ``seconds`` at the latest. ``read_only``: no probe is put."""
    first = [
        Check("versions", machine.versions),
        Check("settings", look),
    ]
    if look.settings is None or look.problems:
        return runner.run([*first, *_never_made()])
    settings = look.settings
    state = StateChecks(settings)
    store = own_bucket(settings, connect_timeout_seconds=REQUEST_SECONDS, timeout_seconds=REQUEST_SECONDS, max_retries=0)
    bucket = BucketChecks(store, settings.S3_PUBLIC_URL, settings.CA_FILE, as_typed("etalase edge sync"), read_only)
    database = Database(["etalase_edge"], _product_columns(settings), as_database_error, as_typed("etalase edge migrate"))
    link = HeadOfficeLink(settings, lambda: state.access_token)
    folder = settings.SPOOL_DIR
    checks = [
        *first,
        *link.checks(),
        *bucket.checks(),
        *web.checks(settings),
        *database.checks(),
        *state.checks(),
        *schedule.checks(settings),
        Check("project", _project, needs=("settings",)),
        Check("renditions", lambda: renditions(settings), needs=("settings",)),
        Check("disk", lambda: machine.disk([folder, Path("/"), *services.DATA]), needs=("settings",)),
        Check("spool", lambda: _spool(folder, read_only=read_only), needs=("settings", "disk")),
        *services.checks("edge"),
    ]
    try:
        return runner.run(checks, all_seconds=seconds)
    finally:
        bucket.clean_up()


def _spool(folder: Path, *, read_only: bool) -> str:
    return machine.folder_writable(folder, setting=SPOOL, read_only=read_only)


def _project() -> str:
    """Checks that nothing of the project stands in the place of something of Etalase's."""
    if not is_in_project():
        return "standalone"
    looks = (project_checks.tasks_are_ours, project_checks.urls_are_reached, project_checks.messages_come_once)
    try:
        messages = [message for look in looks for message in look(None)]
    except Exception as error:  # a project's own code, which may raise anything
        raise Fault(
            f"The project's own URLs or tasks cannot be loaded: {type(error).__name__}: {error}"[:500],
            hint="Look at `python manage.py check`.",
        ) from error
    for message in messages:
        raise Fault(f"{message.msg} ({message.id})", hint=message.hint or "")
    return "nothing in the place of Etalase's tasks and addresses"


def _product_columns(settings: EdgeSettings) -> Columns:
    """Returns the columns that the edge needs of a project's own product model."""
    name = product_model_name()
    model = apps.get_model(name)
    meta = model._meta  # noqa: SLF001 - Django documents Model._meta as its API
    if meta.app_label == "etalase_edge":
        return {}
    fields = [meta.pk, meta.get_field(settings.PRODUCT_NAME_FIELD), meta.get_field(settings.PRODUCT_SKU_FIELD)]
    columns = {meta.db_table: {str(field.column): "" for field in fields if field is not None}}
    for step in category_fields(model, category_lookup(settings.PRODUCT_CATEGORY_FIELD)):
        for field in (step, *step.foreign_related_fields) if isinstance(step, ForeignKey) else (step,):
            columns.setdefault(field.model._meta.db_table, {})[str(field.column)] = ""  # noqa: SLF001
    return columns


def _never_made() -> list[Check]:
    """Returns all further checks of an edge whose settings are wrong: none of them is made."""
    return [Check(name, str, needs=("settings",)) for name in IDS]


IDS = (
    "dns_head_office", "head_office", "clock_head_office", "login", "feed", "image_origins", "image",
    "dns_bucket", "object_store", "clock_bucket", "bucket", "bucket_write", "bucket_read", "bucket_public", "bucket_listing",
    "bucket_anonymous_write", "dns_public", "public_url", "bucket_delete", "store_ports",
    "mixed_content", "public_url_host", "cors", "web_server",
    "dns_database", "database", "postgresql", "database_writable", "database_pooler", "database_encoding", "migrations",
    "database_rights", "tables", "store", "worker", "beat",
    "dns_broker", "broker", "time_zone", "schedule", "project", "renditions", "disk", "spool",
    "settings_file", "starts_at_boot",
)  # fmt: skip
