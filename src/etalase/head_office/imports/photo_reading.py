"""Reads the photo files of an import ahead: in threads, a few at a time, so that memory stays bounded."""

import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from etalase.errors import PictureRefused
from etalase.head_office import ingest, versions
from etalase.head_office.images import refusals
from etalase.head_office.images.validate import Picture, Upload, read_upload_file
from etalase.head_office.imports.menu import Dish, PhotoLine
from etalase.head_office.models import Company, Photo, Product

READERS = 4
DISHES_AHEAD = 4
ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class PresentPhoto:
    """A photo at the start of the import, with its upload."""

    id: uuid.UUID
    upload: versions.KnownUpload
    checksum: str
    size: int
    key: str
    is_primary: bool
    sort_order: int


# By SKU and file.
PresentPhotos = dict[tuple[str, str], PresentPhoto]


@dataclass(frozen=True, slots=True)
class LoadedPhoto:
    """A photo's file, read and validated; without ``upload`` if it was refused.

    ``picture`` is None for the present upload. ``object_is_sound``: the bucket already has the photo's bytes under its key.
    """

    line: PhotoLine
    row: PresentPhoto | None
    upload: Upload | None
    picture: Picture | None = None
    refused: str = ""
    object_is_sound: bool = False


def present_photos(company: Company) -> PresentPhotos:
    """Returns the photos of the company."""
    rows = Photo.objects.filter(product__company=company).select_related("product").iterator()
    found: PresentPhotos = {}
    while photos := list(islice(rows, ROWS_AT_ONCE)):
        uploads = versions.known_uploads(photos)
        for one in photos:
            row = PresentPhoto(one.id, uploads[one.id], one.checksum, one.size, one.object_key, one.is_primary, one.sort_order)
            found[one.product.sku, one.source] = row
    return found


def present_sources(company: Company) -> dict[str, set[str]]:
    """Returns the SKUs of the company, each with the sources of its photos."""
    found: dict[str, set[str]] = {}
    for sku, source in Product.objects.filter(company=company).values_list("sku", "photos__source"):
        found.setdefault(sku, set()).update([source] if source is not None else [])
    return found


def read_ahead(dishes: Sequence[Dish], known: PresentPhotos) -> Iterator[tuple[Dish, list[LoadedPhoto]]]:
    """Yields each dish with its files, in order; keeps at most DISHES_AHEAD further dishes in memory."""
    with ThreadPoolExecutor(READERS, thread_name_prefix="import") as readers:
        ahead: deque[tuple[Dish, list[Future[LoadedPhoto]]]] = deque()
        try:
            for dish in dishes:
                ahead.append((dish, [readers.submit(_read, line, known.get((dish.sku, line.source))) for line in dish.photos]))
                if len(ahead) > DISHES_AHEAD:
                    first, futures = ahead.popleft()
                    yield first, [future.result() for future in futures]
            while ahead:
                first, futures = ahead.popleft()
                yield first, [future.result() for future in futures]
        finally:
            readers.shutdown(cancel_futures=True)


def _read(line: PhotoLine, row: PresentPhoto | None) -> LoadedPhoto:
    """Reads and validates a file, and makes its photo. The present upload is not decoded again."""
    picture = None
    try:
        upload = read_upload_file(line.path, ingest.limits())
        if row is None or not versions.is_present(row.upload, upload):
            picture = ingest.make_picture(upload)
    except OSError as error:
        return LoadedPhoto(line, row, None, refused=f"The file cannot be read: {error.strerror}. Look at its name and rights.")
    except PictureRefused as error:
        return LoadedPhoto(line, row, None, refused=refusals.for_command(error))
    has_its_bytes = row is not None and (picture is None or picture.checksum == row.checksum)
    is_sound = has_its_bytes and row is not None and ingest.holds(row.key, checksum=row.checksum, size=row.size)
    return LoadedPhoto(line, row, upload, picture, object_is_sound=is_sound)
