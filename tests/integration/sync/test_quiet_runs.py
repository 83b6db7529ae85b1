"""Checks that a run without changes costs one feed request (invariant I8), even under anomalies that it cannot repair."""

from datetime import timedelta
from typing import Any

import pytest
from tests.integration.sync.conftest import Edge
from tests.integration.sync.steps import status
from tests.simulator import picture

from etalase.edge.sync.services import Services


@pytest.fixture
def edge_with_lasting_faults(edge: Edge, s3: Any) -> Edge:
    """Returns a store with an odd row, a photo that head office contradicts, an older version there, a damaged photo that it no
    longer lists, and a dish with a new id."""
    photos = [edge.ho.put(f"dish {n}", picture(n)) for n in range(8)]
    edge.sync()
    edge.sync(full=True)
    odd, contradicted, older, damaged, old = photos[:5]
    edge.ho.put("dish 0", picture("new"), photo=odd, size="big")
    edge.ho.put("dish 1", picture("new"), photo=contradicted, checksum="1" * 32)
    edge.ho.put("dish 2", picture("before"), photo=older, checksum="2" * 32)
    s3.delete_object(Bucket=edge.bucket.bucket, Key=edge.rows()[damaged]["object_key"])
    del edge.ho.photos[damaged]
    edge.ho.put("dish 4, again", picture("again"), product_sku=edge.ho.photos[old]["product_sku"])
    edge.ho.delete(old)
    edge.query("UPDATE product_photo SET updated_at = now() + interval '1 year' WHERE id = %s", older)
    status(edge)  # sets the damage mark
    edge.ho.now += timedelta(seconds=1)
    return edge


def test_between_two_retries_a_run_costs_one_request_under_any_anomaly(
    edge_with_lasting_faults: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = []
    for hours in range(1, 12):
        edge_with_lasting_faults.hours_later = hours
        kinds.append(edge_with_lasting_faults.sync(trigger="schedule", TRIES=1).kind)
    assert kinds[2:] == ["incremental"] * 9
    assert (len(edge_with_lasting_faults.reasons()), edge_with_lasting_faults.count("etalase_doubt")) == (
        3,
        0,
    )  # the full run removed the damaged photo

    put: list[str] = []

    def count_puts(services: Services) -> None:
        real = services.bucket.put

        def counted(key: str, *args: Any, **named: Any) -> str:
            put.append(key)
            return real(key, *args, **named)

        monkeypatch.setattr(services.bucket, "put", counted)

    before = edge_with_lasting_faults.row_versions()
    for hours in (12, 13, 14):
        edge_with_lasting_faults.hours_later = hours
        edge_with_lasting_faults.ho.requests.clear()
        edge_with_lasting_faults.ho.image_requests.clear()
        report = edge_with_lasting_faults.sync(trigger="schedule", inject=count_puts)
        assert (report.kind, report.outcome, report.seen, report.owed) == ("incremental", "partial", 0, 3)
        assert (edge_with_lasting_faults.ho.requests, edge_with_lasting_faults.ho.image_requests, put) == (
            ["/api/v1/sync/product-photos/"],
            [],
            [],
        )
    assert edge_with_lasting_faults.row_versions() == before
