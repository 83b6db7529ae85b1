"""A run on a terminal: a bar with photos, bytes, rate, time left and the limit in force. The only room that knows rich."""

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


@contextmanager
def bar(limit: Callable[[], str]) -> Iterator[Bar]:
    """A bar on stderr, while the context lasts. ``limit`` says the bandwidth limit in force."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[photos]}"),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        LimitColumn(limit),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress)
