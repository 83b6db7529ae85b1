"""Runs the application in threads: whole requests only, in turns of the addresses."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class ClientGone(Exception):
    """The client closed the connection before the work began."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[], Any]
    wanted: Callable[[], bool]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class Threads:
    """``count`` daemon threads: they end with the process, so that a stop never waits longer than its grace."""

    def __init__(self, count: int) -> None:
        self._waiting: dict[str, deque[_Job]] = {}
        self._turns: deque[str] = deque()
        self._changed = threading.Condition()
        for number in range(count):
            threading.Thread(target=self._run, name=f"request-{number}", daemon=True).start()

    async def do(self, address: str, work: Callable[[], T], wanted: Callable[[], bool]) -> T:
        """Returns the result of ``work``. Raises :class:`ClientGone` if ``wanted`` is false at its turn."""
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
                    error = ClientGone()
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
