"""Starts real servers for all tests, each at the first test that uses it, so that unit tests start none."""

from collections.abc import Iterator

import psycopg
import pytest
import redis
from hypothesis import settings
from psycopg import sql

from etalase.devstack import minio, postgres, seaweedfs, valkey
from etalase.devstack.makes import Make
from etalase.devstack.ports import free_port
from etalase.devstack.s3 import S3Server

# The time of an example depends on the load of the machine.
settings.register_profile("etalase", deadline=None)
settings.load_profile("etalase")

S3_ACCESS_KEY = "test-access-key"
S3_SECRET_KEY = "test-secret-key"
# The migrations' own rows, which no test changes.
KEPT = {"django_content_type", "auth_permission"}


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Postgres]:
    """Yields a PostgreSQL without durability, with prepared transactions."""
    folder = tmp_path_factory.mktemp("postgres")
    server = postgres.start(folder, free_port(), durable=False, options={"max_prepared_transactions": "10"})
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        # A client computes 4,096 rounds for each connection, in 3 ms of CPU; tests open ten thousand.
        connection.execute("SET scram_iterations = 1")
        named = sql.Identifier(server.user), sql.Literal(server.password)
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(*named))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Yields an S3 server without a bucket, with the access keys of ``tests/django_settings.py`` and another address."""
    server = seaweedfs.start(
        tmp_path_factory.mktemp("s3"), seaweedfs.SeaweedPorts.free(), access_key=S3_ACCESS_KEY, secret_key=S3_SECRET_KEY
    )
    yield server
    server.stop()


@pytest.fixture(scope="session")
def minio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Yields the guide's own object store, with the same access keys."""
    require(Make.MINIO)
    server = minio.start(tmp_path_factory.mktemp("minio"), free_port(), access_key=S3_ACCESS_KEY, secret_key=S3_SECRET_KEY)
    yield server
    server.stop()


@pytest.fixture(scope="session", params=list(Make))
def make(request: pytest.FixtureRequest) -> Make:
    """Returns each make of object store in turn."""
    chosen: Make = request.param
    require(chosen)
    return chosen


@pytest.fixture(scope="session")
def each_s3_server(make: Make, request: pytest.FixtureRequest) -> S3Server:
    """Returns the server of each make in turn."""
    server: S3Server = request.getfixturevalue("minio_server" if make is Make.MINIO else "s3_server")
    return server


def require(make: Make) -> None:
    """Skips the test if this make cannot start. Only MinIO can be missing, because no wheel contains it."""
    if make is Make.MINIO and minio.SOURCE.find() is None:
        pytest.skip("There is no MinIO: run make minio")


@pytest.fixture(scope="session")
def running_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[valkey.Valkey]:
    """Yields the one Valkey process of all tests."""
    server = valkey.start(tmp_path_factory.mktemp("valkey"), free_port())
    yield server
    server.stop()


@pytest.fixture
def valkey_server(running_valkey: valkey.Valkey) -> valkey.Valkey:
    """Returns an empty broker, because a killed worker leaves messages that the next one would take."""
    with redis.Redis.from_url(running_valkey.url) as client:
        client.flushall()
    return running_valkey


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_server: postgres.Postgres) -> None:
    """Points Django at the server: pytest-django calls this hook before it creates the test database."""
    from django.db import connections  # Django is not configured yet when this file is read
    from django.test import testcases

    place = {
        "HOST": postgres_server.host,
        "PORT": str(postgres_server.port),
        "USER": postgres_server.user,
        "PASSWORD": postgres_server.password,
    }
    connections["default"].settings_dict.update(place)
    connections["default"].ops.sql_flush = _deletions  # type: ignore[method-assign, assignment]
    testcases.emit_post_migrate_signal = _nothing  # type: ignore[attr-defined]
    _list_static_files_once()


def _nothing(**_: object) -> None:
    """Replaces the signal before each test, which makes the rows of :data:`KEPT` again: 60 ms of CPU."""


def _list_static_files_once() -> None:
    """Shares WhiteNoise's list of files among all test clients: each would read 170 files again, for 60 ms of CPU."""
    # Django is not configured yet when this file is read.
    from whitenoise.middleware import WhiteNoiseMiddleware  # type: ignore[import-untyped]

    read, known = WhiteNoiseMiddleware.add_files_from_finders, dict[str, dict[str, object]]()

    def read_once(self: WhiteNoiseMiddleware) -> None:
        if self.static_prefix not in known:
            read(self)
            known[self.static_prefix] = dict(self.files)
        self.files.update(known[self.static_prefix])

    WhiteNoiseMiddleware.add_files_from_finders = read_once


def _deletions(style: object, tables: list[str], *, reset_sequences: bool = False, allow_cascade: bool = False) -> list[str]:
    """Returns DELETE statements that empty tables. TRUNCATE takes ten times as long, because it makes new files.

    In the replica role PostgreSQL runs no triggers, so that no deletion leaves a tombstone. It does not cascade either, so
    that this function names the table of an unmanaged model.
    """
    emptied = {*tables, *(["product_photo"] if "product" in tables else [])} - KEPT
    statements = ["SET LOCAL session_replication_role = replica", *(f'DELETE FROM "{table}"' for table in emptied)]
    if "head_office_photo" in tables:  # a test whose clock was ahead would leave stamps of the future to the next
        statements.append("SELECT setval('head_office_feed_issued', 1, false)")
    return ["; ".join(statements)]  # one round trip
