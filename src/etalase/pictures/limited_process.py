"""Runs functions on pictures in processes of their own, with limits of memory and time: a hostile picture can end only these.

Decoders are large C libraries. A process that decodes has no secret, no file and no connection of this one.
"""

import os
import struct
import subprocess
import sys
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore

from etalase.errors import PictureFault, PictureRefused

# A request and a response are their length in bytes, and the bytes.
LENGTH = struct.Struct(">I")
MAX_PROCESSES = 2
# The coefficients of a progressive JPEG of 250 megapixels take 1.5 GB at once, and its scans half a minute on a slow machine.
MEMORY_BYTES = 2 * 1024**3
MAX_SECONDS = 60
# The one response to a picture that did not fit into the memory; a process may have ended instead.
TOO_LARGE = b"too large"


class LimitedProcesses:
    """Up to ``processes`` processes of one module, each started for a request that finds no idle one. Thread-safe."""

    def __init__(
        self,
        module: str,
        *,
        processes: int = MAX_PROCESSES,
        seconds: int = MAX_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        niceness: int = 0,
    ) -> None:
        self.seconds, self.memory_bytes = seconds, memory_bytes
        self._arguments = [sys.executable, "-m", module, str(seconds), str(memory_bytes), str(niceness)]
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        self._slots = BoundedSemaphore(processes)

    def respond(self, *request: bytes) -> bytes:
        """Returns the response. Raises :class:`PictureRefused` if the process needed more than the limits, or crashed."""
        with self._slots:
            process = self._take()
            try:
                response = _exchange(process, LENGTH.pack(sum(map(len, request))), *request)
            except (OSError, EOFError):
                _end(process)
                response = TOO_LARGE
            except BaseException:
                _end(process)
                raise
            else:
                self._idle.put(process)
        if response == TOO_LARGE:
            limits = f"{self.seconds} s and {self.memory_bytes >> 20} MiB of memory"
            raise PictureRefused(f"The picture cannot be decoded within {limits}.", code=PictureFault.TOO_COMPLEX)
        return response

    def close(self) -> None:
        """Ends the idle processes."""
        with suppress(Empty):
            while True:
                _end(self._idle.get_nowait())

    def _take(self) -> "subprocess.Popen[bytes]":
        with suppress(Empty):
            while True:
                process = self._idle.get_nowait()
                if process.poll() is None:
                    return process
                _end(process)
        return self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(  # noqa: S603 - our own program
            self._arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={
                "PATH": os.defpath,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "VIPS_CONCURRENCY": "1",
                "VIPS_DISC_THRESHOLD": "64g",  # in memory, which is limited, and never in a file
            },
        )


def _exchange(process: "subprocess.Popen[bytes]", *request: bytes) -> bytes:
    """Returns the response. Raises :class:`OSError` or :class:`EOFError` if the process has ended."""
    requests, responses = process.stdin, process.stdout
    if requests is None or responses is None:
        raise EOFError
    requests.writelines(request)
    requests.flush()
    head = responses.read(LENGTH.size)
    if len(head) < LENGTH.size:
        raise EOFError
    (length,) = LENGTH.unpack(head)
    response = responses.read(length)
    if len(response) < length:
        raise EOFError
    return response


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):  # what it did not read
                pipe.close()
    process.wait()
