"""Serves requests on standard input within limits: the other end of :mod:`.limited_process`."""

import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyvips

from etalase.pictures.limited_process import LENGTH, TOO_LARGE

# Where the machine has no memory left, Linux ends this process, and neither a web server nor a database.
OUT_OF_MEMORY_SCORE, FIRST_TO_END = Path("/proc/self/oom_score_adj"), "1000"


def allow_loaders(*formats: str) -> None:
    """Blocks each loader of libvips but these: a library that is not needed cannot be attacked."""
    pyvips.cache_set_max(0)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for format_ in formats:
        pyvips.operation_block_set(f"VipsForeignLoad{format_}Buffer", False)


def respond_to_requests(respond: Callable[[bytes], bytes]) -> None:
    """Responds until standard input ends. A request that takes too long ends this process."""
    seconds, memory_bytes, niceness = map(int, sys.argv[1:])
    with suppress(OSError):  # a system without it
        OUT_OF_MEMORY_SCORE.write_text(FIRST_TO_END)
    for limit, value in ((resource.RLIMIT_DATA, memory_bytes), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(limit, (value, value))
    if niceness:
        with suppress(OSError):  # the kit's units allow no process to change its priority
            os.nice(niceness)
    while head := sys.stdin.buffer.read(LENGTH.size):
        request = sys.stdin.buffer.read(*LENGTH.unpack(head))
        signal.alarm(seconds)
        response = _within_memory(respond, request)
        signal.alarm(0)
        sys.stdout.buffer.write(LENGTH.pack(len(response)) + response)
        sys.stdout.buffer.flush()


def is_out_of_memory(error: pyvips.Error) -> bool:
    """Returns whether libvips ended for lack of memory, and not for a fault of the picture."""
    return "out of memory" in str(error).lower()


def _within_memory(respond: Callable[[bytes], bytes], request: bytes) -> bytes:
    try:
        return respond(request)
    except MemoryError:
        return TOO_LARGE
