"""Gives each test its own edge: a fresh database and bucket, and Etalase's own commands as processes."""

import json
import os
import pty
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import ProxyHandler, build_opener

import celery
import psycopg
import pytest

from etalase.devstack.ports import free_port
from etalase.devstack.postgres import Postgres
from etalase.devstack.process import Child, spawn
from etalase.devstack.s3 import S3Server
from etalase.devstack.valkey import Valkey
from etalase.edge.task_names import QUEUE
from etalase.objectstore.client import ObjectStore
from tests.django_settings import COMPANY_ID, STORE_ID
from tests.simulator import Simulator, head_office

OPENER = build_opener(ProxyHandler({}))


@dataclass
class Edge:
    """A standalone edge: its environment, and helpers to use it."""

    folder: Path
    database_url: str
    environment: dict[str, str]
    children: list[Child] = field(default_factory=list)

    def run(self, *args: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Runs ``etalase edge ARGS`` to its end."""
        return subprocess.run(self.command(*args), env=self.environment | settings, capture_output=True, text=True, check=False)

    def json(self, *args: str, exit_status: int = 0, **settings: str) -> dict[str, Any]:
        """Runs ``etalase edge ARGS --json``, asserts the exit status, which the object has too, and returns the object."""
        done = self.run(*args, "--json", **settings)
        assert done.returncode == exit_status, f"{args} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        output: dict[str, Any] = json.loads(done.stdout)
        assert output["exit_status"] == exit_status
        return output

    def start(self, *args: str, **settings: str) -> Child:
        """Starts ``etalase edge ARGS`` in the background, until the test ends."""
        name = f"{args[0]} {len(self.children)}"
        child = spawn(name, self.command(*args), run_dir=self.folder, env=self.environment | settings)
        self.children.append(child)
        return child

    def serve(self) -> str:
        """Starts the POS web server. Returns its address."""
        port = free_port()
        child = self.start("serve", "--bind", f"127.0.0.1:{port}", "--workers", "1")
        child.wait_ready(lambda: responses(f"http://127.0.0.1:{port}/healthz"), 30)
        return f"http://127.0.0.1:{port}"

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Returns the rows of a statement in the edge's database."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def bucket(self) -> ObjectStore:
        """Returns the edge's bucket, with write access."""
        return ObjectStore(
            endpoint=self.environment["ETALASE_S3_ENDPOINT"],
            bucket=self.environment["ETALASE_S3_BUCKET"],
            access_key=self.environment["ETALASE_S3_ACCESS_KEY"],
            secret_key=self.environment["ETALASE_S3_SECRET_KEY"],
        )

    def object(self, key: str) -> bytes | None:
        """Returns the object under ``key`` as read without credentials, or None if there is none."""
        base = f"{self.environment['ETALASE_S3_PUBLIC_URL']}/{self.environment['ETALASE_S3_BUCKET']}"
        try:
            with OPENER.open(f"{base}/{quote(key)}", timeout=60) as response:
                body: bytes = response.read()
                return body
        except OSError:
            return None

    def run_on_terminal(self, *args: str, **settings: str) -> str:
        """Returns the output of ``etalase edge ARGS`` on a terminal."""
        ours, theirs = pty.openpty()
        environment = self.environment | {"TERM": "xterm-256color"} | settings
        with subprocess.Popen(self.command(*args), env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
            os.close(theirs)
            shown = b""
            with suppress(OSError):  # Linux raises EIO when the other side is closed
                while piece := os.read(ours, 4096):
                    shown += piece
            process.wait(60)
        os.close(ours)
        return shown.decode()

    def empty_bucket(self) -> None:
        """Deletes every object of the bucket."""
        store = self.bucket()
        store.delete([info.key for info in store.list("")])

    def command(self, *args: str) -> list[str]:
        """Returns the command line of ``etalase edge ARGS``."""
        return [sys.executable, "-m", "etalase.cli", "edge", *args]


@pytest.fixture
def ho() -> Iterator[Simulator]:
    """Yields a head office that implements exactly the guide."""
    with head_office() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def migrated_database(postgres_server: Postgres, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Returns the name of a database with migrated tables. Edges get a copy of it, which takes a tenth of the time."""
    with new_edge(postgres_server, s3_server, "http://127.0.0.1:1", tmp_path_factory.mktemp("migrated")) as fresh:
        migrated = fresh.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
    return fresh.database_url.rpartition("/")[2]


@pytest.fixture
def edge(
    postgres_server: Postgres, s3_server: S3Server, migrated_database: str, ho: Simulator, tmp_path: Path
) -> Iterator[Edge]:
    """Yields an edge of ``ho``, with migrated tables."""
    with new_edge(postgres_server, s3_server, ho.url, tmp_path, template=migrated_database) as fresh:
        yield fresh


@contextmanager
def new_edge(postgres: Postgres, s3: S3Server, ho_url: str, folder: Path, *, template: str = "template1") -> Iterator[Edge]:
    """Yields an edge with its own bucket and database, which is a copy of ``template``."""
    name = f"edge_{uuid.uuid4().hex[:12]}"
    postgres.create_database(name, template=template)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ETALASE_", "DJANGO_"))} | {
        "DATABASE_URL": postgres.url(name),
        "ETALASE_BROKER_URL": "redis://127.0.0.1:1/0",
        "ETALASE_SECRET_KEY": uuid.uuid4().hex + uuid.uuid4().hex,
        "ETALASE_ALLOWED_HOSTS": "127.0.0.1",
        "ETALASE_HO_URL": ho_url,
        "ETALASE_HO_USERNAME": "store",
        "ETALASE_HO_PASSWORD": "a test's own password",
        "ETALASE_COMPANY_ID": COMPANY_ID,
        "ETALASE_STORE_ID": STORE_ID,
        "ETALASE_S3_ENDPOINT": s3.endpoint,
        "ETALASE_S3_PUBLIC_URL": s3.endpoint,
        "ETALASE_S3_ACCESS_KEY": s3.access_key,
        "ETALASE_S3_SECRET_KEY": s3.secret_key,
        "ETALASE_S3_BUCKET": name.replace("_", "-"),
        "ETALASE_SCHEDULE_OFFSET_MINUTES": "0",
        "ETALASE_RENDITIONS": "head-office",  # as in tests/django_settings.py
    }
    fresh = Edge(folder, postgres.url(name), environment)
    try:
        yield fresh
    finally:
        for child in reversed(fresh.children):
            child.stop()


@pytest.fixture
def broker(valkey_server: Valkey, edge: Edge) -> Valkey:
    """Returns the broker, and sets it in the edge's settings."""
    edge.environment["ETALASE_BROKER_URL"] = valkey_server.url
    return valkey_server


def send(broker: Valkey, task: str, *args: Any, queue: str = QUEUE, **kwargs: Any) -> None:
    """Sends a task as the beat, another application or a person does."""
    celery.Celery(broker=broker.url, set_as_current=False).send_task(task, args=args, kwargs=kwargs, queue=queue)


def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Waits until ``condition`` holds, and fails after ``seconds``."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the condition did not hold in time"
        time.sleep(0.02)


def responses(url: str) -> bool:
    """Returns whether ``url`` responds without an error status."""
    try:
        with OPENER.open(url, timeout=5):
            return True
    except OSError:
        return False
