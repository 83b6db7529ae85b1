"""A run on a terminal: a bar with photos, bytes, rate, time left and the limit in force. The only room that knows rich."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from etalase.settings.bandwidth import rate_text


class Bar:
    """A progress bar: photos, bytes, rate, time left."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._photos = progress.add_task("", total=None, photos="reading head office's list")
        self._done = self._failed = self._total = 0

    def pulled(self, photos: int) -> None:
        """Show how long the list is by now."""
        self._progress.update(self._photos, photos=f"{photos} listed")

    def planned(self, photos: int, size_bytes: int) -> None:
        """Show what there is to do."""
        self._total = photos
        self._progress.update(self._photos, total=size_bytes or None, photos=f"0/{photos} photos")

    def carried(self, photos: int, failed: int) -> None:
        """Advance."""
        self._done, self._failed = self._done + photos, self._failed + failed
        said = f"{self._done}/{self._total} photos" + (f", {self._failed} failed" if self._failed else "")
        self._progress.update(self._photos, photos=said)


class RateColumn(ProgressColumn):
    """The rate of now, in the units of the limit."""

    def render(self, task: Task) -> Text:
        """As text."""
        return Text(rate_text(round(task.finished_speed or task.speed or 0)))


class LimitColumn(ProgressColumn):
    """The bandwidth limit in force, told anew each time the bar is drawn."""

    def __init__(self, limit: Callable[[], str]) -> None:
        super().__init__(table_column=Column(no_wrap=True, overflow="ellipsis"))
        self._limit = limit

    def render(self, _task: Task) -> Text:
        """As text."""
        return Text(self._limit())


class Counting(Progress):
    """A progress whose bytes are those that have come each time it is drawn."""

    def __init__(self, *columns: ProgressColumn, console: Console, came: Callable[[], int]) -> None:
        self._came = came
        super().__init__(*columns, console=console, transient=True)

    def get_renderables(self) -> Iterable[RenderableType]:
        """As drawn."""
        for task_id in self.task_ids:
            self.update(task_id, completed=self._came())
        yield from super().get_renderables()


@contextmanager
def bar(limit: Callable[[], str], came: Callable[[], int]) -> Iterator[Bar]:
    """A bar on stderr, while the context lasts. ``limit`` says the bandwidth limit in force, ``came`` how many bytes came."""
    columns = (
        TextColumn("{task.fields[photos]}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=8),
        DownloadColumn(binary_units=True, table_column=Column(no_wrap=True)),
        RateColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
        # The last to be cut where a terminal is narrow.
        LimitColumn(limit),
    )
    with Counting(*columns, console=Console(stderr=True), came=came) as progress:
        yield Bar(progress)
