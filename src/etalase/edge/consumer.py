"""Consumes tasks for the standalone worker, and pauses between retries while the broker refuses its requests."""

import time

from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

PAUSE_SECONDS = 5


class PatientConsumer(Consumer):
    """Pauses before each retry. Celery retries at once, which fills a store's disk with five log lines a second."""

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
        maybe_shutdown()
        time.sleep(1)
