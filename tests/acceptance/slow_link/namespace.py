"""Simulates a host on this machine: a network namespace with one address, connected only by the packets we carry.

Nothing is left behind: the namespace and its device go with the last process and descriptor that know them.
"""

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_OWN_NETWORK = Path("/proc/thread-self/ns/net")
_TUN = Path("/dev/net/tun")
# ioctls of netdevice(7) and linux/if_tun.h
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFADDR, _SIOCSIFNETMASK, _IFF_UP = 0x8913, 0x8914, 0x8916, 0x891C, 0x1
_SIOCSIFTXQLEN = 0x8943
NETMASK = "255.255.255.0"
# More than a burst of all connections: the default of 500 would lose packets before the link's own queue does.
PACKETS_IN_DEVICE = 20_000


@dataclass(frozen=True, slots=True)
class Namespace:
    """The host at ``address``. ``tun`` is the other end of its only cable: one IP packet for each read or write."""

    address: str
    network: int
    tun: int

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Puts sockets and programs that this thread starts during the context on this host."""
        came_from = os.open(_OWN_NETWORK, os.O_RDONLY)
        try:
            _must(_LIBC.setns(self.network, _CLONE_NEWNET))
            try:
                yield
            finally:
                _must(_LIBC.setns(came_from, _CLONE_NEWNET))
        finally:
            os.close(came_from)

    def listen(self, address: str, port: int) -> socket.socket:
        """Returns a socket that listens on this host."""
        with self.entered():
            return socket.create_server((address, port), backlog=128)

    def close(self) -> None:
        """Disconnects the host."""
        os.close(self.tun)
        os.close(self.network)


def new_namespace(address: str) -> Namespace:
    """Creates a host at ``address``. Raises OSError if this user or this kernel does not permit it."""
    # In a short-lived thread, so that the rest of this process stays in its namespace.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_make, address).result()


def why_impossible() -> str:
    """Returns why this machine cannot create a host, or an empty text."""
    with suppress(OSError):
        new_namespace("198.18.255.1").close()
        return ""
    return "network namespaces with a TUN device need root, and /dev/net/tun"


def _make(address: str) -> Namespace:
    _must(_LIBC.unshare(_CLONE_NEWNET))
    network = os.open(_OWN_NETWORK, os.O_RDONLY)
    tun = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", b"link", _IFF_TUN | _IFF_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, NETMASK)):
            fcntl.ioctl(control, request, struct.pack("16sHH4s16x", b"link", socket.AF_INET, 0, socket.inet_aton(value)))
        fcntl.ioctl(control, _SIOCSIFTXQLEN, struct.pack("16si20x", b"link", PACKETS_IN_DEVICE))
        for name in (b"lo", b"link"):
            (flags,) = struct.unpack_from("H", fcntl.ioctl(control, _SIOCGIFFLAGS, struct.pack("16sH22x", name, 0)), 16)
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", name, flags | _IFF_UP))
    return Namespace(address, network, tun)


def _must(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
