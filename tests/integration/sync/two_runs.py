"""A run in a thread of its own, and a download that waits, for tests of two runs at once."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from tests.integration.sync.conftest import Edge
from tests.simulator import Response

from etalase.edge.sync.result import RunResult


class Background:
    """A run in its own thread with its own connection."""

    def __init__(self, edge: Edge, **options: Any) -> None:
        self.report: RunResult | None = None
        self._edge, self._options = edge, options
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.report = self._edge.sync(**self._options)
        finally:
            connection.close()

    def join(self) -> RunResult:
        """Waits for the run and returns its report."""
        self._thread.join(30)
        assert self.report is not None
        return self.report


@contextmanager
def pause_download(edge: Edge, product: str = "slow") -> Iterator[tuple[threading.Event, threading.Event]]:
    """Pauses the download of ``product`` until the second event; the first event reports the request."""
    requested, go_on = threading.Event(), threading.Event()
    keys = {photo["object_key"] for photo in edge.ho.photos.values() if photo["product_name"] == product}

    def hold(key: str) -> Response | None:
        if key in keys:
            requested.set()
            go_on.wait(60)
        return None

    edge.ho.on_image = hold
    try:
        yield requested, go_on
    finally:
        go_on.set()
        edge.ho.on_image = None
