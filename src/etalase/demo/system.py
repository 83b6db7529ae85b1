"""Starts and stops the demo's services and Etalase's own processes, in order."""

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from etalase.argv import ARGV
from etalase.demo import layout
from etalase.demo.layout import Layout
from etalase.demo.menu import LIGHT_STORES
from etalase.devstack import postgres, valkey
from etalase.devstack.makes import Make
from etalase.devstack.process import Child, Service, StackError, spawn
from etalase.devstack.s3 import S3Server

READY_SECONDS = 60.0
# The demo has one user, and each further process would load Django again at each start.
ONE_PROCESS = "1"
_OPENER = build_opener(ProxyHandler({}))


@dataclass(slots=True)
class System:
    """The running services. ``head_office`` is its bucket, web server and worker, which can be stopped for a while."""

    layout: Layout
    secrets: dict[str, str]
    object_store: Make
    head_office_variables: dict[str, str] = field(default_factory=dict)
    edge_variables: dict[str, str] = field(default_factory=dict)
    parts: list[Service] = field(default_factory=list)
    servers: list[Child] = field(default_factory=list)
    head_office: list[Service] = field(default_factory=list)

    def start_parts(self) -> None:
        """Starts PostgreSQL, the two object stores and the broker."""
        ports, folder = self.layout.ports, self.layout.folder
        database = postgres.start(folder / "postgres", ports.postgres)
        self.parts.append(database)
        for name in ("head_office", "edge", *(store.database for store in LIGHT_STORES)):
            database.create_database(name)
        broker = valkey.start(folder / "valkey", ports.valkey)
        self.parts.append(broker)
        self.parts.append(self._s3("edge-s3", ports.edge_s3, layout.EDGE_S3_KEY, layout.EDGE_S3_SECRET))
        self.head_office_variables = layout.head_office_variables(self.layout, self.secrets, database.url("head_office"))
        self.edge_variables = layout.edge_variables(self.layout, self.secrets, database.url("edge"), broker.url)
        self.head_office.append(self._head_office_s3())

    def start_head_office(self) -> None:
        """Starts head office's web server and worker, and its bucket if that is stopped."""
        if not self.head_office:
            self.head_office.append(self._head_office_s3())
        port = self.layout.ports.head_office
        command = ["head-office", "serve", "--bind", f"127.0.0.1:{port}", "--workers", ONE_PROCESS]
        self.head_office.append(self._serve("Head office", command, self.head_office_variables, port, "/api/v1/schema/"))
        self.head_office.append(self._spawn("Head office worker", ["head-office", "worker"], self.head_office_variables))

    def stop_head_office(self) -> None:
        """Stops head office and its bucket, as if the link were cut."""
        while self.head_office:
            self.head_office.pop().stop()

    def start_edge(self) -> None:
        """Starts the edge's web server, worker and beat."""
        port = self.layout.ports.edge
        command = ["edge", "serve", "--bind", f"127.0.0.1:{port}", "--workers", ONE_PROCESS]
        self.servers.append(self._serve("Edge", command, self.edge_variables, port, "/healthz"))
        worker = ["edge", "worker", "--pool", "threads", "--concurrency", "2", "--loglevel", "WARNING"]
        self.servers.append(self._spawn("Edge worker", worker, self.edge_variables))
        beat = ["edge", "beat", "--loglevel", "WARNING"]
        self.servers.append(self._spawn("Edge beat", beat, self.edge_variables))

    def etalase(self, half: str, *args: str | Path, quiet: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command of ``head-office`` or ``edge``; shows its progress unless ``quiet``."""
        return subprocess.run(
            [*ARGV, half, *map(str, args)],
            env=layout.environment(self.head_office_variables if half == "head-office" else self.edge_variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if quiet else None,
            text=True,
            check=False,
        )

    def must(self, half: str, *args: str | Path) -> str:
        """Works like :meth:`etalase`; returns stdout. Raises :class:`StackError` with the output of a failed command."""
        done = self.etalase(half, *args)
        if done.returncode:
            raise StackError(f"etalase {half} {args[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def stopped_by_itself(self) -> Child | None:
        """Returns a server that ended unexpectedly, or None."""
        return next((child for child in self.servers if not child.running), None)

    def stop(self) -> None:
        """Stops everything, in parallel: first Etalase's servers, then the services that they use."""
        for group in ([*self.servers, *self.head_office[1:]], [*self.head_office[:1], *self.parts]):
            with ThreadPoolExecutor(max_workers=max(len(group), 1)) as at_once:
                list(at_once.map(lambda service: service.stop(), group))

    def _head_office_s3(self) -> S3Server:
        port = self.layout.ports.head_office_s3
        return self._s3("head-office-s3", port, layout.HO_S3_KEY, self.secrets["head_office_s3"])

    def _s3(self, name: str, port: int, access_key: str, secret_key: str) -> S3Server:
        return self.object_store.start(self.layout.folder / name, port, access_key=access_key, secret_key=secret_key)

    def _spawn(self, name: str, command: Sequence[str], settings: dict[str, str]) -> Child:
        argv = [*ARGV, *command]
        # SIGINT stops at once, without waiting for connections of browsers.
        return spawn(
            name, argv, run_dir=self.layout.logs, env=layout.environment(settings), stop_signal=SIGINT, grace_seconds=3.0
        )

    def _serve(self, name: str, command: Sequence[str], settings: dict[str, str], port: int, path: str) -> Child:
        child = self._spawn(name, command, settings)
        child.wait_ready(lambda: _answers(f"http://127.0.0.1:{port}{path}"), READY_SECONDS)
        return child


def _answers(url: str) -> bool:
    try:
        with _OPENER.open(url, timeout=5):
            return True
    except (URLError, OSError):
        return False
