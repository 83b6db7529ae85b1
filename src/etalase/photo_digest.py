"""Calculates the digest of a store's photos (API reference, "The digest"). Pure."""

from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from etalase.checksum import digest_of_lines


class ListedPhoto(Protocol):
    """The input of a digest: a :class:`Photo` of the wire, or an edge's row."""

    @property
    def id(self) -> UUID: ...
    @property
    def product_id(self) -> UUID: ...
    @property
    def object_key(self) -> str | None: ...
    @property
    def filename(self) -> str | None: ...
    @property
    def size(self) -> int | None: ...
    @property
    def content_type(self) -> str | None: ...
    @property
    def checksum(self) -> str | None: ...
    @property
    def version(self) -> int | None: ...
    @property
    def is_primary(self) -> bool: ...
    @property
    def sort_order(self) -> int | None: ...


def photos_digest(photos: Iterable[ListedPhoto]) -> str:
    """Returns the digest of a store's photos (API reference, "The digest"): equal sets have equal ones, wire or rows.

    ``photos`` are in ascending order of ``id``, each once; otherwise raises :class:`ValueError`.
    """
    return digest_of_lines((photo.id, digest_line(photo)) for photo in photos)


def digest_line(photo: ListedPhoto) -> str:
    """Returns the fields of a photo that the digest covers. ``updated_at`` alone is not a difference."""
    return "|".join(
        (
            str(photo.id),
            str(photo.product_id),
            _escaped(photo.object_key),
            _escaped(photo.filename),
            "\\N" if photo.size is None else str(photo.size),
            _escaped(photo.content_type),
            _escaped(photo.checksum and photo.checksum.lower()),
            str(1 if photo.version is None else photo.version),
            "true" if photo.is_primary else "false",
            str(0 if photo.sort_order is None else photo.sort_order),
        )
    )


def _escaped(text: str | None) -> str:
    """Returns ``text`` with null and separators escaped, so that no other fields give the same line."""
    return "\\N" if text is None else text.replace("\\", "\\\\").replace("|", "\\|")
