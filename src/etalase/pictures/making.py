"""Makes photos from uploads, and renditions from photos, in processes with limits."""

import atexit
import base64
from dataclasses import dataclass
from functools import cache

import msgspec

from etalase.checksum import md5_hex
from etalase.errors import PictureFault, PictureRefused
from etalase.pictures.crop import FocalPoint, Scaled, rendition_sizes, scaled, tile_cut
from etalase.pictures.heic import refuse_lost_data
from etalase.pictures.limited_process import MAX_PROCESSES, MAX_SECONDS, MEMORY_BYTES, LimitedProcesses
from etalase.pictures.metadata import orientation, without_metadata
from etalase.pictures.orientation import upright_size
from etalase.pictures.outline import refuse_too_many_pixels
from etalase.pictures.reading import read_outline
from etalase.pictures.upload_type import HEIC, upload_type

__all__ = ["FocalPoint", "MadePicture", "MadeRenditions", "Maker", "make_photo", "make_renditions"]

MAX_PIXELS = 250_000_000
# The types whose structure is read before a decoder sees them.
OUTLINED = ("image/jpeg", "image/png", "image/webp")
CENTRE = FocalPoint()


@dataclass(frozen=True, slots=True)
class MadePicture:
    """A picture as it is published; ``width`` and ``height`` are pixels."""

    body: bytes
    content_type: str
    width: int
    height: int

    @property
    def checksum(self) -> str:
        """Returns the MD5 in hex."""
        return md5_hex(self.body)


@dataclass(frozen=True, slots=True)
class MadeRenditions:
    """The renditions of a photo, the narrowest first, and its ThumbHash in base64."""

    renditions: tuple[MadePicture, ...]
    thumbhash: str


class MakePhoto(msgspec.Struct, frozen=True, tag=True):
    """A request for a photo: upright, with at most ``max_side_pixels`` a side and ``max_bytes``."""

    upload: bytes
    content_type: str
    max_side_pixels: int
    max_bytes: int
    max_pixels: int


class MakeRenditions(msgspec.Struct, frozen=True, tag=True):
    """A request for the renditions of a photo, the narrowest first."""

    photo: bytes
    sizes: tuple[Scaled, ...]


class Made(msgspec.Struct, frozen=True, tag=True):
    """The response: pictures, and a ThumbHash where renditions were requested."""

    pictures: tuple[MadePicture, ...]
    thumbhash: bytes = b""


class NotMade(msgspec.Struct, frozen=True, tag=True):
    """The response to a picture that is at fault; ``code`` is too many pixels, or one of :data:`REFUSALS`."""

    code: PictureFault
    width: int = 0
    height: int = 0


REFUSALS = {
    PictureFault.UNDECODABLE: "The picture is damaged: its data are missing or wrong.",
    PictureFault.HEIC_UNSUPPORTED: "This is a HEIC picture, and the library that reads these is not installed.",
}


class Maker:
    """Processes that make pictures, each started for a request that finds no idle one. Thread-safe."""

    def __init__(
        self,
        *,
        processes: int = MAX_PROCESSES,
        seconds: int = MAX_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        niceness: int = 0,
    ) -> None:
        self._processes = LimitedProcesses(
            "etalase.pictures.making_process",
            processes=processes,
            seconds=seconds,
            memory_bytes=memory_bytes,
            niceness=niceness,
        )

    def photo(self, upload: bytes, *, max_side_pixels: int, max_bytes: int, max_pixels: int = MAX_PIXELS) -> MadePicture:
        """Returns the upload as a photo: upright, sRGB, smaller, JPEG or WebP. Raises :class:`PictureRefused`."""
        content_type = upload_type(upload)
        if content_type in OUTLINED:
            _, outline = read_outline(upload)
            refuse_too_many_pixels(outline.width, outline.height, max_pixels)
            upload = without_metadata(upload, content_type, outline)
        elif content_type == HEIC:
            refuse_lost_data(upload)
        made = self._make(MakePhoto(upload, content_type, max_side_pixels, max_bytes, max_pixels), max_pixels)
        return made.pictures[0]

    def renditions(self, photo: bytes, *, focal_point: FocalPoint = CENTRE, max_pixels: int = MAX_PIXELS) -> MadeRenditions:
        """Returns the renditions of a JPEG, PNG or WebP. Raises :class:`PictureRefused`."""
        content_type, outline = read_outline(photo)
        refuse_too_many_pixels(outline.width, outline.height, max_pixels)
        width, height = upright_size(outline.width, outline.height, orientation(photo, content_type, outline))
        cut = tile_cut(width, height, focal_point)
        sizes = tuple(scaled(width, height, cut, size) for size in rendition_sizes(cut))
        made = self._make(MakeRenditions(without_metadata(photo, content_type, outline), sizes), max_pixels)
        return MadeRenditions(made.pictures, base64.b64encode(made.thumbhash).decode())

    def close(self) -> None:
        """Ends the idle processes."""
        self._processes.close()

    def _make(self, request: MakePhoto | MakeRenditions, max_pixels: int) -> Made:
        response = self._processes.respond(msgspec.msgpack.encode(request))
        made = msgspec.msgpack.decode(response, type=Made | NotMade)
        if isinstance(made, Made):
            return made
        refuse_too_many_pixels(made.width, made.height, max_pixels)
        raise PictureRefused(REFUSALS[made.code], code=made.code)


def make_photo(upload: bytes, *, max_side_pixels: int, max_bytes: int, max_pixels: int = MAX_PIXELS) -> MadePicture:
    """Returns the upload as a photo: upright, sRGB, within the limits, JPEG or WebP, whichever is smaller.

    ``upload`` is a JPEG, PNG, WebP, HEIC, AVIF, TIFF or BMP. The same upload gives the same bytes on one machine. Raises
    :class:`PictureRefused`. Lost image data of a JPEG, PNG or WebP are for :class:`~.decoder.Decoder` to find.
    """
    return _maker().photo(upload, max_side_pixels=max_side_pixels, max_bytes=max_bytes, max_pixels=max_pixels)


def make_renditions(photo: bytes, *, focal_point: FocalPoint = CENTRE) -> MadeRenditions:
    """Returns the renditions of a photo that is a JPEG, PNG or WebP, and its ThumbHash. Raises :class:`PictureRefused`.

    Of an animation, they show the first frame. Data that a browser shows in part are shown in part.
    """
    return _maker().renditions(photo, focal_point=focal_point)


@cache
def _maker() -> Maker:
    """Returns the maker of this process, started with the first picture."""
    maker = Maker()
    atexit.register(maker.close)
    return maker
