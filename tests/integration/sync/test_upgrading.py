"""Checks that the database of each earlier version, with data, goes on after ``migrate`` as if nothing had happened."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from tests.daily import daily
from tests.django_settings import COMPANY_ID, STORE_ID
from tests.integration.sync.conftest import Edge
from tests.simulator import picture

APP = "etalase_edge"
EARLIER = sorted(name for app, name in MigrationLoader(None).disk_migrations if app == APP)[:-1]
NAMES = ("NASI GORENG", "ES TEH", "SATE AYAM")


@pytest.fixture(params=daily(EARLIER, EARLIER[0], EARLIER[-1]))
def earlier(request: pytest.FixtureRequest, edge: Edge) -> Iterator[Any]:
    """Yields the models of an earlier version, with its tables; afterwards the tables are those of today again."""
    call_command("migrate", APP, request.param, verbosity=0)
    try:
        yield MigrationExecutor(connection).loader.project_state((APP, request.param)).apps
    finally:
        call_command("migrate", APP, verbosity=0)


def filled(edge: Edge, earlier: Any) -> None:
    """Fills the store as an edge of the earlier version left it: all photos there, with the checkpoint of a whole run."""
    for name in NAMES:
        edge.ho.put(name, picture(name))
    for wire in edge.ho.photos.values():
        add(edge, wire)
    since = edge.ho.now.isoformat()
    model(earlier, "Checkpoint").create(
        store_id=STORE_ID, company_id=COMPANY_ID, sync_timestamp=since, products_sync_timestamp=since, feed_proved_complete=True
    )
    model(earlier, "SyncRun").create(
        kind="full", trigger="schedule", finished_at=datetime.now(UTC), outcome="success", counts={"seen": 3}, checkpoint=since
    )


def add(edge: Edge, wire: dict[str, Any]) -> None:
    """Adds product, row and object of a photo."""
    edge.bucket.put(wire["object_key"], edge.ho.bodies[wire["object_key"]], content_type=wire["content_type"])
    edge.query(
        "INSERT INTO product (id, sku, name) VALUES (%s, %s, %s)", wire["product_id"], wire["product_sku"], wire["product_name"]
    )
    names = ("id", "product_id", "object_key", "filename", "size", "content_type", "checksum", "version", "is_primary")
    edge.query(
        f"INSERT INTO product_photo ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})",
        *(wire[name] for name in names),
    )


def model(earlier: Any, name: str) -> Any:
    """Returns the manager of an earlier version's model."""
    return earlier.get_model(APP, name).objects


def test_an_upgraded_edge_fetches_and_changes_nothing(edge: Edge, earlier: Any) -> None:
    filled(edge, earlier)
    photos = edge.rows()
    versions = {row["xmin"] for row in edge.query("SELECT xmin::text FROM product_photo")}
    call_command("migrate", APP, verbosity=0)
    for full in (False, True, False):
        report = edge.sync(full=full)
        assert (report.outcome, report.fetched, report.updated, report.deleted, report.held) == ("success", 0, 0, 0, 0)
    assert edge.ho.image_requests == []
    assert edge.rows() == photos
    assert {row["xmin"] for row in edge.query("SELECT xmin::text FROM product_photo")} == versions
    edge.check_equals_head_office()


@pytest.mark.parametrize("earlier", EARLIER[:1], indirect=True)
def test_an_upgraded_edge_keeps_what_it_owes_and_what_a_person_refused(edge: Edge, earlier: Any) -> None:
    filled(edge, earlier)
    owed = edge.ho.put("BAKSO", picture("BAKSO"))
    since = edge.ho.now.isoformat()
    edge.query("UPDATE etalase_checkpoint SET sync_timestamp = %s", since)
    wire = edge.ho.photos[owed]
    model(earlier, "PendingPhoto").create(
        photo_id=owed, product_id=wire["product_id"], product_name="BAKSO", wire=json.dumps(wire), reason="timeout"
    )
    kept, gone = uuid4(), edge.ho.put("SOTO", picture("SOTO"))
    listed = {**edge.ho.photos.pop(gone), "id": str(kept)}
    add(edge, listed)
    model(earlier, "Removal").create(
        photo_id=kept, product_id=listed["product_id"], product_name="SOTO", cause="sweep", state="refused", left_bare=True
    )
    call_command("migrate", APP, verbosity=0)
    report = edge.sync()
    assert (report.outcome, report.fetched, report.owed) == ("success", 1, 0)
    edge.sync(full=True)
    assert set(edge.rows()) == {*edge.ho.photos, str(kept)}
    assert edge.removals() == {str(kept): "refused"}
    assert edge.md5_at(listed["object_key"]) == hashlib.md5(picture("SOTO")).hexdigest()
