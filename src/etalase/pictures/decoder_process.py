"""Decodes the pictures on standard input, one after another. :mod:`.decoder` starts it, with limits for each picture.

Its libraries report what they only warn of: libvips decodes in strips, so that a picture of 250 megapixels takes little memory;
libjpeg-turbo reads a JPEG to its end marker, so that lost data show by what is left over.
"""

import re
import zlib
from collections.abc import Callable

import pyvips
import simplejpeg

from etalase.errors import PictureRefused
from etalase.pictures.decoder import DAMAGED, SOUND, SURPLUS, TYPES
from etalase.pictures.jpeg import read_jpeg
from etalase.pictures.limited_child import allow_loaders, is_out_of_memory, respond_to_requests
from etalase.pictures.limited_process import TOO_LARGE
from etalase.pictures.png_data import is_sound_animation, unused_image_data
from etalase.pictures.webp import PICTURES, read_webp

# Of which TurboJPEG has no name, as 3×1; libjpeg-turbo itself decodes them.
ODD_SAMPLING = "subsampling level"
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
    """Returns what the decoder says of the whole picture; a warning is damage."""
    try:
        return _VERDICT_OF[content_type](body)
    except pyvips.Error as error:
        return TOO_LARGE if is_out_of_memory(error) else DAMAGED
    except (zlib.error, PictureRefused):
        return DAMAGED


def _of_jpeg(body: bytes) -> bytes:
    """Returns the verdict of libjpeg-turbo. Some cameras pad the data before the last marker, which harms nothing."""
    objection = _jpeg_objection(body)
    if padding := EXTRANEOUS.search(objection):
        end = read_jpeg(body).end - len(END_OF_IMAGE)
        start = end - int(padding[1])
        if not _is_padding(body[start:end]):
            return DAMAGED
        objection = _jpeg_objection(body[:start] + END_OF_IMAGE)
    return DAMAGED if objection else SOUND


def _jpeg_objection(body: bytes) -> str:
    try:
        _, _, colours, _ = simplejpeg.decode_jpeg_header(body)
        # At an eighth of width and height the decoder reads all compressed data, but makes a fraction of the pixels.
        simplejpeg.decode_jpeg(body, colorspace=COLOURS.get(colours, "RGB"), fastdct=True, min_height=1, min_width=1)
    except ValueError as error:
        if ODD_SAMPLING not in str(error):
            return str(error)
        _read_every_pixel(pyvips.Image.jpegload_buffer(body, fail_on="warning", access="sequential"))
    return ""


def _of_png(body: bytes) -> bytes:
    # A wrong checksum beside the picture, as in a text, is a warning.
    _read_every_pixel(pyvips.Image.pngload_buffer(body, fail_on="error", access="sequential"))
    if not is_sound_animation(body):
        return DAMAGED
    # All checksums are right, so nothing is lost: an encoder left them there.
    return SOUND if all(_is_padding(rest) for rest in unused_image_data(body, MAX_PADDING_BYTES)) else SURPLUS


def _of_webp(body: bytes) -> bytes:
    """Returns the verdict of libwebp. A decoder of arithmetic codes accepts any data, zeros of a lost disk block too."""
    _read_every_pixel(pyvips.Image.webpload_buffer(body, n=-1, fail_on="warning", access="sequential"))
    coded = (part for part in read_webp(body).parts if part.kind in PICTURES)
    return DAMAGED if any(LOST_BLOCK in body[part.content : part.end] for part in coded) else SOUND


def _is_padding(unused: bytes) -> bool:
    """Returns whether image data that nothing used can hide nothing: they are few, and all the same."""
    return len(unused) <= MAX_PADDING_BYTES and len(set(unused)) <= 1


def _read_every_pixel(image: pyvips.Image) -> None:
    image.avg()


_VERDICT_OF: dict[str, Callable[[bytes], bytes]] = dict(zip(TYPES, (_of_jpeg, _of_png, _of_webp), strict=True))


if __name__ == "__main__":
    allow_loaders("Jpeg", "Png", "Webp")
    respond_to_requests(respond)
