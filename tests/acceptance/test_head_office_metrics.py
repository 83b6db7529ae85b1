"""Head office's ``/metrics`` over its real processes: no request is lost, whichever process answers, and after one has died."""

import json
import os
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from etalase.devstack.ports import free_port
from etalase.devstack.postgres import Postgres
from etalase.devstack.process import Child, spawn
from etalase.devstack.s3 import S3Server
from tests.acceptance.conftest import OPENER, eventually
from tests.monitoring import HEAD_OFFICE, metrics_named, runbook_commands
from tests.pictures import picture

TOKEN = "a-scrapers-own-token"
PASSWORD = "kembang sepatu 4711 biru"
MAX_SERIES = 300


@dataclass
class HeadOffice:
    """A head office with a web server of two processes, for tests that all use it."""

    url: str
    folder: Path
    server: Child
    environment: dict[str, str]

    def get(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> tuple[int, str]:
        """Sends a request, a POST if it has a body. Returns status and body."""
        data = None if body is None else json.dumps(body).encode()
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        try:
            with OPENER.open(Request(self.url + path, data, headers), timeout=30) as response:
                return response.status, response.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def scrape(self) -> dict[str, float]:
        """Returns the samples of a scrape: ``name`` or ``name{values of its labels}``."""
        status, text = self.get("/metrics", Authorization=f"Bearer {TOKEN}")
        assert status == 200
        found = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                values = ",".join(sample.labels.values())
                found[f"{sample.name}{{{values}}}" if values else sample.name] = sample.value
        return found

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Returns the rows of a statement in head office's database."""
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def processes(self) -> list[int]:
        """Returns the process ids of the workers: the children that listen."""
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def command(environment: dict[str, str], *args: str) -> str:
    """Runs ``etalase head-office ARGS`` to its end."""
    argv = [sys.executable, "-m", "etalase.cli", "head-office", *args]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def office(postgres_server: Postgres, s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadOffice]:
    """Yields a head office with a store, an account, two photos, and a worker, without which ``doctor`` finds a fault."""
    name, folder = f"office_{uuid.uuid4().hex[:12]}", tmp_path_factory.mktemp("office")
    postgres_server.create_database(name)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ETALASE_", "DJANGO_"))} | {
        "DATABASE_URL": postgres_server.url(name),
        "ETALASE_SECRET_KEY": uuid.uuid4().hex + uuid.uuid4().hex,
        "ETALASE_ALLOWED_HOSTS": "127.0.0.1",
        "ETALASE_S3_ENDPOINT": s3_server.endpoint,
        "ETALASE_S3_PUBLIC_URL": s3_server.endpoint,
        "ETALASE_S3_ACCESS_KEY": s3_server.access_key,
        "ETALASE_S3_SECRET_KEY": s3_server.secret_key,
        "ETALASE_S3_BUCKET": name.replace("_", "-"),
        "ETALASE_METRICS_TOKEN": TOKEN,
        "TMPDIR": str(folder),
    }
    command(environment, "migrate")
    command(environment, "create-company", "FoodLife")
    (folder / "password").write_text(PASSWORD)
    command(environment, "create-store", "AVRIL-001", "AVR", "--account", "avril", "--password-file", str(folder / "password"))
    photos = folder / "photos"
    photos.mkdir()
    for number in range(2):
        (photos / f"{number}.jpg").write_bytes(picture(colour=("red", "green")[number]))
    (folder / "menu.csv").write_text(
        "sku,name,file,is_primary,sort_order,stores\n" + "".join(f"S{n},DISH {n},{n}.jpg,true,0,\n" for n in range(2))
    )
    command(environment, "import", str(folder / "menu.csv"), str(photos))
    port = free_port()
    argv = [sys.executable, "-m", "etalase.cli", "head-office", "serve", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
    server = spawn("head office", argv, run_dir=folder, env=environment)
    made = HeadOffice(f"http://127.0.0.1:{port}", folder, server, environment)
    worker = spawn("worker", [sys.executable, "-m", "etalase.cli", "head-office", "worker"], run_dir=folder, env=environment)
    server.wait_ready(lambda: server.log.read_text().count("startup complete") == 2, 60)
    worker.wait_ready(lambda: bool(made.sql("SELECT 1 FROM head_office_heartbeat WHERE role = 'worker'")), 60)
    yield made
    worker.stop()
    server.stop()
    assert list(folder.glob("etalase-metrics-*")) == []


def requests_at(shown: dict[str, float], route: str, status: int) -> float:
    """Returns the counted requests."""
    return shown.get(f"etalase_ho_requests_total{{{route},{status}}}", 0.0)


def test_requests_are_counted_over_all_processes_and_stay_counted_when_one_dies(office: HeadOffice) -> None:
    before = requests_at(office.scrape(), "/healthz", 200)
    with ThreadPoolExecutor(8) as pool:  # one connection each: both processes get some
        assert set(pool.map(lambda _: office.get("/healthz")[0], range(60))) == {200}
    for _ in range(4):  # either process shows the same sum
        assert requests_at(office.scrape(), "/healthz", 200) == before + 60
    killed = office.processes()[0]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: len(office.processes()) == 2 and killed not in office.processes())
    eventually(lambda: office.server.log.read_text().count("startup complete") >= 3)
    assert requests_at(office.scrape(), "/healthz", 200) == before + 60
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: office.get("/healthz")[0], range(40))) == {200}
    assert requests_at(office.scrape(), "/healthz", 200) == before + 100
    (folder,) = office.folder.glob("etalase-metrics-*")
    assert len(list(folder.glob("counter_*.db"))) == 2  # the new process goes on with the file of the dead one


def test_feed_photos_and_refused_logins_are_counted(office: HeadOffice) -> None:
    before = office.scrape()
    login = {"username": "avril", "password": PASSWORD}
    token = json.loads(office.get("/api/v1/token/", login)[1])["access"]
    (ids,) = office.sql("SELECT company_id, id FROM head_office_store")
    body = {"company_id": str(ids[0]), "store_id": str(ids[1])}
    for _ in range(3):
        status, _body = office.get("/api/v1/sync/product-photos/", body, Authorization=f"Bearer {token}")
        assert status == 200
    for _ in range(12):  # the account is locked after ten
        office.get("/api/v1/token/", {"username": "avril", "password": "wrong"})
    after = office.scrape()
    assert after["etalase_ho_feed_photos_total"] - before["etalase_ho_feed_photos_total"] == 6
    wrong, locked = (
        after[name] - before[name]
        for name in ("etalase_ho_logins_refused_total{wrong}", "etalase_ho_logins_refused_total{locked}")
    )
    assert (wrong + locked, wrong >= 9, locked >= 2) == (12, True, True)
    assert requests_at(after, "/api/v1/sync/product-photos/", 200) == 3
    assert after["etalase_ho_request_seconds_count{/api/v1/sync/product-photos/}"] == 3


def test_odd_paths_make_no_new_series(office: HeadOffice) -> None:
    odd = ["/admin/zz", "/admin/head_office/photo/zz/change/", "/api/v1/zz", "/%00", "/zz" * 500, "/static/zz", "/i18n/zz"]
    for path in odd:
        office.get(path)
    office.scrape()  # the first one is counted in the second
    known = set(office.scrape())
    for path in odd:
        office.get(path.replace("zz", "another"))
    shown = office.scrape()
    assert set(shown) == known
    assert len(shown) <= MAX_SERIES
    assert not [name for name in shown if "another" in name or "zz" in name]


@pytest.mark.long
def test_tombstones_are_shown_and_those_that_a_purge_would_delete(office: HeadOffice) -> None:
    assert office.scrape()["etalase_ho_tombstones{photo}"] == 0
    office.sql("DELETE FROM head_office_photo WHERE filename = '0.jpg'")
    shown = office.scrape()
    assert (shown["etalase_ho_tombstones{photo}"], shown["etalase_ho_tombstones_due"]) == (1, 0)
    office.sql("UPDATE head_office_photo_tombstone SET changed_at = now() - interval '200 days'")
    assert office.scrape()["etalase_ho_tombstones_due"] == 1
    command(office.environment, "purge-tombstones")
    assert office.scrape()["etalase_ho_tombstones_due"] == 0


def test_every_metric_that_rules_board_and_documents_name_is_shown(office: HeadOffice) -> None:
    names = {re.sub(r"\{.*", "", name) for name in office.scrape()}
    named = metrics_named(of_head_office=True) - {"etalase_ho_request_seconds"}  # the documents name a histogram as a whole
    assert named <= names


@pytest.mark.long
@pytest.mark.parametrize("arguments", list(runbook_commands(HEAD_OFFICE)), ids=" ".join)
def test_each_command_of_the_runbook_runs(office: HeadOffice, arguments: list[str]) -> None:
    command(office.environment, *arguments)


def test_metrics_need_the_token(office: HeadOffice) -> None:
    assert office.get("/metrics")[0] == 401
    assert office.get("/metrics", Authorization=f"Bearer {TOKEN}")[0] == 200


@pytest.mark.long
def test_a_scrape_answers_while_the_database_is_away(office: HeadOffice, postgres_server: Postgres) -> None:
    name = office.environment["DATABASE_URL"].rpartition("/")[2]
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        shown = office.scrape()
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert shown["etalase_up"] == 0
    assert requests_at(shown, "/metrics", 200) > 0
    assert office.scrape()["etalase_up"] == 1
