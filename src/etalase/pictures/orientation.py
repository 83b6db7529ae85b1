"""Reads a picture's orientation from Exif data, and writes Exif data that say nothing else (Exif 2.32, section 4.6). Pure."""

import struct

EXIF_HEADER = b"Exif\0\0"
UPRIGHT = 1
TAG, SHORT = 0x0112, 3
ENTRY_BYTES = 12
# Cameras write some dozens. Each costs a look.
MAX_ENTRIES = 1000


def read_orientation(tiff: bytes) -> int:
    """Returns the orientation that Exif data name, 1 to 8; :data:`UPRIGHT` if they name none.

    ``tiff`` begins with the byte order. Only the first directory counts, as in browsers.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 10:
        return UPRIGHT
    (start,) = struct.unpack_from(f"{order}I", tiff, 4)
    if start + 2 > len(tiff):
        return UPRIGHT
    (count,) = struct.unpack_from(f"{order}H", tiff, start)
    for n in range(min(count, MAX_ENTRIES)):
        place = start + 2 + n * ENTRY_BYTES
        if place + ENTRY_BYTES > len(tiff):
            break
        tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, place)
        if tag == TAG:
            return value if kind == SHORT and values == 1 and 1 <= value <= 8 else UPRIGHT
    return UPRIGHT


def exif_of(orientation: int) -> bytes:
    """Returns Exif data, from the byte order on, that have the orientation only."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, TAG, SHORT, 1, orientation, 0, 0)


def upright_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Returns width and height of the picture after it is turned upright."""
    return (height, width) if orientation >= 5 else (width, height)
