"""Tells the service manager (systemd) that a process is ready, turns and stops: the protocol of sd_notify(3).

Only the process that the service manager started may send; without one, nothing is sent. A watchdog message is sent by the loop
itself, never by a thread beside it, so that a hung loop sends none and is restarted.
"""

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache

MESSAGES_PER_TIMEOUT = 3


class ServiceManager:
    """The connection of this process to its service manager."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._address = os.environ.get("NOTIFY_SOCKET", "")
        microseconds, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
        is_watched = microseconds.isdecimal() and pid in {"", str(os.getpid())}
        self._every_seconds = int(microseconds) / 1e6 / MESSAGES_PER_TIMEOUT if is_watched else 0.0
        self._sent_at = float("-inf")
        self._is_ready = self._is_stopping = False

    def turned(self) -> None:
        """Reports one more turn of the loop: ``READY=1`` at the first one, then ``WATCHDOG=1`` as often as it is expected."""
        if not self._is_ready:
            self._is_ready = True
            self.send("READY=1", "STATUS=")
        now = self._monotonic()
        if self._every_seconds and now - self._sent_at >= self._every_seconds:
            self._sent_at = now
            self.send("WATCHDOG=1")

    def waits(self, status: str) -> None:
        """Reports one more turn of a loop that waits. It is not ready before its first :meth:`turned`."""
        if self._is_ready:
            self.turned()
        else:
            self.send(f"STATUS={status}")

    def stopping(self) -> None:
        """Reports once that the process ends in order."""
        if not self._is_stopping:
            self._is_stopping = True
            self.send("STOPPING=1")

    def send(self, *assignments: str) -> None:
        """Sends ``assignments`` as one datagram. A service manager that is gone is not an error of the service."""
        if not self._address:
            return
        # «@» begins a name in the abstract namespace (sd_notify(3)).
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.settimeout(1)
            notify.sendto("\n".join(assignments).encode(), address)


@cache
def service_manager() -> ServiceManager:
    """Returns the one connection of this process."""
    return ServiceManager()
