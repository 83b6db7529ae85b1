"""Takes Etalase out of a database, and says what a project has to remove besides.

``product``, ``product_photo`` and the bucket stay as they are, so that the guide's code runs on them again.
"""

import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from django.apps import apps
from django.conf import settings as django_settings
from django.db import transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.urls import NoReverseMatch, reverse

from etalase.edge.command_names import as_typed
from etalase.edge.database import cursor
from etalase.edge.project import product_model_name
from etalase.errors import UsageError
from etalase.renditions import parse_key

# By table: what a person has decided, and a later adoption would have to ask again.
DECISIONS: Final = {
    "etalase_removal": "state = 'refused' OR (state = 'applied' AND approved)",
    "etalase_own_photo": "state <> 'kept'",
    "etalase_own_object": "state <> 'kept'",
}
_OURS: Final = re.compile(r"ETALASE_PRODUCT_MODEL|etalase")


class Mention(NamedTuple):
    """A line of the project's own migrations that names Etalase."""

    path: str
    line: int
    text: str


class Traces(NamedTuple):
    """The things of Etalase that a project has outside of Etalase's own tables."""

    apps: Sequence[str] = ()
    settings: Sequence[str] = ()
    mentions: Sequence[Mention] = ()
    has_urls: bool = False


def our_tables() -> list[str]:
    """Returns Etalase's own tables that the database has."""
    with cursor() as db:
        names = [model._meta.db_table for model in apps.get_app_config("etalase_edge").get_models()]  # noqa: SLF001
        db.execute(
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NOT NULL ORDER BY 1",
            [[name for name in names if name.startswith("etalase_")]],
        )
        return [row[0] for row in db.fetchall()]


def rendition_keys() -> list[str]:
    """Returns the keys of Etalase's small pictures, also of those that wait for their deletion."""
    if "etalase_rendition" not in our_tables():
        return []
    with cursor() as db:
        db.execute("SELECT object_key FROM etalase_rendition UNION SELECT object_key FROM etalase_reclaim ORDER BY 1")
        return [key for (key,) in db.fetchall() if parse_key(key)]


def decisions() -> int:
    """Returns the number of decisions of persons that go with the tables."""
    tables = our_tables()
    count = 0
    with cursor() as db:
        for table, condition in DECISIONS.items():
            if table in tables:
                db.execute(f"SELECT count(*) FROM {table} WHERE {condition}")
                count += int(db.fetchone()[0])
    return count


def references(tables: Sequence[str]) -> list[str]:
    """Returns the foreign keys of other tables that point at ``tables``, as ``TABLE.CONSTRAINT``."""
    with cursor() as db:
        db.execute(
            "SELECT c.relname || '.' || k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
            " JOIN pg_class t ON t.oid = k.confrelid WHERE k.contype = 'f' AND t.relname = ANY(%s) AND c.relname <> ALL(%s)"
            " ORDER BY 1",
            [list(tables), list(tables)],
        )
        return [row[0] for row in db.fetchall()]


def refused(others: Sequence[str]) -> UsageError:
    """Returns the error of keys of other tables that refer to ours."""
    return UsageError(
        f"Tables of this project refer to Etalase's own: {', '.join(others)}.",
        hint="Drop these keys first, by a migration.",
    )


def drop(tables: Sequence[str]) -> None:
    """Drops Etalase's own ``tables`` and forgets its migrations, both or neither. Raises :class:`UsageError`."""
    if others := references(tables):
        raise refused(others)
    with transaction.atomic(), cursor() as db:
        if tables:
            db.execute(f"DROP TABLE {', '.join(tables)}")
        if product_model_name() == "etalase_edge.Product":
            db.execute("ALTER TABLE IF EXISTS product DROP COLUMN IF EXISTS is_listed")
        db.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        if db.fetchone()[0]:
            MigrationRecorder.Migration.objects.filter(app="etalase_edge").delete()


def traces() -> Traces:
    """Returns what a project has of Etalase outside of its tables."""
    ours = [name for name in django_settings.INSTALLED_APPS if name.startswith("etalase.")]
    named = [name for name in ("ETALASE", "ETALASE_PRODUCT_MODEL") if hasattr(django_settings, name)]
    try:
        has_urls = bool(reverse("etalase_pos:healthz"))
    except NoReverseMatch:
        has_urls = False
    return Traces(ours, named, list(_mentions()), has_urls)


def steps(tables: Sequence[str], left: Traces, *, in_project: bool, renditions: int = 0, decisions: int = 0) -> list[str]:
    """Returns what to do, in order. Pure."""
    pictures = f", deletes its {renditions} small pictures below renditions/" if renditions else ""
    found = ["Stop the worker and the beat, unless they are stopped."]
    if tables:
        found = ["Stop the worker and the beat: a run of theirs would not find its tables any more."]
    if left.has_urls:  # before the tables go: a till must not meet a view without them
        found.append(
            "Put the project's own view of the POS back, remove the include of etalase.edge's URLs, and restart the web: "
            "without the tables, tills would get the placeholder."
        )
    if tables:
        found.append(
            as_typed("Run `etalase edge leave --apply`", in_project=in_project)
            + f": it drops {', '.join(tables)}{pictures}, and nothing else."
            " product, product_photo and the photos in the bucket stay as they are."
        )
        if decisions:
            found.append(
                f"Know that the tables have {decisions} decisions of persons (removals approved, refused or undone,"
                " photos of the store's own). Before --apply, keep those on the store's own for a later adoption: "
                + as_typed(
                    "`etalase edge own list --json > own.json`, then `etalase edge adopt --apply --decisions own.json`."
                    " It does not know the others, and may delete a photo again that a person has restored:"
                    " `etalase edge undo --json` lists them.",
                    in_project=in_project,
                )
            )
    if not in_project:
        return [*found, "Remove the services and the environment (ETALASE_*) of this edge, and the package."]
    found += [
        f"Correct {one.path}, line {one.line} («{one.text}»): write the product model itself instead of "
        "settings.ETALASE_PRODUCT_MODEL, and remove what names etalase_edge."
        for one in left.mentions
    ]
    if left.apps:
        found.append(f"Remove from INSTALLED_APPS: {', '.join(left.apps)}.")
    if left.settings:
        found.append(f"Remove the settings {', '.join(left.settings)}.")
    return [
        *found,
        "Put the functions back that the schedule names: sync_api.tasks.sync_product_photos and sync_product_photos_full.",
        "Uninstall the package (pip uninstall etalase), and start worker and beat.",
    ]


def _mentions() -> Iterator[Mention]:
    for config in apps.get_app_configs():
        module, _ = MigrationLoader.migrations_module(config.label)
        if module is None or config.name.startswith("etalase."):
            continue
        try:
            places = getattr(find_spec(module), "submodule_search_locations", None) or []
        except ModuleNotFoundError:
            continue
        for path in (path for place in places for path in sorted(Path(place).glob("[!_]*.py"))):
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
                if _OURS.search(line) and not line.lstrip().startswith("#"):
                    yield Mention(str(path), number, line.strip())
