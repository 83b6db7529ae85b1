"""Opens ports of a host that lead to servers of this machine, which listen only on its own 127.0.0.1.

The doors are a process of their own, ``python -m tests.acceptance.slow_link.door FD:PORT…``, so that they take no time from the
thread that carries the link's packets.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from etalase.devstack.ports import LOOPBACK
from tests.acceptance.slow_link.namespace import Namespace

PIECE_BYTES = 65536
CHECKOUT = Path(__file__).parents[3]


@contextmanager
def doors(*wanted: tuple[Namespace, str, int]) -> Iterator[None]:
    """Connects each (host, address, port) to the same port of this machine."""
    with contextlib.ExitStack() as undo:
        listening = [(undo.enter_context(host.listen(address, port)), port) for host, address, port in wanted]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.slow_link.door", *(f"{door.fileno()}:{port}" for door, port in listening)],
            pass_fds=[door.fileno() for door, _ in listening],
            cwd=CHECKOUT,
        )
        try:
            yield
        finally:
            process.kill()
            process.wait()


async def _open_all(listening: Sequence[tuple[int, int]]) -> None:
    servers = [await asyncio.start_server(partial(_join, port), sock=socket.socket(fileno=fd)) for fd, port in listening]
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def _join(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        there_reader, there_writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        writer.transport.abort()
        return
    both = [asyncio.ensure_future(_pump(reader, there_writer)), asyncio.ensure_future(_pump(there_reader, writer))]
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


if __name__ == "__main__":
    asyncio.run(_open_all([(int(fd), int(port)) for fd, _, port in (given.partition(":") for given in sys.argv[1:])]))
