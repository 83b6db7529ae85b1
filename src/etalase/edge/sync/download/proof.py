"""Proves that a response is the promised picture, and refuses any other (hazards 27 to 34)."""

from typing import Final, Protocol

from etalase.checksum import md5_hex
from etalase.edge.sync.download.exchange import Response
from etalase.errors import PhotoError, PictureRefused, Reason, TransferFailed
from etalase.media_types import EXTENSION_OF, MAGIC_BYTES, sniff_type
from etalase.objectstore.model import Body
from etalase.pictures.reading import refuse_no_picture
from etalase.protocol import printable
from etalase.retry import retry_after_seconds

# Values without an effect on the bytes. S3 servers echo the header of the upload, where aws-chunked is a framing (S3 API,
# PutObject); some servers name the absence of a coding.
_NO_ENCODING: Final = frozenset({"", "identity", "none", "aws-chunked"})
_WEB_PAGES = {"text/html", "application/xhtml+xml"}


class Promised(Protocol):
    """An object as head office promised it: a photo, or a rendition."""

    @property
    def image_url(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def checksum(self) -> str | None: ...
    @property
    def content_type(self) -> str | None: ...


class ResumeRefused(Exception):
    """The object has changed, or the server does not support ranges."""


def verified(body: Body, photo: Promised, etag: str | None = None) -> Body:
    """Returns ``body`` if it has HO's size **and** MD5 and is a picture. Raises :class:`PhotoError` otherwise.

    The bytes alone decide the picture type, not HO's row, its bucket or the key. ``etag`` is the one of HO's object store. If
    it is the MD5 of these bytes, they arrived intact, and HO's object and HO's row contradict each other.
    """
    digest = md5_hex(body)
    if len(body) == photo.size and digest == (photo.checksum or "").lower():
        try:
            refuse_no_picture(body)  # a damaged picture is what head office promises
        except PictureRefused as refused:
            shown = "null" if photo.content_type is None else printable(photo.content_type[:80])
            detail = f"HO's own data: the bytes are none of {', '.join(EXTENSION_OF)}; its content_type is «{shown}»"
            raise PhotoError(Reason.TYPE_MISMATCH, detail) from refused
        return body
    if etag is not None and etag.strip('"') == digest:
        detail = f"its object is {len(body)} bytes with MD5 {digest}, its row says {photo.size} bytes with {photo.checksum}"
        raise PhotoError(Reason.HO_CONTRADICTS_ITSELF, f"HO's own data: {detail}")
    if len(body) != photo.size:
        raise PhotoError(Reason.SIZE_MISMATCH, f"{len(body)} bytes arrived, {photo.size} were promised")
    raise PhotoError(Reason.CHECKSUM_MISMATCH, f"MD5 is {digest}, {photo.checksum} was promised")


def check_response(response: Response, *, now: float, resumed_at: int = 0, size: int = 0) -> None:
    if resumed_at and response.status in {206, 412, 416}:
        if response.status == 206 and response.header(b"content-range") == f"bytes {resumed_at}-{size - 1}/{size}":
            return
        raise ResumeRefused
    if response.status == 200:
        return
    reason = Reason.of_status(response.status)
    if reason is Reason.REDIRECT_REFUSED:
        to = printable(response.header(b"location")[:200])
        raise PhotoError(reason, f"HTTP {response.status} to «{to}»; redirects are not followed")
    seconds = retry_after_seconds(response.header(b"retry-after"), now=now)
    detail = f"HTTP {response.status}"
    raise PhotoError(reason, detail) from TransferFailed(reason, detail, retry_after_seconds=seconds)


def check_encoding(response: Response, begins: bytes) -> None:
    """Raises :class:`PhotoError` where the bytes have a content coding.

    S3 servers echo the header of the upload even if the upload was not coded. A body that begins as a picture is accepted here,
    and its MD5 decides.
    """
    encoding = response.header(b"content-encoding")
    named = {coding.strip().lower() for coding in encoding.split(",")}
    if not named <= _NO_ENCODING and sniff_type(begins[:MAGIC_BYTES]) is None:
        raise PhotoError(Reason.ENCODING_REFUSED, f"Content-Encoding is «{printable(encoding)}»; only identity is requested")


def check_is_no_page(response: Response, begins: bytes, size: int) -> None:
    """Raises :class:`PhotoError` for a web page of another size, such as a login page of the network (hazard 30).

    A response with an ETag is an object of head office's, and a picture that is served as HTML is a picture: the bytes decide.
    """
    media_type = response.header(b"content-type").partition(";")[0].strip().lower()
    is_page = media_type in _WEB_PAGES and not response.header(b"etag") and begins.lstrip()[:1] in {b"", b"<"}
    if is_page and response.header(b"content-length") != str(size):
        detail = f"answered with {media_type}: a login page of the network, or a proxy's page, and not the photo"
        raise PhotoError(Reason.SIZE_MISMATCH, detail)
