"""Django's test database comes from the stack."""

import pytest
from django.db import connection

from etalase.devstack.postgres import Postgres


@pytest.mark.django_db
def test_djangos_test_database_is_on_the_stacks_postgresql(postgres_server: Postgres) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), inet_server_port()")
        assert cursor.fetchone() == ("test_etalase", postgres_server.port)
