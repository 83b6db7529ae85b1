"""TCP ports on 127.0.0.1: finds free ports, and the program that uses one."""

import errno
import os
import random
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from etalase.devstack.process import StackError

LOOPBACK = "127.0.0.1"
# Below the range for outgoing connections of Linux (from 32768), also with the 10,000 that SeaweedFS adds.
FREE_PORTS = range(12_000, 22_000)
LISTENING = "0A"


class PortInUse(StackError):
    """At least one port is in use; the message names each with its purpose and, if visible, the program that uses it."""

    exit_status = 2


def free_port(*, offsets: Sequence[int] = (0,)) -> int:
    """Returns a port that is free now, together with the ports at ``offsets``. Raises :class:`PortInUse` if none is."""
    for _ in range(200):
        port = random.choice(FREE_PORTS)
        if all(_problem(port + offset) is None for offset in offsets):
            return port
    raise PortInUse(f"No free port was found from {FREE_PORTS.start} to {FREE_PORTS.stop}.")


def check_free(wanted: Mapping[str, int], *, hint: str = "Stop that program, or choose another port.") -> None:
    """Raises :class:`PortInUse` unless a server can listen on every port. ``wanted`` maps purposes to ports."""
    problems = [f"Port {port} ({what}) {problem}." for what, port in wanted.items() if (problem := _problem(port))]
    if problems:
        raise PortInUse("\n".join(problems), hint=hint)


def _problem(port: int) -> str | None:
    with socket.socket() as attempt:
        # Like the servers themselves: closing connections of a server that has just ended do not count.
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((LOOPBACK, port))
        except OverflowError:
            return "is not a valid port (1 to 65535)"
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"is in use{_holder(port)}"
            return f"cannot be used: {error.strerror}"
    return None


def _holder(port: int) -> str:
    """Returns `` by weed (pid 123)``, or an empty string if the program is invisible (another user's) or only connects."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for fd in (process / "fd").iterdir():
                with suppress(FileNotFoundError):
                    if os.readlink(fd) in sockets:  # noqa: PTH115 - «socket:[1]» is not a path
                        return f" by {(process / 'comm').read_text().strip()} (pid {process.name})"
    return ""


def _listening_inodes(port: int) -> set[str]:
    """Returns the inodes of the sockets that listen on ``port``; in /proc/net/tcp fields 1, 3, 9 are address, state, inode."""
    inodes = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        for fields in map(str.split, lines):
            if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(fields[9])
    return inodes
