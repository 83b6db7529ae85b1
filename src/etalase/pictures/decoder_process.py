"""Decodes the pictures on standard input, one after another. :mod:`.decoder` starts it, with limits for each picture.

Its libraries report what they only warn of: libvips decodes in strips, so that a picture of 250 megapixels takes little memory;
libjpeg-turbo reads a JPEG to its end marker, so that lost data show by what is left over.
"""

import re
import resource
import signal
import sys
from collections.abc import Callable

import pyvips
import simplejpeg

from etalase.pictures.decoder import DAMAGED, REQUEST, SOUND, TOO_LARGE, TYPES
from etalase.pictures.jpeg import read_jpeg
from etalase.pictures.webp import PICTURES, read_webp

EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
END_OF_IMAGE = b"\xff\xd9"
MAX_PADDING_BYTES = 4096
COLOURS = {"Gray": "GRAY", "CMYK": "CMYK", "YCCK": "CMYK"}
# A flat picture of 250 megapixels has some hundred zero bytes in sequence.
LOST_BLOCK = bytes(4096)


def main(seconds: int, memory_bytes: int) -> None:
    """Responds to requests until standard input ends. A picture that takes too long ends this process."""
    for limit, value in ((resource.RLIMIT_DATA, memory_bytes), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(limit, (value, value))
    pyvips.cache_set_max(0)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for format_ in ("Png", "Webp"):
        pyvips.operation_block_set(f"VipsForeignLoad{format_}Buffer", False)
    while head := sys.stdin.buffer.read(REQUEST.size):
        kind, size = REQUEST.unpack(head)
        body = sys.stdin.buffer.read(size)
        signal.alarm(seconds)
        response = verdict(body, TYPES[kind])
        signal.alarm(0)
        sys.stdout.buffer.write(response)
        sys.stdout.buffer.flush()


def verdict(body: bytes, content_type: str) -> bytes:
    """Returns :data:`.SOUND` if the decoder reads the whole picture without an error or a warning, or what is wrong."""
    try:
        is_sound = _IS_SOUND[content_type](body)
    except MemoryError:
        return TOO_LARGE
    except pyvips.Error as error:
        return TOO_LARGE if "out of memory" in str(error).lower() else DAMAGED
    return SOUND if is_sound else DAMAGED


def _is_sound_jpeg(body: bytes) -> bool:
    """Returns whether libjpeg-turbo has no objection. Some cameras pad the data before the last marker, which harms nothing."""
    objection = _jpeg_objection(body)
    if padding := EXTRANEOUS.search(objection):
        end = read_jpeg(body).end - len(END_OF_IMAGE)
        start = end - int(padding[1])
        if len(set(body[start:end])) > 1 or end - start > MAX_PADDING_BYTES:
            return False  # image data that nothing used
        objection = _jpeg_objection(body[:start] + END_OF_IMAGE)
    return not objection


def _jpeg_objection(body: bytes) -> str:
    try:
        _, _, colours, _ = simplejpeg.decode_jpeg_header(body)
        # At an eighth of width and height the decoder reads all compressed data, but makes a fraction of the pixels.
        simplejpeg.decode_jpeg(body, colorspace=COLOURS.get(colours, "RGB"), fastdct=True, min_height=1, min_width=1)
    except ValueError as error:
        return str(error)
    return ""


def _is_sound_png(body: bytes) -> bool:
    # A wrong checksum beside the picture, as in a text, is a warning.
    _read_every_pixel(pyvips.Image.pngload_buffer(body, fail_on="error", access="sequential"))
    return True


def _is_sound_webp(body: bytes) -> bool:
    """Returns whether libwebp decodes it. A decoder of arithmetic codes accepts any data, zeros of a lost disk block too."""
    _read_every_pixel(pyvips.Image.webpload_buffer(body, n=-1, fail_on="warning", access="sequential"))
    coded = (part for part in read_webp(body).parts if part.kind in PICTURES)
    return not any(LOST_BLOCK in body[part.content : part.end] for part in coded)


def _read_every_pixel(image: pyvips.Image) -> None:
    image.avg()


_IS_SOUND: dict[str, Callable[[bytes], bool]] = dict(zip(TYPES, (_is_sound_jpeg, _is_sound_png, _is_sound_webp), strict=True))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
