"""Makes the role and the database of a half, as PostgreSQL's superuser; and removes both.

Statements travel by stdin or by a connection, never on a command line, so that no password stands in ``ps``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit

from etalase import other_half
from etalase.errors import UsageError
from etalase.kit.machine import Host
from etalase.postgres import explained

# Not in a project with another driver of PostgreSQL, where the commands refuse before they use it.
with suppress(ImportError):
    import psycopg
    from psycopg import sql

LOCAL = "local"
# The server's log would show the statement, with the password.
_UNLOGGED = "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = 'panic'; "


# The tables of each half's own migrations.
OWN_TABLES = {
    other_half.EDGE: "^(etalase_.*|django_.*|product|product_photo)$",
    other_half.HEAD_OFFICE: "^(head_office|auth|django|axes|token_blacklist)_",
}
_OTHER_TABLES = """
SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
WHERE relkind IN ('r', 'p', 'f') AND nspname <> 'information_schema' AND nspname !~ '^pg_' AND relname !~ %s
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
ORDER BY 1
"""


class Superuser(Protocol):
    """A session of a role that may make roles and databases."""

    def has(self, query: sql.Composed) -> bool: ...
    def execute(self, statements: Sequence[sql.Composed], *, change: str) -> None: ...


class LocalSuperuser:
    """The user ``postgres`` of this machine, over the local socket (peer authentication)."""

    def __init__(self, machine: Host) -> None:
        self._machine = machine
        self._psql = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
        self._psql += ["psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres"]

    def has(self, query: sql.Composed) -> bool:
        """Returns whether ``query`` finds a row. Raises :class:`UsageError` without PostgreSQL."""
        done = self._machine.look(self._psql, text=query.as_string(None) + ";")
        if done.status and not self._machine.is_dry:
            raise UsageError(
                f"PostgreSQL on this machine is not reachable as its superuser: {(done.error or done.output).strip()}",
                hint="Start it (apt install postgresql), or give DATABASE_URL, or ADMIN_DATABASE_URL with the rights.",
            )
        return bool(done.output.strip())

    def execute(self, statements: Sequence[sql.Composed], *, change: str) -> None:
        """Runs the statements, each in a transaction of its own."""
        text = _UNLOGGED.replace("; ", ";\n") + "".join(f"{one.as_string(None)};\n" for one in statements)
        self._machine.run(self._psql, text=text, change=change)


class RemoteSuperuser:
    """The role of a given address."""

    def __init__(self, machine: Host, url: str) -> None:
        self._machine, self._url = machine, url

    def has(self, query: sql.Composed) -> bool:
        """Returns whether ``query`` finds a row. Raises :class:`UsageError` without PostgreSQL."""
        with closing(_connected(self._url, "ADMIN_DATABASE_URL")) as connection:
            return connection.execute(query).fetchone() is not None

    def execute(self, statements: Sequence[sql.Composed], *, change: str) -> None:
        """Runs the statements, each in a transaction of its own."""
        if not self._machine.is_dry:
            with closing(_connected(self._url, "ADMIN_DATABASE_URL")) as connection:
                with suppress(psycopg.errors.InsufficientPrivilege):  # only a superuser may, with its own log
                    connection.execute(_UNLOGGED)
                try:
                    for statement in statements:
                        connection.execute(statement)
                except psycopg.Error as error:
                    raise UsageError(f"ADMIN_DATABASE_URL: {error.diag.message_primary or error}") from error
        self._machine.note(change)


def superuser(machine: Host, url: str) -> Superuser:
    """Returns the session for ``url``, which is :data:`LOCAL` or an address."""
    return LocalSuperuser(machine) if url == LOCAL else RemoteSuperuser(machine, url)


def check_connects(url: str) -> None:
    """Connects as the half will. Raises :class:`UsageError`."""
    with closing(_connected(url, "DATABASE_URL")):
        pass


def refuse_other_half(url: str, half: str) -> None:
    """Raises :class:`UsageError` where the database is of the other half."""
    with closing(_connected(url, "DATABASE_URL")) as connection:
        record: Any = connection.execute(other_half.QUERY).fetchone()
    if wrong := other_half.problem(half, record):
        raise UsageError(f"DATABASE_URL: {wrong}", hint=other_half.HINT)


def refuse_others_tables(admin: Superuser, url: str, half: str) -> None:
    """Raises :class:`UsageError` where the database has tables of another program, or cannot be looked into."""
    _, _, name = _parts(url)
    if not admin.has(sql.SQL("SELECT 1 FROM pg_database WHERE datname = {}").format(sql.Literal(name))):
        return
    with closing(_connected(url, "DATABASE_URL")) as connection:
        tables = [str(record[0]) for record in connection.execute(_OTHER_TABLES, [OWN_TABLES[half]])]
    if tables:
        shown = ", ".join(tables[:5]) + (" and more" if len(tables) > 5 else "")
        raise UsageError(
            f"Nothing was changed: the database {name} has tables of another program, too ({shown}).",
            hint="Call this without --with-data: the database stays. `leave --apply` of an edge drops Etalase's own tables.",
        )


def connects(url: str) -> bool:
    """Returns whether ``url`` is a working address."""
    try:
        check_connects(url)
    except UsageError:
        return False
    return True


def url_of(admin_url: str, name: str, password: str) -> str:
    """Returns the address of the database ``name`` for the role ``name``, on the server of ``admin_url``."""
    place = "127.0.0.1:5432" if admin_url == LOCAL else urlsplit(admin_url).netloc.rpartition("@")[2]
    return f"postgresql://{name}:{quote(password, safe='')}@{place}/{name}"


def ensure_database(machine: Host, admin: Superuser, url: str) -> None:
    """Makes the role and the database of ``url``; gives an existing role the password in it."""
    role, password, database = _parts(url)
    has_role = admin.has(sql.SQL("SELECT 1 FROM pg_roles WHERE rolname = {}").format(sql.Literal(role)))
    verb, done = ("ALTER", "gave its password to") if has_role else ("CREATE", "made")
    admin.execute(
        [sql.SQL(f"{verb} ROLE {{}} LOGIN PASSWORD {{}}").format(sql.Identifier(role), sql.Literal(password))],
        change=f"{done} the database role {role}",
    )
    if not admin.has(sql.SQL("SELECT 1 FROM pg_database WHERE datname = {}").format(sql.Literal(database))):
        made = sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0")
        admin.execute([made.format(sql.Identifier(database), sql.Identifier(role))], change=f"made the database {database}")
    if not machine.is_dry:
        check_connects(url)


def is_member(url: str, group: str) -> bool:
    """Returns whether the role of ``url`` is a member of ``group``; False where it cannot be asked yet."""
    try:
        with closing(_connected(url, "DATABASE_URL")) as connection:
            found = connection.execute("SELECT pg_has_role(current_user, %s, 'member')", [group]).fetchone()
    except UsageError:
        return False
    return found == (True,)


def grant(admin: Superuser, url: str, group: str) -> None:
    """Makes the role of ``url`` a member of ``group``."""
    role, _, _ = _parts(url)
    statement = sql.SQL("GRANT {} TO {}").format(sql.Identifier(group), sql.Identifier(role))
    admin.execute([statement], change=f"made the database role {role} a member of {group}")


def remove_database(admin: Superuser, url: str) -> None:
    """Drops the database and the role of ``url``, where they are."""
    role, _, database = _parts(url)
    if admin.has(sql.SQL("SELECT 1 FROM pg_database WHERE datname = {}").format(sql.Literal(database))):
        drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database))
        admin.execute([drop], change=f"dropped the database {database}")
    if admin.has(sql.SQL("SELECT 1 FROM pg_roles WHERE rolname = {}").format(sql.Literal(role))):
        admin.execute([sql.SQL("DROP ROLE {}").format(sql.Identifier(role))], change=f"dropped the database role {role}")


def _parts(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    return unquote(parts.username or ""), unquote(parts.password or ""), unquote(parts.path.strip("/"))


def _connected(url: str, name: str) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return psycopg.connect(url, connect_timeout=5, autocommit=True)
    except psycopg.Error as error:
        fault = explained(error, whose="The database", migrate="")
        raise UsageError(f"{name}: {fault.message}", hint=f"Correct {name}, or start PostgreSQL.") from error
