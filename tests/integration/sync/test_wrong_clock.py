"""Checks that timestamps of a clock that was a year ahead block nothing once the clock is right again."""

import time
from datetime import timedelta

import pytest
from tests.integration.sync.conftest import Edge
from tests.simulator import picture

from etalase.edge import tasks
from etalase.edge.status.sync_request import requested_lately
from etalase.edge.sync import storage


@pytest.mark.parametrize("full", [False, True], ids=["hourly", "nightly"])
def test_a_run_with_a_future_timestamp_does_not_replace_a_scheduled_run(edge: Edge, full: bool) -> None:
    edge.sync(full=full, trigger="schedule")
    due = time.time() - 60
    assert tasks._done_since(time.time() - due, full=full)
    edge.query("UPDATE etalase_sync_run SET started_at = now() + interval '1 year', finished_at = now() + interval '1 year'")
    assert not tasks._done_since(time.time() - due, full=full)


def test_a_sync_request_with_a_future_timestamp_does_not_block_the_next_one(edge: Edge) -> None:
    edge.sync()
    edge.query("UPDATE etalase_checkpoint SET asked_at = now() - interval '1 minute'")
    assert requested_lately()
    edge.query("UPDATE etalase_checkpoint SET asked_at = now() + interval '1 year'")
    assert requested_lately() is None


def test_the_grace_period_of_an_orphan_from_the_future_begins_now(edge: Edge) -> None:
    edge.ho.put("sate", picture("a"))
    edge.sync()
    edge.query("INSERT INTO etalase_reclaim (object_key, obsolete_at) VALUES ('products/x', now() + interval '1 year')")
    assert storage.reclaims.due(timedelta(hours=24), now=edge.clock.utc()) == []
    edge.query("UPDATE etalase_reclaim SET obsolete_at = obsolete_at - interval '25 hours'")
    assert storage.reclaims.due(timedelta(hours=24), now=edge.clock.utc()) == ["products/x"]
