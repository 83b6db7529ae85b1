"""Takes Etalase into the project that the guide's reader has by now, and out of it again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from etalase.devstack.postgres import Postgres
from etalase.devstack.s3 import S3Server
from tests.acceptance.guide_project import Customer, guide_built
from tests.simulator import Simulator

DISHES = 6


@pytest.fixture
def customer(postgres_server: Postgres, s3_server: S3Server, ho: Simulator, tmp_path: Path) -> Iterator[Customer]:
    with guide_built(postgres_server, s3_server, ho, tmp_path, dishes=DISHES) as project:
        yield project


def test_the_guides_code_fills_table_and_bucket(customer: Customer) -> None:
    rows = customer.edge.sql("SELECT object_key, checksum FROM product_photo")
    assert len(rows) == DISHES
    assert {info["Key"] for info in customer.s3().list_objects_v2(Bucket=customer.bucket)["Contents"]} == {
        row[0] for row in rows
    }
    assert customer.edge.object(rows[0][0]) == customer.ho.bodies[rows[0][0]]


def test_etalase_comes_in_and_goes_without_a_trace_in_the_projects_own_files(customer: Customer) -> None:
    for order in ({}, {"CUSTOMER_ETALASE_FIRST": "1"}):
        customer.managed("check", **order)
    customer.managed("migrate")
    assert "No changes" in customer.managed("makemigrations", "--check", "--dry-run")
    report = customer.json("photos_sync")
    assert (report["outcome"], report["unchanged"], report["bytes_fetched"]) == ("success", DISHES, 0)
