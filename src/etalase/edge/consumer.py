"""Consumes tasks for the standalone worker: pauses between retries, and reports its turns to the service manager."""

import time
from collections.abc import Callable
from typing import Any

from celery import bootsteps
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

from etalase.service_manager import service_manager

PAUSE_SECONDS = 5
TURN_SECONDS = 1.0
WAITS = "The worker waits for its broker."


class Turns(bootsteps.StartStopStep):
    """Reports the turns of the loop while it has its broker. A timer of the loop itself: a hung loop reports none."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Begins with the first turn: the consumer has its broker now."""
        service_manager().turned()
        self._timer = parent.timer.call_repeatedly(TURN_SECONDS, service_manager().turned)

    def stop(self, parent: Any) -> None:
        """Ends with the connection."""
        self._timer.cancel()


class PatientConsumer(Consumer):
    """Pauses before each retry. Celery retries at once, which fills a store's disk with five log lines a second."""

    def ensure_connected(self, conn: Any) -> Any:
        """Connects; each second of waiting for the broker is a turn, too."""
        ensure = conn.ensure_connection

        def with_turns(on_error: Callable[..., Any], max_retries: int | None, *, callback: Callable[[], object]) -> Any:
            def turn() -> None:
                service_manager().waits(WAITS)
                callback()

            return ensure(on_error, max_retries, callback=turn)

        conn.ensure_connection = with_turns
        return super().ensure_connected(conn)

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """Pauses after the broker refused the first request of a worker."""
        super().on_connection_error_before_connected(exc)
        _pause()

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Pauses after the connection to the broker broke, or the broker refused a request."""
        super().on_connection_error_after_connected(exc)
        _pause()


def _pause() -> None:
    for _ in range(PAUSE_SECONDS):
        service_manager().waits(WAITS)
        maybe_shutdown()
        time.sleep(1)
