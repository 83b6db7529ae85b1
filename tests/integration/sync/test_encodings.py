"""Checks a database that was not created in UTF-8."""

import psycopg
import pytest
from django.db import connection
from tests.integration.sync.conftest import Edge

from etalase.edge.checks import database_takes_every_character


@pytest.mark.parametrize(("encoding", "ids"), [("UTF8", []), ("LATIN1", ["etalase.W001"])])
def test_a_database_encoding_that_lacks_characters_causes_a_warning_before_the_first_row(
    edge: Edge, encoding: str, ids: list[str]
) -> None:
    name = f"encoded_{encoding.lower()}"
    with psycopg.connect(edge.postgres.url("postgres"), autocommit=True) as other:
        other.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        assert [warning.id for warning in database_takes_every_character(databases=["default"])] == ids
        assert database_takes_every_character(databases=[]) == []
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
        with psycopg.connect(edge.postgres.url("postgres"), autocommit=True) as other:
            other.execute(f"DROP DATABASE {name}")
