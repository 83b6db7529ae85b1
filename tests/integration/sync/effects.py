"""Runs the engine one effect after the other, records each effect, and kills the run before any of them.

Effects are statements that write, and requests to the bucket, to head office and to its bucket. Time stands still but for
pauses, random numbers come from a seed, and the worker pool works in the caller's thread: so a run can be replayed.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from django.db import connection
from tests.integration.sync.conftest import Edge

from etalase.edge.clock import Clock
from etalase.edge.sync.result import RunResult, Trigger
from etalase.edge.sync.run import sync
from etalase.edge.sync.services import Services, real_services

WRITES = ("INSERT", "UPDATE", "DELETE")


class Killed(BaseException):
    """Simulates a kill of the process: nothing has an effect after it."""


@dataclass
class Effects:
    """The effects of one run, in order; the run is killed before effect number ``killed_before``."""

    killed_before: int | None = None
    seen: list[str] = field(default_factory=list)
    is_dead: bool = False

    def happens(self, effect: str) -> None:
        """Records the effect. Raises :class:`Killed` instead at the kill, and ever after."""
        self.is_dead |= len(self.seen) == self.killed_before
        if self.is_dead:
            raise Killed
        self.seen.append(effect)

    def statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """Executes a statement of the run; see Django's ``execute_wrapper``."""
        if self.is_dead:
            raise Killed
        if sql.lstrip().startswith(WRITES):
            self.happens(" ".join(sql.split())[:80])
        return execute(sql, params, many, context)

    def watch(self, services: Services) -> None:
        """Makes each request of ``services`` an effect."""
        services.bucket = self._watched(services.bucket, "put", "delete", "ensure_bucket", "prove_writable")
        services.images = self._watched(services.images, "fetch")
        services.head_office = self._watched(services.head_office, "photo_pages", "product_pages")
        services.workers = services.early_workers = Inline()

    def _watched(self, real: Any, *names: str) -> Any:
        effects = self

        class Watched:
            def __getattr__(self, name: str) -> Any:
                method = getattr(real, name)
                if name not in names:
                    return method

                def call(*args: Any, **options: Any) -> Any:
                    effects.happens(f"{name} {_described(args)}")
                    return method(*args, **options)

                return call

        return Watched()


class Inline(Executor):
    """Works in the caller's thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Calls ``fn`` at once."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


def replayed(
    edge: Edge,
    *,
    full: bool,
    killed_before: int | None = None,
    inject: Callable[[Services], None] = lambda _: None,
    engine: Callable[..., RunResult] = sync,
) -> tuple[Effects, RunResult | None]:
    """Runs the engine; returns its effects, and its result unless it was killed. ``inject`` may replace a service."""
    effects, slept = Effects(killed_before), [0.0]
    begins = edge.clock.now()

    def sleep(seconds: float) -> None:
        slept[0] += seconds

    clock = Clock(
        now=lambda: begins + slept[0],
        monotonic=lambda: slept[0],
        sleep=sleep,
        alarm=_never,
        random=Random(12),
    )
    with real_services(edge.configured(), clock) as services, connection.execute_wrapper(effects.statement):
        inject(services)
        effects.watch(services)
        try:
            return effects, engine(services, full=full, trigger=Trigger.HAND)
        except Killed:
            connection.close()  # as PostgreSQL does with the connection of a dead process
            return effects, None


@contextmanager
def _never(seconds: float, ring: Callable[[], None]) -> Iterator[None]:
    yield


def _described(args: tuple[Any, ...]) -> str:
    """Returns the keys and ids among the arguments."""
    return " ".join(str(getattr(value, "object_key", value)) for value in args if not isinstance(value, (bytes, memoryview)))
