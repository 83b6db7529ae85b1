"""Time and chance, as the engine uses them: given to it, so that a whole run can be replayed from a seed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random, SystemRandom


@dataclass(slots=True)
class Clock:
    """The clock, the pause, and the source of random numbers."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    random: Random = field(default_factory=SystemRandom)
