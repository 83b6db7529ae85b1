"""Statements are prepared in a session of PostgreSQL's own, and never behind a pooler, which shares sessions (ADR 0034)."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from tests.integration.head_office.office import Office

from etalase.devstack.ports import free_port
from etalase.devstack.postgres import Postgres
from etalase.devstack.unprivileged import account_for, command_as

PREPARED = "SELECT count(*) FROM pg_prepared_statements"
CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={behind}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = transaction
default_pool_size = 2
"""


def prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute(PREPARED)
        return int(cursor.fetchone()[0])


def test_a_page_is_planned_once_in_a_session_of_its_own(office: Office) -> None:
    connection.close()
    for _ in range(2):
        office.page()
    assert prepared() >= 2


def test_the_operator_may_decide(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"prepare_threshold": None})
    office.page()
    assert prepared() == 0
    connection.close()


@pytest.fixture
def pgbouncer(postgres_server: Postgres, tmp_path: Path) -> Iterator[int]:
    """Yields the port of a PgBouncer with two sessions, in transaction mode."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip("pgbouncer is missing (Debian: apt install pgbouncer)")
    port, folder = free_port(), tmp_path / "pgbouncer"
    folder.mkdir()
    users, configuration = folder / "users", folder / "pgbouncer.ini"
    users.write_text(f'"{postgres_server.user}" "{postgres_server.password}"\n')
    configuration.write_text(CONFIGURATION.format(behind=postgres_server.port, port=port, users=users))
    account = account_for(folder)
    argv = command_as(account, [program, configuration], must_reach=[folder])
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            url = postgres_server.url("postgres").replace(f":{postgres_server.port}/", f":{port}/")
            for _ in range(200):
                try:
                    psycopg.connect(url).close()
                    break
                except psycopg.OperationalError:
                    assert running.poll() is None
                    time.sleep(0.05)
            yield port
        finally:
            running.terminate()


@pytest.mark.long
def test_pages_are_right_behind_a_transaction_pooler(office: Office, pgbouncer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        office.photo(office.product(str(number)))
    monkeypatch.setitem(connection.settings_dict, "PORT", str(pgbouncer))
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    connection.close()

    def ask(_: int) -> list[Any]:
        with closing(connection):
            return [(office.page().total, office.products_page().total, len(office.page(limit=2).photos)) for _ in range(10)]

    with ThreadPoolExecutor(4) as threads:
        answers = [answer for some in threads.map(ask, range(4)) for answer in some]
    assert answers == [(3, 3, 2)] * 40
    assert prepared() == 0
    connection.close()
