"""The time and the random numbers of the sync engine, passed to it so that tests replay a whole run."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random, SystemRandom
from uuid import UUID


@contextmanager
def _alarm(seconds: float, ring: Callable[[], None]) -> Iterator[None]:
    """Calls ``ring`` from another thread after ``seconds``, unless the block has ended by then."""
    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@dataclass(slots=True)
class Clock:
    """The clock, the pause, the alarm, and the only source of random numbers."""

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    alarm: Callable[[float, Callable[[], None]], AbstractContextManager[None]] = _alarm
    random: Random = field(default_factory=SystemRandom)

    def utc(self) -> datetime:
        """Returns the current time in UTC."""
        return datetime.fromtimestamp(self.now(), UTC)

    def random_id(self) -> UUID:
        """Returns a random id, as a place to start in a table."""
        return UUID(int=self.random.getrandbits(128))
