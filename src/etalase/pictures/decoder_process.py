"""Decodes the pictures on standard input, one after another. :mod:`.decoder` starts it, with limits for each picture.

Its libraries report what they only warn of: libvips decodes in strips, so that a picture of 250 megapixels takes little memory;
libjpeg-turbo reads a JPEG to its end marker, so that lost data show by what is left over.
"""

import re
import zlib
from collections.abc import Callable

import pyvips
import simplejpeg

from etalase.pictures.decoder import DAMAGED, SOUND, TYPES
from etalase.pictures.jpeg import read_jpeg
from etalase.pictures.limited_child import allow_loaders, is_out_of_memory, respond_to_requests
from etalase.pictures.limited_process import TOO_LARGE
from etalase.pictures.png_data import is_sound_animation, unused_image_data
from etalase.pictures.webp import PICTURES, read_webp

EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
END_OF_IMAGE = b"\xff\xd9"
MAX_PADDING_BYTES = 4096
COLOURS = {"Gray": "GRAY", "CMYK": "CMYK", "YCCK": "CMYK"}
# A flat picture of 250 megapixels has some hundred zero bytes in sequence.
LOST_BLOCK = bytes(4096)


def respond(request: bytes) -> bytes:
    """Returns the verdict on the picture of a request."""
    return verdict(request[1:], TYPES[request[0]])


def verdict(body: bytes, content_type: str) -> bytes:
    """Returns :data:`.SOUND` if the decoder reads the whole picture without an error or a warning, or what is wrong."""
    try:
        is_sound = _IS_SOUND[content_type](body)
    except pyvips.Error as error:
        return TOO_LARGE if is_out_of_memory(error) else DAMAGED
    except zlib.error:
        return DAMAGED
    return SOUND if is_sound else DAMAGED


def _is_sound_jpeg(body: bytes) -> bool:
    """Returns whether libjpeg-turbo has no objection. Some cameras pad the data before the last marker, which harms nothing."""
    objection = _jpeg_objection(body)
    if padding := EXTRANEOUS.search(objection):
        end = read_jpeg(body).end - len(END_OF_IMAGE)
        start = end - int(padding[1])
        if not _is_padding(body[start:end]):
            return False
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
    rests = unused_image_data(body, MAX_PADDING_BYTES)
    return is_sound_animation(body) and all(_is_padding(rest) for rest in rests)


def _is_sound_webp(body: bytes) -> bool:
    """Returns whether libwebp decodes it. A decoder of arithmetic codes accepts any data, zeros of a lost disk block too."""
    _read_every_pixel(pyvips.Image.webpload_buffer(body, n=-1, fail_on="warning", access="sequential"))
    coded = (part for part in read_webp(body).parts if part.kind in PICTURES)
    return not any(LOST_BLOCK in body[part.content : part.end] for part in coded)


def _is_padding(unused: bytes) -> bool:
    """Returns whether image data that nothing used can hide nothing: they are few, and all the same."""
    return len(unused) <= MAX_PADDING_BYTES and len(set(unused)) <= 1


def _read_every_pixel(image: pyvips.Image) -> None:
    image.avg()


_IS_SOUND: dict[str, Callable[[bytes], bool]] = dict(zip(TYPES, (_is_sound_jpeg, _is_sound_png, _is_sound_webp), strict=True))


if __name__ == "__main__":
    allow_loaders("Png", "Webp")
    respond_to_requests(respond)
