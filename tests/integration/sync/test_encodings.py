"""Checks a database that was not created in UTF-8."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import status
from tests.integration.sync.test_adoption import Guide, adopted, guide, look
from tests.simulator import picture

from etalase.edge.checks import database_takes_every_character
from etalase.edge.sync.services import real_services
from etalase.edge.sync.verify import verify
from etalase.postgres import storable

__all__ = ["guide"]  # a fixture

LACKING = "soto \N{STEAMING BOWL}"


@contextmanager
def database_in(edge: Edge, encoding: str) -> Iterator[None]:
    """Makes Django use a new, empty database in this encoding."""
    name = f"encoded_{encoding.lower()}"
    with psycopg.connect(edge.postgres.url("postgres"), autocommit=True) as other:
        other.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0".encode())
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before
        with psycopg.connect(edge.postgres.url("postgres"), autocommit=True) as other:
            other.execute(f"DROP DATABASE {name}".encode())


@pytest.mark.parametrize(("encoding", "ids"), [("UTF8", []), ("LATIN1", ["etalase.W001"])])
def test_a_database_encoding_that_lacks_characters_causes_a_warning_before_the_first_row(
    edge: Edge, encoding: str, ids: list[str]
) -> None:
    with database_in(edge, encoding):
        assert [warning.id for warning in database_takes_every_character(databases=["default"])] == ids
        assert database_takes_every_character(databases=[]) == []


def test_a_character_that_the_database_lacks_costs_one_photo_in_runs_status_verify_and_adoption(
    edge: Edge, guide: Guide
) -> None:
    ho = edge.ho
    with database_in(edge, "LATIN1"):
        call_command("migrate", verbosity=0)
        assert (storable("caf\u00e9 \u2615"), storable({"\u2615": ["\0"]})) == ("caf\u00e9 \\u2615", {"\\u2615": ["\\x00"]})
        # The adoption
        guide.listed("rendang")
        guide.object(f"products/{LACKING}.jpg", b"a thumbnail")
        guide.object("products/thumb.jpg", b"another")
        seen = look(edge)
        (encoding,) = [condition for condition in seen.preconditions if condition.id == "database_encoding"]
        assert (encoding.ok, "LATIN1" in encoding.detail, "UTF8" in encoding.hint) == (True, True, True)
        assert (seen.bucket["unknown"], [decision.count for decision in seen.decisions]) == (2, [1])
        assert seen.first_run["unchanged"] == 1
        adopted(edge)
        assert edge.sync().outcome == "success"
        # Runs: a file name, a key, and the name of a product
        bad = ho.put("sate", picture("sate"), filename=f"{LACKING}.jpg")
        odd_key = ho.put("gado-gado", picture("gado"), key=f"products/{LACKING}/primary.jpg")
        of_product = ho.put(LACKING, picture("soto"))
        good = ho.put("caf\u00e9", picture("coffee"))
        for full in (False, True):
            report = edge.sync(full=full)
            assert (report.error, report.outcome) == (None, "partial")
            assert edge.reasons() == {bad: "row_refused", odd_key: "row_refused", of_product: "product_missing"}
            assert all("encoding" in failure["detail"] for failure in report.failures)
            assert "products_refused" in {notice["code"] for notice in report.notices}
            assert good in edge.rows()
            edge.check_every_row_shows_its_bytes()
        assert not [path for path in ho.image_requests if bad in path or odd_key in path]
        assert {**edge.sync(full=True, dry_run=True).forecast["counts"], "bytes_fetched": 0} == {  # type: ignore[index]
            **edge.sync(full=True).counts,
            "bytes_fetched": 0,
        }
        assert f"products/{LACKING}.jpg" in edge.objects()
        assert status(edge)["state"] == "partial"
        with real_services(edge.configured()) as services:
            found = verify(services, deep=False)
        assert {difference.what for difference in found.differences} == {"not_here", "orphan"}
        # Head office renames them
        for photo in (bad, odd_key, of_product):
            ho.delete(photo)
        ho.deleted_ids.clear()
        ho.put("sate", picture("sate"), photo=bad, filename="sate.jpg")
        assert edge.sync(full=True).outcome == "success"
        assert edge.reasons() == {}
