"""Checks that head office serves the same feed after ``migrate`` from the database of each earlier version."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from tests.daily import daily
from tests.integration.head_office.office import BUCKET, Office, delete

from etalase.head_office import feed
from etalase.protocol import parse_time

APP = "head_office"
GRAPH = MigrationLoader(None).graph
ORDER = [name for app, name in GRAPH.forwards_plan(GRAPH.leaf_nodes(APP)[0]) if app == APP]
# The first version that could serve a feed has both 0001 and 0002.
EARLIER = ORDER[1:-1]
LONG_AGO = "2020-01-01T00:00:00.000000+00:00"


def bodies(office: Office) -> list[bytes]:
    """Returns pages of both feeds as on the wire, without the time of the response."""
    store = feed.StoreIdentity(id=office.store.id, company_id=office.company.id, code=office.store.code, name=office.store.name)
    whole = feed.PageRequest(limit=500, offset=0, updated_since=None)
    first = replace(whole, limit=1)
    pages: list[Any] = [
        feed.photo_page(store, replace(whole, with_digest=True), BUCKET),
        feed.photo_page(store, first, BUCKET),
        feed.photo_page(store, replace(first, offset=office.page(limit=1).next_offset or 0), BUCKET),
        feed.photo_page(store, replace(whole, updated_since=parse_time(LONG_AGO, field="updated_since")), BUCKET),
        feed.product_page(store, whole),
    ]
    encoded = [msgspec.json.decode(msgspec.json.encode(page)) for page in pages]
    return [msgspec.json.encode({**page, "sync_timestamp": ""}) for page in encoded]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("earlier", daily(EARLIER, EARLIER[0], EARLIER[-1]))
def test_an_upgraded_head_office_serves_the_same_feed(earlier: str, the_guides_menu: Office) -> None:
    """The rows are made before the way back to the earlier tables: today's models know columns that those lack."""
    office = the_guides_menu
    delete(office.photo(office.product("deleted")))
    office.photo(office.product("unsold", sold_in=[]))
    before, checkpoint = bodies(office), office.page(limit=500).sync_timestamp
    call_command("migrate", APP, earlier, verbosity=0)
    call_command("migrate", APP, verbosity=0)
    assert bodies(office) == before
    changes = office.page(since=checkpoint)
    assert (list(changes.photos), list(changes.deleted_ids)) == ([], [])
    assert len(office.page().photos) == 2


def test_the_migrations_stand_in_the_order_of_their_numbers() -> None:
    assert sorted(ORDER) == ORDER


def test_the_migrations_make_the_tables_of_the_models(db: None) -> None:
    call_command("makemigrations", APP, check=True, dry_run=True, verbosity=0)
