"""Tells the media type of an upload by its first bytes: what stores show, and what becomes a JPEG or a WebP. Pure."""

from etalase.errors import PictureFault, PictureRefused
from etalase.media_types import MAGIC_BYTES, sniff_type

HEIC, AVIF, TIFF, BMP = "image/heic", "image/avif", "image/tiff", "image/bmp"
AVIF_SEQUENCE = b"avis"
BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), HEIC),
    **dict.fromkeys((b"avif", AVIF_SEQUENCE), AVIF),
}
# Classic, and with 64-bit offsets.
TIFF_STARTS = frozenset({b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"})
# Of 4 bytes each; cameras name some five.
MAX_BRANDS = 32
ACCEPTED = "JPEG, PNG, WebP, HEIC, AVIF, TIFF or BMP"


def upload_type(data: bytes) -> str:
    """Returns the media type. Raises :class:`PictureRefused` for data that begin as no picture of an accepted type."""
    if content_type := sniff_type(data[:MAGIC_BYTES]):
        return content_type
    if data[:4] in TIFF_STARTS:
        return TIFF
    if data[:2] == b"BM":
        return BMP
    if data[4:8] == b"ftyp" and (brand := _brand(data)):
        return brand
    if data[:4] == b"GIF8":
        raise PictureRefused("This is a GIF picture, and none of them is accepted.", code=PictureFault.NO_PICTURE)
    raise PictureRefused(f"The file is not a {ACCEPTED} picture, whatever its name says.", code=PictureFault.NO_PICTURE)


def _brand(data: bytes) -> str | None:
    """Returns the type of an ISO base media file: its first brand, or the first compatible one that names a picture."""
    end = min(int.from_bytes(data[:4], "big"), 16 + 4 * MAX_BRANDS, len(data))
    compatible = [data[start : start + 4] for start in range(16, end, 4)]
    # "mif1" is the container of both.
    kinds = [BRANDS.get(brand) for brand in [data[8:12], *compatible]]
    if data[8:12] in {b"mif1", b"msf1"} and AVIF in kinds:
        return AVIF
    return next((kind for kind in kinds if kind), None)
