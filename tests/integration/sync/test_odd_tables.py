"""Checks a `product_photo` as other programs leave it: keys outside of `products/`, a column of another type."""

import pytest
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import status
from tests.simulator import picture

from etalase.edge.adoption.adopt import Wish, adopt
from etalase.edge.sync.services import real_services
from etalase.errors import UsageError
from etalase.progress import Progress

KEYS = ["uploads/sate.jpg", "/products/sate.jpg", "products/../sate.jpg", ""]


@pytest.mark.parametrize("key", KEYS)
def test_a_row_outside_returns_to_the_key_that_head_office_lists(edge: Edge, key: str) -> None:
    photo = edge.ho.put("SATE", picture("SATE"))
    edge.sync()
    edge.query("UPDATE product_photo SET object_key = %s WHERE id = %s", key, photo)
    outcomes = [edge.sync(full=full).outcome for full in (False, True, False)]
    assert outcomes == ["success"] * 3
    assert status(edge)["state"] == "well"
    assert edge.rows()[photo]["object_key"] == edge.ho.photos[photo]["object_key"]


def test_a_photo_that_head_office_lists_outside_is_partial_to_runs_and_status_alike(edge: Edge) -> None:
    edge.ho.put("SATE", picture("SATE"), key="uploads/sate.jpg")
    outcomes = [edge.sync(full=full).outcome for full in (False, True, False)]
    assert outcomes == ["partial"] * 3
    found = status(edge)
    assert (found["state"], found["reasons"]) == ("partial", {"bad_key": 1})


def test_a_column_that_lost_its_time_zone_is_named_and_not_called_a_fault_of_etalase(edge: Edge) -> None:
    edge.ho.put("SATE", picture("SATE"))
    edge.sync()
    edge.query("ALTER TABLE product_photo ALTER updated_at TYPE timestamp")
    try:
        for full in (False, True):
            run = edge.sync(full=full)
            assert isinstance(run.error, UsageError)
            assert "product_photo.updated_at is timestamp without time zone" in str(run.error)
    finally:
        edge.query("ALTER TABLE product_photo ALTER updated_at TYPE timestamptz")
    assert edge.sync().outcome == "success"


@pytest.mark.parametrize(
    ("add", "drop", "named"),
    [
        (
            "CREATE RULE audit AS ON UPDATE TO product_photo DO ALSO NOTIFY photos",
            "DROP RULE audit ON product_photo",
            "the rewrite rule audit",
        ),
        (
            "CREATE RULE keeps AS ON DELETE TO product_photo WHERE OLD.is_primary DO INSTEAD NOTHING",
            "DROP RULE keeps ON product_photo",
            "the rewrite rule keeps",
        ),
        (
            "ALTER TABLE product_photo RENAME TO photos; CREATE VIEW product_photo AS SELECT DISTINCT * FROM photos",
            "DROP VIEW product_photo; ALTER TABLE photos RENAME TO product_photo",
            "product_photo is a view",
        ),
    ],
)
def test_rules_and_views_under_which_postgresql_refuses_every_write_are_named_before_any(
    edge: Edge, add: str, drop: str, named: str
) -> None:
    edge.ho.put("SATE", picture("SATE"))
    edge.query(add)
    try:
        run = edge.sync()
        assert isinstance(run.error, UsageError)
        assert named in str(run.error)
        with real_services(edge.configured()) as services:
            report = adopt(services, Wish(), Progress())
        (wrong,) = [condition for condition in report.preconditions if not condition.ok]
        assert (wrong.id, named in wrong.detail) == ("product_photo", True)
    finally:
        edge.query(drop)
    assert edge.sync().outcome == "success"
