"""Makes the pictures requested on standard input, one after another. :mod:`.making` starts it, with limits for each."""

from collections.abc import Callable
from math import sqrt

import msgspec
import pyvips

from etalase.errors import PictureFault
from etalase.pictures.crop import Scaled
from etalase.pictures.limited_child import allow_loaders, is_out_of_memory, respond_to_requests
from etalase.pictures.limited_process import TOO_LARGE
from etalase.pictures.making import Made, MadePicture, MakePhoto, MakeRenditions, NotMade
from etalase.pictures.thumbhash import thumbhash
from etalase.pictures.upload_type import AVIF, AVIF_SEQUENCE, BMP, HEIC, TIFF

# WebP and JPEG of these qualities look alike. A picture that is larger than the budget is made with the next one.
QUALITIES = ((80, 85), (70, 77), (60, 70))
# For noise, which no dish has: a list takes thumbnails of 160×120 pixels and 10 KB.
LAST_QUALITIES = ((45, 50), (30, 35), (15, 20), (0, 5))
MAX_BYTES_PER_PIXEL, SMALL_BYTES = 0.52, 9_984
ALL_OF_ALPHA = 100
PHOTO_QUALITIES = ((84, 88), (78, 82), (70, 75), (60, 65))
# 20 KB for a tile of 320×240 pixels.
BYTES_PER_PIXEL = 0.26
# How much smaller a photo becomes that is too large at the lowest quality.
SMALLER = 0.8
# A lower quality saves up to this share of the bytes; where more has to be saved, fewer pixels do it.
LOWEST_QUALITY_SHARE = 0.4
# How libvips names a picture's colour profile, and a fault of it.
PROFILE, PROFILE_FAULT = "icc-profile-data", "VipsIcc"
# Of the picture that a ThumbHash describes: more pixels change none of its bits.
HASH_SIDE = 32


class _Refused(Exception):
    """The picture is at fault."""

    def __init__(self, response: NotMade) -> None:
        self.response = response


def respond(request: bytes) -> bytes:
    """Returns the response to a request, or :data:`.TOO_LARGE`."""
    asked = msgspec.msgpack.decode(request, type=MakePhoto | MakeRenditions)
    try:
        made: Made | NotMade = _photo(asked) if isinstance(asked, MakePhoto) else _renditions(asked)
    except _Refused as refused:
        made = refused.response
    except pyvips.Error as error:
        if is_out_of_memory(error):
            return TOO_LARGE
        made = NotMade(PictureFault.UNDECODABLE)
    return msgspec.msgpack.encode(made)


def _renditions(request: MakeRenditions) -> Made:
    """Makes the widest one from the photo, and the others from it."""
    largest = request.sizes[-1]
    size = {"height": largest.whole_height, "size": "force"}
    whole = _thumbnail(pyvips.Image.thumbnail_buffer, request.photo, largest.whole_width, fail_on="none", **size)
    image = _in_srgb(_cut(whole, largest))
    pictures = tuple(_rendition(_resized(image, size.cut.width, size.cut.height)) for size in request.sizes)
    return Made(pictures, _thumbhash(image))


def _rendition(image: pyvips.Image) -> MadePicture:
    pixels = image.width * image.height
    for qualities in QUALITIES:
        made = _encoded(image, *qualities)
        if len(made.body) <= pixels * BYTES_PER_PIXEL:
            return made
    for webp_quality, jpeg_quality in LAST_QUALITIES:
        if len(made.body) <= max(pixels * MAX_BYTES_PER_PIXEL, SMALL_BYTES):
            break
        made = _encoded(image, webp_quality, jpeg_quality, alpha_quality=webp_quality)
    return made


def _photo(request: MakePhoto) -> Made:
    image = _in_srgb(_upright(request))
    while True:
        share = SMALLER
        for qualities in PHOTO_QUALITIES:
            made = _encoded(image, *qualities)
            if len(made.body) <= request.max_bytes or max(image.width, image.height) == 1:
                return Made((made,))
            if (of_bytes := request.max_bytes / len(made.body)) < LOWEST_QUALITY_SHARE:
                share = min(share, sqrt(of_bytes / LOWEST_QUALITY_SHARE))
                break
        image = _resized(image, max(1, int(image.width * share)), max(1, int(image.height * share)))


def _upright(request: MakePhoto) -> pyvips.Image:
    """Returns the upload, turned upright, in sRGB, with at most ``max_side_pixels`` a side."""
    side = request.max_side_pixels
    options = {"height": side, "size": "down"}
    # This libvips reads no sequence of pictures; browsers show it as an animation.
    if request.content_type in {HEIC, BMP} or request.upload[8:12] == AVIF_SEQUENCE:
        return _thumbnail(_read_by_pillow(request).thumbnail_image, side, **options)
    # A thumbnail of a buffer does not pass on what this loader says is wrong with a TIFF or an AVIF.
    image = pyvips.Image.new_from_buffer(request.upload, "", access="sequential", fail_on="error")
    _check_pixels(image.width, image.height, request.max_pixels)
    if request.content_type in {TIFF, AVIF}:
        return _thumbnail(image.thumbnail_image, side, **options)
    return _thumbnail(pyvips.Image.thumbnail_buffer, request.upload, side, fail_on="error", **options)


def _thumbnail(make: Callable[..., pyvips.Image], *arguments: object, **options: object) -> pyvips.Image:
    """Returns a thumbnail in sRGB. A colour profile that cannot be used is left out, as browsers do."""
    try:
        return make(*arguments, output_profile="srgb", **options)
    except pyvips.Error as error:
        if PROFILE_FAULT not in str(error):
            raise
    image = make(*arguments, **options).copy()
    image.remove(PROFILE)
    return image


def _read_by_pillow(request: MakePhoto) -> pyvips.Image:
    """Returns a picture of a type that this libvips does not read."""
    from etalase.pictures.pillow_reading import HeicUnsupported, PictureUnreadable, read_pixels

    try:
        pixels = read_pixels(request.upload, request.content_type, check=lambda w, h: _check_pixels(w, h, request.max_pixels))
    except HeicUnsupported as error:
        raise _Refused(NotMade(PictureFault.HEIC_UNSUPPORTED)) from error
    except PictureUnreadable as error:
        raise _Refused(NotMade(PictureFault.UNDECODABLE)) from error
    image = pyvips.Image.new_from_memory(pixels.data, pixels.width, pixels.height, pixels.bands, "uchar")
    image = image.copy(interpretation="srgb")
    if pixels.profile:
        image.set_type(pyvips.GValue.blob_type, PROFILE, pixels.profile)
    return image


def _check_pixels(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise _Refused(NotMade(PictureFault.TOO_MANY_PIXELS, width, height))


def _in_srgb(image: pyvips.Image) -> pyvips.Image:
    """Returns the picture in memory with three bands, or with four if some of it is transparent."""
    image = image.colourspace("srgb").cast("uchar").copy_memory()
    if image.hasalpha() and image[image.bands - 1].min() == 255:
        image = image[0:3]
    return image


def _cut(image: pyvips.Image, size: Scaled) -> pyvips.Image:
    return image.crop(size.cut.left, size.cut.top, size.cut.width, size.cut.height)


def _resized(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    if (image.width, image.height) == (width, height):
        return image
    return image.thumbnail_image(width, height=height, size="force").copy_memory()


def _encoded(image: pyvips.Image, webp_quality: int, jpeg_quality: int, *, alpha_quality: int = ALL_OF_ALPHA) -> MadePicture:
    """Returns the smaller one of WebP and JPEG, without metadata; a transparent picture is a WebP."""
    webp = {"Q": webp_quality, "alpha_q": alpha_quality, "smart_subsample": True, "keep": "none"}
    body, content_type = image.webpsave_buffer(**webp), "image/webp"
    if not image.hasalpha():
        jpeg = image.jpegsave_buffer(Q=jpeg_quality, optimize_coding=True, keep="none")
        if len(jpeg) < len(body):
            body, content_type = jpeg, "image/jpeg"
    return MadePicture(body, content_type, image.width, image.height)


def _thumbhash(image: pyvips.Image) -> bytes:
    small = image.thumbnail_image(HASH_SIDE, height=HASH_SIDE, size="down")
    rgba = small if small.hasalpha() else small.bandjoin(255)
    return thumbhash(small.width, small.height, bytes(rgba.cast("uchar").write_to_memory()))


if __name__ == "__main__":
    allow_loaders("Jpeg", "Png", "Webp", "Heif", "Tiff")
    respond_to_requests(respond)
