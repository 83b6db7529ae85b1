"""Formats bytes, rates and durations for people, in English. Pure."""

import math

UNITS = (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024))


def size(size_bytes: int) -> str:
    """Returns ``800 B``, ``12.0 MiB``."""
    for unit, unit_bytes in UNITS:
        if size_bytes >= unit_bytes:
            return f"{size_bytes / unit_bytes:.1f} {unit}"
    return f"{size_bytes} B"


def counted(number: int, thing: str) -> str:
    """Returns ``1 photo``, ``2 photos``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def share(done_bytes: int, total_bytes: int) -> str:
    """Returns ``0.5/4.0 MiB``, short enough for a bar."""
    for unit, unit_bytes in UNITS:
        if total_bytes >= unit_bytes:
            return f"{done_bytes / unit_bytes:.1f}/{total_bytes / unit_bytes:.1f} {unit}"
    return f"{done_bytes}/{total_bytes} B"


def rate(bytes_per_second: int) -> str:
    """Returns ``800 B/s``, ``512 KiB/s``, ``1.5 MiB/s``."""
    for unit, unit_bytes in UNITS:
        if bytes_per_second >= unit_bytes:
            return f"{bytes_per_second / unit_bytes:.4g} {unit}/s"
    return f"{bytes_per_second} B/s"


def duration(seconds: float) -> str:
    """Returns ``45 s``, ``12 min``, ``3.5 h``, rounded up."""
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 5400 else f"{math.ceil(seconds / 360) / 10:g} h"


def elapsed(seconds: float) -> str:
    """Returns a measured duration: as :func:`duration`, below 90 s with tenths of a second."""
    return f"{seconds:.1f} s" if seconds < 90 else duration(seconds)
