"""Head office on a real PostgreSQL and a real S3 server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from tests.django_settings import COMPANY_ID, STORE_ID
from tests.integration.head_office.office import Office

from etalase.devstack.s3 import S3Server
from etalase.head_office import ingest
from etalase.head_office import masters as masters_room
from etalase.head_office.models import Account, Company, Store
from etalase.settings import head_office as screen
from etalase.settings.head_office_web import FIXED

WIRE = Path(__file__).parents[2] / "wire"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Makes each test commit for real, since the feed reads across transactions; clears only head office's apps after it."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.django_db(transaction=True, available_apps=FIXED["INSTALLED_APPS"]))


@pytest.fixture
def office() -> Office:
    """Returns the guide's company and store, with an account of the store."""
    company = Company.objects.create(id=UUID(COMPANY_ID), name="FoodLife")
    store = Store.objects.create(id=UUID(STORE_ID), company=company, code="AVRIL-001", name="AVR-SUNDA")
    Account.objects.create_user("avril", password="a store's own password", store=store)
    return Office(company, store)


@pytest.fixture
def the_guides_menu(office: Office) -> Office:
    """Returns the office with the two products and photos of the guide's example, under its ids."""
    for listed in json.loads((WIRE / "guide_page.json").read_text())["photos"]:
        product = office.product(listed["product_sku"], id_=UUID(listed["product_id"]), name=listed["product_name"])
        fields = ("object_key", "filename", "size", "content_type", "checksum", "version", "is_primary", "sort_order")
        office.photo(product, id=UUID(listed["id"]), **{field: listed[field] for field in fields})
    return office


@pytest.fixture
def bucket(s3_server: S3Server, settings: Any) -> Iterator[Any]:
    """Yields head office's bucket, which the settings name."""
    place = {"S3_ENDPOINT": s3_server.endpoint, "S3_PUBLIC_URL": s3_server.endpoint}
    settings.ETALASE_HEAD_OFFICE = settings.ETALASE_HEAD_OFFICE.model_copy(update=place)
    forget_settings()
    ingest.bucket().ensure_bucket()
    yield ingest.bucket()
    forget_settings()


@pytest.fixture
def masters(bucket: Any) -> Any:
    """Returns head office's private bucket."""
    return masters_room.masters()


def forget_settings() -> None:
    """Lets the next caller read the settings again."""
    for cached in (screen.head_office_settings, ingest.bucket, ingest.limits, ingest.recipe, masters_room.masters):
        cached.cache_clear()


@pytest.fixture
def stranger() -> Iterator[psycopg.Connection[Any]]:
    """Yields another session of the same database, as psql would open one, without autocommit."""
    with another_session() as session:
        yield session


def another_session() -> psycopg.Connection[Any]:
    """Returns a connection to the test database outside Django."""
    place = connection.settings_dict
    return psycopg.connect(
        host=place["HOST"], port=place["PORT"], user=place["USER"], password=place["PASSWORD"], dbname=place["NAME"]
    )
