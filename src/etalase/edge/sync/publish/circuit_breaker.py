"""Decides when a run stops trying: after many failures in a row, the other side is away. Pure."""

from dataclasses import dataclass

from etalase.errors import PhotoError, Reason, ReasonClass
from etalase.protocol import Photo

MAX_FAILURES_IN_A_ROW = 20


@dataclass(slots=True)
class CircuitBreaker:
    """Counts the failures in a row that do not concern the photo itself: transient ones, and those of the whole bucket."""

    max_failures: int = MAX_FAILURES_IN_A_ROW
    failures: int = 0
    last: tuple[Photo, PhotoError] | None = None

    def record_failure(self, photo: Photo, error: PhotoError) -> None:
        """Counts the failure, if it can mean that the other side is away. A row that waits does not."""
        if error.reason is Reason.ROW_WAITS:
            return
        if error.reason.policy.kind is ReasonClass.TRANSIENT or error.reason.policy.concerns_bucket:
            self.last = (photo, error)
            self.failures += 1

    def close(self) -> None:
        """Starts a new count, after a photo arrived or the other side proved to work."""
        self.failures = 0

    @property
    def tripped_by(self) -> tuple[Photo, PhotoError] | None:
        """Returns the photo and error that opened the circuit, None while it is closed."""
        return self.last if self.failures >= self.max_failures else None


def probe_bytes(photo: Photo, error: PhotoError) -> int:
    """Returns the size of the picture whose put shows whether the bucket accepts others.

    A firewall before it may refuse only large bodies with a 403; a small picture shows whether the key is refused.
    """
    return 0 if error.reason.policy.kind is ReasonClass.PERMANENT else photo.size or 0
