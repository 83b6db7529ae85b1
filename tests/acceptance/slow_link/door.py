"""Opens ports of a host that lead to servers of this machine, which listen only on its own 127.0.0.1."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from etalase.devstack.ports import LOOPBACK
from tests.acceptance.slow_link.namespace import Namespace

PIECE_BYTES = 65536


@contextmanager
def doors(*wanted: tuple[Namespace, str, int]) -> Iterator[None]:
    """Connects each (host, address, port) to the same port of this machine."""
    listening = [(host.listen(address, port), port) for host, address, port in wanted]
    loop = asyncio.new_event_loop()

    async def open_all() -> None:
        for door, port in listening:
            await asyncio.start_server(partial(_join, port), sock=door)

    loop.run_until_complete(open_all())
    thread = threading.Thread(target=loop.run_forever, name="doors")
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(_end_all())
        for door, _ in listening:
            door.close()
        loop.close()


async def _join(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        there_reader, there_writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        writer.transport.abort()
        return
    both = [asyncio.ensure_future(_pump(reader, there_writer)), asyncio.ensure_future(_pump(there_reader, writer))]
    # Cancels tasks only at the end: asyncio servers of Python 3.11 fail on a cancelled task that reports it.
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    for pump in both:
        pump.cancel()
    writer.close()
    there_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()


async def _end_all() -> None:
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
