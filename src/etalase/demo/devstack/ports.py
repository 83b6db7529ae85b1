"""Ports of this machine: free ones, and who wants which."""

import socket
from collections.abc import Mapping

from etalase.errors import EtalaseError


class PortInUse(EtalaseError):
    """Somebody else listens on a port that we want."""

    exit_status = 2


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def check_free(wanted: Mapping[str, int], *, hint: str) -> None:
    """Raise :class:`PortInUse` naming each port of ``wanted`` (by what it is for) that is taken."""
    taken = [f"port {port} ({name})" for name, port in wanted.items() if not _is_free(port)]
    if taken:
        raise PortInUse(f"In use by another program: {', '.join(taken)}.", hint=hint)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still dying is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_open(port: int) -> bool:
    """Whether somebody answers on ``port`` of this machine."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
