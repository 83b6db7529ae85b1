"""Checks which renditions a POS shows: those of the displayed photo's bytes, of one set, and only those that are here."""

from dataclasses import replace
from uuid import UUID

from etalase.edge.displayed_renditions import RenditionRow, renditions_of_photo, renditions_without_photo

PHOTO, OTHER, PRODUCT = UUID(int=1), UUID(int=2), UUID(int=9)
ROW = RenditionRow(PHOTO, PRODUCT, True, 0, "a" * 32, 160, 120, "key", "image/webp", "hash", True, True, 0)


def row(width: int, *, bytes_: str = "a", listed: bool = True, here: bool = True, photo: UUID = PHOTO) -> RenditionRow:
    """Returns a row of a photo's bytes."""
    return replace(ROW, width=width, photo_checksum=bytes_ * 32, is_listed=listed, is_here=here, photo_id=photo)


def widths(rows: list[RenditionRow], checksum: str | None = "A" * 32) -> list[int]:
    """Returns the widths that are shown with a photo."""
    return [one.width for one in renditions_of_photo(rows, checksum).renditions]


def test_only_renditions_of_the_photos_bytes_are_shown_in_ascending_width() -> None:
    rows = [row(640), row(160), row(320, bytes_="b")]
    assert widths(rows) == [160, 640]
    assert widths(rows, "b" * 32) == [320]
    assert widths(rows, "c" * 32) == widths(rows, None) == widths([]) == []


def test_a_rendition_that_is_not_here_is_not_shown_and_its_thumbhash_is() -> None:
    shown = renditions_of_photo([row(160, here=False)], "a" * 32)
    assert (shown.renditions, shown.thumbhash) == ((), "hash")


def test_the_set_before_is_shown_until_the_listed_one_is_whole() -> None:
    before = [row(161, listed=False), row(321, listed=False)]
    assert widths([*before, row(160), row(320, here=False)]) == [161, 321]
    assert widths([*before, row(160), row(320)]) == [160, 320]
    assert widths(before) == [161, 321]
    assert widths([row(160), row(320, here=False), row(161, listed=False, here=False)]) == [160]


def test_a_product_without_a_photo_shows_the_listed_primary_ones() -> None:
    second = replace(row(320, photo=UUID(int=0)), is_primary=False)
    shown = renditions_without_photo([second, row(160), row(640, here=False), row(320, listed=False)])
    assert [one.width for one in shown.renditions] == [160]
    assert renditions_without_photo([]).renditions == ()
