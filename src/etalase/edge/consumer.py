"""The standalone worker's consumer: patient with a broker that takes connections and refuses their work."""

import time

from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown

PAUSE_SECONDS = 5


class PatientConsumer(Consumer):
    """Pauses before each new try. Celery begins anew at once, which fills a store's disk with log lines, five a second."""

    def on_connection_error_before_connected(self, exc: Exception) -> None:
        """The broker refused what a worker asks for first."""
        super().on_connection_error_before_connected(exc)
        _pause()

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """The broker went away, or refuses now."""
        super().on_connection_error_after_connected(exc)
        _pause()


def _pause() -> None:
    for _ in range(PAUSE_SECONDS):
        maybe_shutdown()
        time.sleep(1)
