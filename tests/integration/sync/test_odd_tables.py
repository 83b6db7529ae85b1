"""Checks a `product_photo` as other programs leave it: keys outside of `products/`, a column of another type."""

import pytest
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import status
from tests.simulator import picture

from etalase.errors import UsageError

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
