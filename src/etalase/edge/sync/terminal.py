"""How a run looks to somebody who waits for it: a bar on a terminal, a line every ten seconds elsewhere. On stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from etalase.edge.sync.report import Nobody, Watcher
from etalase.settings.bandwidth import duration_text, rate_text

LINE_EVERY_SECONDS = 10.0


class Lines:
    """A line now and then, for logs and pipes. ``limit`` says the bandwidth limit in force; empty: there is none."""

    def __init__(self, limit: Callable[[], str]) -> None:
        self._limit = limit
        self._total = self._total_bytes = self._done = self._failed = self._bytes = 0
        self._began = time.monotonic()
        self._next = self._began + LINE_EVERY_SECONDS

    def pulled(self, photos: int) -> None:
        """Say how long the list is by now."""
        self._say(f"{photos} photos listed")

    def planned(self, photos: int, size_bytes: int) -> None:
        """Remember what there is to do."""
        self._total, self._total_bytes = photos, size_bytes
        self._began = time.monotonic()

    def carried(self, photos: int, failed: int, size_bytes: int) -> None:
        """Say how far it is."""
        self._done, self._failed, self._bytes = self._done + photos, self._failed + failed, self._bytes + size_bytes
        self._say(
            f"{self._done} of {self._total} photos, {self._failed} failed, {self._bytes / 1024 / 1024:.1f} of "
            f"{self._total_bytes / 1024 / 1024:.1f} MiB{self._pace()}"
        )

    def _pace(self) -> str:
        """The rate so far, and how long the rest takes at it."""
        rate = self._bytes / max(time.monotonic() - self._began, 1e-3)
        if not self._bytes:
            return ""
        left = max(0, self._total_bytes - self._bytes)
        return f", {rate_text(round(rate))}, {duration_text(left / rate)} left"

    def _say(self, text: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_EVERY_SECONDS
            limit = self._limit()
            print(f"{text}, {limit}" if limit else text, file=sys.stderr, flush=True)  # noqa: T201 - this is what it is for


@contextmanager
def watcher(*, quiet: bool, limit: Callable[[], str]) -> Iterator[Watcher]:
    """Somebody to watch a run with, as fits where stderr goes. ``limit`` says the bandwidth limit in force."""
    if quiet:
        yield Nobody()
    elif not sys.stderr.isatty():
        yield Lines(limit)
    else:
        from etalase.edge.sync.bar import bar  # a run that nobody watches need not load it

        with bar(limit) as shown:
            yield shown
