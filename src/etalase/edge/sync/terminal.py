"""How a run looks to somebody who waits for it: a bar on a terminal, a line every ten seconds elsewhere. On stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from etalase.edge.sync.report import Nobody, Watcher

LINE_EVERY_SECONDS = 10.0


class Bar:
    """A progress bar: photos, bytes, rate, time left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._photos = progress.add_task("reading head office's list", total=None, photos="")
        self._done = self._failed = self._total = 0

    def pulled(self, photos: int) -> None:
        """Show how long the list is by now."""
        self._progress.update(self._photos, photos=f"{photos} photos listed")

    def planned(self, photos: int, size_bytes: int) -> None:
        """Show what there is to do."""
        self._total = photos
        self._progress.update(
            self._photos, description="carrying photos", total=size_bytes or None, photos=f"0 of {photos} photos"
        )

    def carried(self, photos: int, failed: int, size_bytes: int) -> None:
        """Advance."""
        self._done, self._failed = self._done + photos, self._failed + failed
        said = f"{self._done} of {self._total} photos" + (f", {self._failed} failed" if self._failed else "")
        self._progress.update(self._photos, advance=size_bytes, photos=said)


class LimitColumn(ProgressColumn):
    """The bandwidth limit in force, told anew each time the bar is drawn."""

    def __init__(self, limit: Callable[[], str]) -> None:
        super().__init__()
        self._limit = limit

    def render(self, _task: Task) -> Text:
        """As text."""
        return Text(self._limit())


class Lines:
    """A line now and then, for logs and pipes. ``limit`` says the bandwidth limit in force; empty: there is none."""

    def __init__(self, limit: Callable[[], str]) -> None:
        self._limit = limit
        self._total = self._done = self._failed = self._bytes = 0
        self._next = time.monotonic() + LINE_EVERY_SECONDS

    def pulled(self, photos: int) -> None:
        """Say how long the list is by now."""
        self._say(f"{photos} photos listed")

    def planned(self, photos: int, size_bytes: int) -> None:
        """Remember what there is to do."""
        self._total = photos

    def carried(self, photos: int, failed: int, size_bytes: int) -> None:
        """Say how far it is."""
        self._done, self._failed, self._bytes = self._done + photos, self._failed + failed, self._bytes + size_bytes
        self._say(f"{self._done} of {self._total} photos, {self._failed} failed, {self._bytes / 1024 / 1024:.1f} MiB")

    def _say(self, text: str) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LINE_EVERY_SECONDS
            limit = self._limit()
            print(f"{text}, {limit}" if limit else text, file=sys.stderr, flush=True)  # noqa: T201 - this is what it is for


@contextmanager
def watcher(*, quiet: bool, limit: Callable[[], str]) -> Iterator[Watcher]:
    """Somebody to watch a run with, as fits where stderr goes. ``limit`` says the bandwidth limit in force."""
    console = Console(stderr=True)
    if quiet:
        yield Nobody()
    elif not console.is_terminal:
        yield Lines(limit)
    else:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[photos]}"),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            LimitColumn(limit),
        )
        with Progress(*columns, console=console, transient=True) as progress:
            yield Bar(progress)
