"""Real servers for all tests, each started when the first test asks for it, so that unit tests start none."""

from collections.abc import Iterator

import pytest

from etalase.demo.devstack import postgres, seaweedfs, valkey
from etalase.demo.devstack.ports import free_port
from etalase.demo.devstack.s3 import S3Server

S3_ACCESS_KEY = "test-access-key"
S3_SECRET_KEY = "test-secret-key"


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Postgres]:
    """PostgreSQL that forgets everything at a power cut, and can prepare transactions."""
    folder = tmp_path_factory.mktemp("postgres")
    server = postgres.start(folder, free_port(), durable=False, options={"max_prepared_transactions": "10"})
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server without a bucket. Its keys are those of ``tests/django_settings.py``; its address is not."""
    server = seaweedfs.start(
        tmp_path_factory.mktemp("s3"), seaweedfs.SeaweedPorts.free(), access_key=S3_ACCESS_KEY, secret_key=S3_SECRET_KEY
    )
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[valkey.Valkey]:
    """A broker, empty at first."""
    server = valkey.start(tmp_path_factory.mktemp("valkey"), free_port())
    yield server
    server.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_server: postgres.Postgres) -> None:
    """pytest-django's hook before it makes the test database, so at the first test that asks for one."""
    from django.db import connections  # Django is not configured yet when this file is read

    place = {
        "HOST": postgres_server.host,
        "PORT": str(postgres_server.port),
        "USER": postgres_server.user,
        "PASSWORD": postgres_server.password,
    }
    connections["default"].settings_dict.update(place)
