"""Checks that this edge sends only requests that released head offices know."""

import json
from typing import Any

from tests.integration.sync.conftest import Edge
from tests.pictures import renditions
from tests.simulator import Response, Simulator, picture
from tests.wire.recordings import RELEASES, neutral, record, recorded


def test_an_edge_sends_the_requests_recorded_for_the_newest_release(edge: Edge, ho: Simulator) -> None:
    """Fails for a new request or field: it needs a recorded release, and a head office without it must still work."""
    ho.put("a", picture("a"))
    ho.change_page = lambda page: page.update(products_changed_at="2026-02-03T00:00:00.000000+00:00")
    edge.sync(full=True)
    edge.sync(full=True)
    ho.put("b", picture("b"))
    edge.sync()
    ho.on_feed_token = lambda token: Response(401, b"{}") if token == "first-token" else None
    ho.access_token = "second-token"
    edge.sync()
    # A head office of ours announces more: reports and renditions.
    ho.features = "report=1, renditions=1"
    ho.put_renditions(ho.put("c", picture("c")), *renditions(1))
    edge.sync()  # learns what is announced
    edge.sync(full=True)
    ho.put("d", picture("d"))
    edge.sync()
    sent = []
    for path, prefer, body in ho.posts:
        exchange = {"path": path, "prefer": prefer, "request": neutral(json.loads(body))}
        if exchange not in sent:
            sent.append(exchange)
    record("edge", sent)
    assert {exchange["path"] for exchange in sent} >= {
        "/api/v1/token/",
        "/api/v1/token/refresh/",
        "/api/v1/sync/product-photos/",
        "/api/v1/sync/report/",
    }
    assert {exchange["prefer"] for exchange in sent} >= {"", "photo-digest", "photo-digest, renditions", "renditions"}
    assert without_limits(sent) == without_limits(recorded(RELEASES[-1], "edge"))


def without_limits(exchanges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the exchanges without the sizes of pages: every head office takes any, or refuses it and gets the guide's."""
    return [{**one, "request": {name: value for name, value in one["request"].items() if name != "limit"}} for one in exchanges]
