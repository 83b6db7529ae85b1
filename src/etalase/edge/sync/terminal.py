"""How a run looks to somebody who waits for it: a bar on a terminal, a line every ten seconds elsewhere. On stderr.

Bytes are counted as they come, not when their photo is whole: on a weak link that takes minutes.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from etalase.edge.sync.result import Nobody, Watcher
from etalase.settings.bandwidth import duration_text, rate_text

LINE_EVERY_SECONDS = 10.0


class Lines:
    """A line now and then, for logs and pipes. ``limit`` says the bandwidth limit in force; empty: there is none. ``came`` says
    how many bytes have come so far."""

    def __init__(self, limit: Callable[[], str], came: Callable[[], int]) -> None:
        self._limit, self._came = limit, came
        self._listed = self._total = self._total_bytes = self._done = self._failed = 0
        self._began = time.monotonic()

    def pulled(self, photos: int) -> None:
        """So long is the list by now."""
        self._listed = photos

    def planned(self, photos: int, size_bytes: int) -> None:
        """Remember what there is to do."""
        self._total, self._total_bytes = photos, size_bytes
        self._began = time.monotonic()

    def carried(self, photos: int, failed: int) -> None:
        """Count them."""
        self._done, self._failed = self._done + photos, self._failed + failed

    def line(self) -> str:
        """How far it is."""
        limit = self._limit()
        if not self._total:
            text = f"{self._listed} photos listed"
        else:
            amount = f"{self._came() / 1024 / 1024:.1f} of {self._total_bytes / 1024 / 1024:.1f} MiB"
            text = f"{self._done} of {self._total} photos, {self._failed} failed, {amount}{self._pace()}"
        return f"{text}, {limit}" if limit else text

    def _pace(self) -> str:
        """The rate so far, and how long the rest takes at it."""
        came = self._came()
        rate = came / max(time.monotonic() - self._began, 1e-3)
        if not came:
            return ""
        left = max(0, self._total_bytes - came)
        return f", {rate_text(round(rate))}, {duration_text(left / rate)} left"


@contextmanager
def _spoken(lines: Lines) -> Iterator[Lines]:
    """Let them speak every ten seconds, whether something happens or not."""
    over = threading.Event()

    def speak() -> None:
        while not over.wait(LINE_EVERY_SECONDS):
            print(lines.line(), file=sys.stderr, flush=True)  # noqa: T201 - this is what it is for

    speaker = threading.Thread(target=speak, name="etalase-progress", daemon=True)
    speaker.start()
    try:
        yield lines
    finally:
        over.set()
        speaker.join()


@contextmanager
def watcher(*, quiet: bool, limit: Callable[[], str], came: Callable[[], int]) -> Iterator[Watcher]:
    """Somebody to watch a run with, as fits where stderr goes. ``limit`` says the bandwidth limit in force, ``came`` how many
    bytes have come."""
    if quiet:
        yield Nobody()
    elif not sys.stderr.isatty():
        with _spoken(Lines(limit, came)) as lines:
            yield lines
    else:
        from etalase.edge.sync.bar import bar  # a run that nobody watches need not load it

        with bar(limit, came) as shown:
            yield shown
