"""Shows the progress of long work on stderr: a bar on a terminal, elsewhere a line every ten seconds, or nothing.

Bytes are counted as they arrive, not when their photo is complete: on a weak link a photo takes minutes. Only this module
imports ``rich.progress``, and only when a bar is drawn.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from etalase import formatting

if TYPE_CHECKING:
    from rich.console import Console

LINE_EVERY_SECONDS = 10.0
DRAW_EVERY_SECONDS = 0.1


class Progress:
    """The progress that a bar or a line shows. ``limit`` returns the limit in force, or an empty text."""

    def __init__(
        self, photos: int = 0, *, bytes_done: Callable[[], int] = lambda: 0, limit: Callable[[], str] = lambda: ""
    ) -> None:
        self.bytes_done, self.limit = bytes_done, limit
        self.listed = self.done = self.failed = self.total_bytes = 0
        self.total, self._of = photos, "photos"
        self._began = time.monotonic()

    def pulled(self, photos: int) -> None:
        """Sets the number of photos that head office has listed so far."""
        self.listed = photos

    def planned(self, photos: int, size_bytes: int) -> None:
        """Sets the size of the work: photos, and bytes to fetch."""
        self.total, self.total_bytes = photos, size_bytes
        self._began = time.monotonic()

    def makes(self, photos: int) -> None:
        """Sets the size of the work after the photos: small pictures of so many."""
        self.done = self.failed = 0
        self._of = "photos made small"
        self.planned(photos, 0)

    def carried(self, photos: int, failed: int = 0) -> None:
        """Adds photos that are done, or have failed."""
        self.done, self.failed = self.done + photos, self.failed + failed

    def counted(self) -> str:
        """Returns the photos as text."""
        if not self.total:
            return f"{self.listed} photos listed"
        return f"{self.done}/{self.total} {self._of}" + (f", {self.failed} failed" if self.failed else "")

    def line(self) -> str:
        """Returns photos, bytes, rate, time left and limit as one line."""
        return ", ".join(part for part in (self.counted(), self.amount(), self._left(), self.limit()) if part)

    def amount(self) -> str:
        """Returns the bytes as text; empty where none are counted."""
        return formatting.share(self.bytes_done(), self.total_bytes) if self.total_bytes else ""

    def step(self) -> tuple[int, int]:
        """Returns how much is done and the total: bytes, or photos where no bytes are counted."""
        return (self.bytes_done(), self.total_bytes) if self.total_bytes else (self.done, self.total)

    def _left(self) -> str:
        """Returns the average rate and the remaining time at it."""
        seconds = max(time.monotonic() - self._began, 1e-3)
        done, total = self.step()
        if not done:
            return ""
        left = f"about {formatting.duration(max(0, total - done) * seconds / done)} left"
        return f"{formatting.rate(round(done / seconds))}, {left}" if self.total_bytes else left


@contextmanager
def shown(progress: Progress, *, quiet: bool = False, line_seconds: float = LINE_EVERY_SECONDS) -> Iterator[Progress]:
    """Shows ``progress`` on stderr during the context: as a bar on a terminal, else as lines."""
    if quiet:
        yield progress
    elif sys.stderr.isatty():
        with _bar(progress):
            yield progress
    else:
        with _every(line_seconds, lambda: print(progress.line(), file=sys.stderr, flush=True)):  # noqa: T201
            yield progress


@contextmanager
def _bar(progress: Progress) -> Iterator[None]:
    # Loaded here, because most runs have no terminal.
    from rich.console import Console

    with drawing(progress, Console(stderr=True)) as draw, _every(DRAW_EVERY_SECONDS, draw):
        yield


@contextmanager
def drawing(progress: Progress, console: "Console") -> Iterator[Callable[[], None]]:
    """Shows a bar on ``console`` during the context. Yields the function that draws the present state."""
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.table import Column

    def text(name: str) -> TextColumn:
        column = Column(no_wrap=True, overflow="ellipsis")
        return TextColumn(f"{{task.fields[{name}]}}", style="none", markup=False, table_column=column)

    # The limit still fits on a terminal of 80 columns.
    columns = (
        text("counted"),
        BarColumn(bar_width=8),
        text("amount"),
        text("rate"),
        TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
        text("limit"),
    )
    with Bar(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task_id = bar.add_task("", total=None, counted="", amount="", rate="", limit="")

        def draw() -> None:
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed or 0
            done, total = progress.step()
            bar.update(
                task_id,
                completed=done,
                total=total or None,
                counted=progress.counted(),
                amount=progress.amount(),
                rate=formatting.rate(round(speed)) if progress.total_bytes else "",
                limit=progress.limit(),
                refresh=True,
            )

        draw()
        yield draw


@contextmanager
def _every(seconds: float, show: Callable[[], None]) -> Iterator[None]:
    """Calls ``show`` in a thread at this interval, also while nothing happens."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(seconds):
            show()

    thread = threading.Thread(target=repeat, name="etalase-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
