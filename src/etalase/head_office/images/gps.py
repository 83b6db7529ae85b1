"""Blanks the GPS position of a picture, in place, before the picture is published (hazard 50).

Image data, orientation and length of the file stay the same, so that the change is lossless and offsets elsewhere in the file
stay valid. The same file always gives the same bytes. Sources: Exif 3.0 section 4.6 (TIFF structure),
PNG third edition sections 5.3 and 11.3.4, the WebP container specification, XMP part 1 section 7.
"""

import re
import struct
import zlib
from collections.abc import Iterator

from etalase.errors import PictureFault, PictureRefused

JPEG_EXIF = re.compile(rb"\xff\xe1(..)Exif\0\0", re.DOTALL)
XMP_POSITION = re.compile(rb"(exif:GPS\w+)(\s*=\s*(?:\"[^\"]*\"|'[^']*')|>[^<]*)")
GPS_POINTER, GPS_VERSION = 0x8825, 0
BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
PNG_START = 8
# A phone writes one per picture. Thousands of overlapping segments, each of which takes milliseconds, are an attack.
MAX_EXIF = 100
RIFF_START = 12


def without_location(data: bytes, content_type: str) -> bytes:
    """Returns ``data`` without a GPS position; ``data`` itself if it has none. Raises :class:`PictureRefused`."""
    if b"GPS" not in data and not any(pointer in data for pointer in (b"\x88\x25", b"\x25\x88", b"Raw profile")):
        return data
    picture = bytearray(data)
    {"image/jpeg": _blank_jpeg, "image/png": _blank_png, "image/webp": _blank_webp}[content_type](picture)
    return data if picture == data else bytes(picture)


def _blank_jpeg(picture: bytearray) -> None:
    """Blanks every APP1 segment, also in the further pictures that phones append (CIPA DC-007)."""
    for number, match in enumerate(JPEG_EXIF.finditer(bytes(picture))):
        if number >= MAX_EXIF:
            raise PictureRefused(f"The picture has more than {MAX_EXIF} Exif segments.", code=PictureFault.UNDECODABLE)
        end = match.start() + 2 + int.from_bytes(match[1], "big")
        _blank_tiff(picture, match.end(), min(end, len(picture)))
    _blank_xmp(picture, 0, len(picture))


def _blank_png(picture: bytearray) -> None:
    for kind, start, end in list(_png_chunks(picture)):
        if kind == b"eXIf":
            _blank_tiff(picture, start, end)
        elif kind == b"iTXt":
            _blank_xmp(picture, start, end)
        elif kind in {b"zTXt", b"tEXt"} and _has_raw_profile_position(kind, bytes(picture[start:end])):
            # ImageMagick's form, in hex and compressed: without its keyword no program reads it as Exif.
            picture[start : start + len(b"Raw")] = b"Cut"
            picture[end - (end - start) // 2 : end] = bytes((end - start) // 2)
        else:
            continue
        picture[end : end + 4] = zlib.crc32(picture[start - 4 : end]).to_bytes(4, "big")


def _blank_webp(picture: bytearray) -> None:
    position = RIFF_START
    while position + 8 <= len(picture):
        kind = bytes(picture[position : position + 4])
        start = position + 8
        end = min(start + int.from_bytes(picture[position + 4 : position + 8], "little"), len(picture))
        if kind == b"EXIF":
            # Some programs write JPEG's prefix in front, against the specification.
            _blank_tiff(picture, start + 6 if picture[start : start + 6] == b"Exif\0\0" else start, end)
        elif kind == b"XMP ":
            _blank_xmp(picture, start, end)
        position = end + end % 2


def _png_chunks(picture: bytearray) -> Iterator[tuple[bytes, int, int]]:
    position = PNG_START
    while position + 12 <= len(picture):
        start = position + 8
        end = start + int.from_bytes(picture[position : position + 4], "big")
        if end + 4 > len(picture):
            return
        yield bytes(picture[position + 4 : start]), start, end
        position = end + 4


def _blank_tiff(picture: bytearray, start: int, end: int) -> None:
    """Removes the GPS directory from the TIFF structure in ``picture[start:end]``: values, directory and pointer."""
    tiff = memoryview(picture)[start:end]
    order = {b"II": "<", b"MM": ">"}.get(bytes(tiff[:2]))
    if order is None:
        return
    try:
        (first,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, first)
        for index in range(count):
            at = first + 2 + 12 * index
            tag, _, _, gps = struct.unpack_from(order + "HHII", tiff, at)
            if tag == GPS_POINTER and _blank_directory(tiff, gps, order):
                _remove_entry(tiff, first, index, count, order)
                return
    except struct.error:
        # Cut short: other programs cannot follow it either.
        return


def _blank_directory(tiff: memoryview, at: int, order: str) -> bool:
    """Zeroes a GPS directory and its values. Returns False for a directory with a version only, which has no position."""
    if at + 2 > len(tiff):
        return True
    (count,) = struct.unpack_from(order + "H", tiff, at)
    entries = [
        (*struct.unpack_from(order + "HHI", tiff, at + 2 + 12 * i), at + 2 + 12 * i)
        for i in range(count)
        if at + 14 + 12 * i <= len(tiff)
    ]
    if all(tag == GPS_VERSION for tag, *_ in entries):
        return False
    spans = [(at, at + 2)]
    for _, kind, values, entry in entries:
        size = BYTES_OF_TYPE.get(kind, 1) * values
        if size > 4:
            (where,) = struct.unpack_from(order + "I", tiff, entry + 8)
            spans.append((where, where + size))
        spans.append((entry, entry + 12))
    reached = 0
    for begin, end in sorted(spans):  # each byte once: deliberately overlapping values would take hours
        _zero(tiff, max(begin, reached), end - max(begin, reached))
        reached = max(reached, end)
    return True


def _remove_entry(tiff: memoryview, directory: int, index: int, count: int, order: str) -> None:
    """Removes an entry: the later entries and the pointer to the next directory move up by one."""
    entry, end = directory + 2 + 12 * index, directory + 2 + 12 * count + 4
    rest = bytes(tiff[entry + 12 : end])
    tiff[entry : entry + len(rest)] = rest
    _zero(tiff, entry + len(rest), 12)
    struct.pack_into(order + "H", tiff, directory, count - 1)


def _zero(tiff: memoryview, at: int, size: int) -> None:
    size = max(0, min(size, len(tiff) - at))
    tiff[at : at + size] = bytes(size)


def _blank_xmp(picture: bytearray, start: int, end: int) -> None:
    for match in XMP_POSITION.finditer(bytes(picture[start:end])):
        value = match[2]
        quoted = re.sub(rb"[^\"'=>\s]", b" ", value)
        picture[start + match.start(2) : start + match.end(2)] = quoted


def _has_raw_profile_position(kind: bytes, chunk: bytes) -> bool:
    keyword, _, text = chunk.partition(b"\0")
    if keyword not in {b"Raw profile type exif", b"Raw profile type APP1"}:
        return False
    try:
        profile = zlib.decompressobj().decompress(text[1:], 1024 * 1024) if kind == b"zTXt" else text
        exif = bytearray.fromhex(b"".join(profile.split(b"\n")[3:]).decode("ascii"))
    except (zlib.error, ValueError):
        return False
    before = bytes(exif)
    _blank_tiff(exif, before.find(b"Exif\0\0") + 6 if before.startswith(b"Exif\0\0") else 0, len(exif))
    return bytes(exif) != before
