"""The threads in which the application works: whole requests only, the addresses taking turns."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class Unwanted(Exception):
    """The client was gone before the work began."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[], Any]
    wanted: Callable[[], bool]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class Threads:
    """``count`` threads. They end with the process, whatever they are doing: a stop waits for nothing longer than it says."""

    def __init__(self, count: int) -> None:
        self._waiting: dict[str, deque[_Job]] = {}
        self._turns: deque[str] = deque()
        self._changed = threading.Condition()
        for number in range(count):
            threading.Thread(target=self._run, name=f"request-{number}", daemon=True).start()

    async def do(self, address: str, work: Callable[[], T], wanted: Callable[[], bool]) -> T:
        """The result of ``work``. Raises :class:`Unwanted` where nobody waits for it when its turn comes."""
        loop = asyncio.get_running_loop()
        job = _Job(work, wanted, loop.create_future(), loop)
        with self._changed:
            if address not in self._waiting:
                self._waiting[address] = deque()
                self._turns.append(address)
            self._waiting[address].append(job)
            self._changed.notify()
        result: T = await job.future
        return result

    def _run(self) -> None:
        while True:
            job = self._next()
            result: object = None
            error: BaseException | None = None
            try:
                if job.wanted():
                    result = job.work()
                else:
                    error = Unwanted()
            except BaseException as raised:  # it belongs to the caller that awaits it
                error = raised
            job.loop.call_soon_threadsafe(_settle, job.future, result, error)
            del job, result, error

    def _next(self) -> _Job:
        with self._changed:
            while not self._turns:
                self._changed.wait()
            address = self._turns.popleft()
            jobs = self._waiting[address]
            job = jobs.popleft()
            if jobs:
                self._turns.append(address)
            else:
                del self._waiting[address]
            return job


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():  # a stop has cancelled it
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
