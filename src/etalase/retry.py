"""Retries with exponential backoff and jitter, and waits at least as long as the server requests (``Retry-After``)."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from random import Random, SystemRandom
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Again:
    """A wish for a retry, after ``at_least_seconds``.

    ``has_progressed``: the failed attempt received a part of the whole, so that it is the first failure of a new count.
    """

    at_least_seconds: float = 0.0
    has_progressed: bool = False


@dataclass(frozen=True, slots=True)
class Retries:
    """Makes up to ``tries`` attempts.

    The pauses are 1, 2, 4 … times ``base_seconds``, up to ``max_seconds``, each shortened at random by up to a half.
    Without the jitter, ten thousand stores that failed together would try again together.
    """

    tries: int
    sleep: Callable[[float], object] = time.sleep
    random: Random = field(default_factory=SystemRandom)
    base_seconds: float = 1.0
    max_seconds: float = 30.0

    def call(
        self,
        attempt: Callable[[], T],
        again: Callable[[Exception], Again | None],
        *,
        log: Callable[[Exception, float], object] = lambda *_: None,
    ) -> T:
        """Returns the result of the first attempt that raises nothing.

        Raises the error of the last attempt, or of the first for which ``again`` returns None. ``log`` is called before each
        pause, with the error and the seconds.
        """
        failed = 0
        while True:
            try:
                return attempt()
            except Exception as error:
                wish = again(error)
                failed = 1 if wish is not None and wish.has_progressed else failed + 1
                if wish is None or failed >= self.tries:
                    raise
                seconds = max(self.backoff_seconds(failed), wish.at_least_seconds)
                log(error, seconds)
            self.sleep(seconds)

    def backoff_seconds(self, failed: int) -> float:
        """Returns the pause after this many failures."""
        return min(self.base_seconds * 2.0 ** (failed - 1), self.max_seconds) * self.random.uniform(0.5, 1)


def retry_after_seconds(value: str, *, now: float) -> float | None:
    """Returns the pause that a ``Retry-After`` header requests, None for any other text (RFC 9110, section 10.2.3).

    ``now`` is Unix time.
    """
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, IndexError, OverflowError):  # its parser raises all of these for odd texts
        return None
