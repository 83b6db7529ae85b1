"""Time and chance, as the engine uses them: given to it, so that a whole run can be replayed from a seed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random, SystemRandom

BASE_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 30.0


@dataclass(slots=True)
class Pace:
    """The clock, the pause, and the jitter of a retry."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    random: Random = field(default_factory=SystemRandom)

    def backoff_seconds(self, attempt: int, *, at_least: float | None = None) -> float:
        """How long to wait after the ``attempt``-th failure: 1, 2, 4 … s, shortened at random by up to a half.

        Without the jitter, ten thousand stores that failed together would come back together.
        """
        seconds = min(BASE_SECONDS * 2.0 ** (attempt - 1), MAX_BACKOFF_SECONDS) * self.random.uniform(0.5, 1)
        return max(seconds, at_least or 0.0)
