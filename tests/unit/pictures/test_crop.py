"""Checks the cut for the tile: around the focal point, never outside the picture, and no rendition wider than it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.pictures.crop import Cut, FocalPoint, rendition_sizes, scaled, tile_cut
from etalase.renditions import WIDTHS


@pytest.mark.parametrize(
    ("size", "focal_point", "cut"),
    [
        ((4000, 3000), FocalPoint(), Cut(0, 0, 4000, 3000)),
        ((4000, 3000), FocalPoint(0, 1), Cut(0, 0, 4000, 3000)),
        ((3000, 4000), FocalPoint(), Cut(0, 875, 3000, 2250)),
        ((3000, 4000), FocalPoint(0.5, 0), Cut(0, 0, 3000, 2250)),
        ((3000, 4000), FocalPoint(0.5, 0.4), Cut(0, 475, 3000, 2250)),
        ((3000, 4000), FocalPoint(0.5, 1), Cut(0, 1750, 3000, 2250)),
        ((4000, 1500), FocalPoint(), Cut(1000, 0, 2000, 1500)),
        ((4000, 1500), FocalPoint(0.3, 0.9), Cut(200, 0, 2000, 1500)),
        ((4000, 1500), FocalPoint(0.1, 0.5), Cut(0, 0, 2000, 1500)),
        ((4000, 1500), FocalPoint(1, 0), Cut(2000, 0, 2000, 1500)),
        ((800, 600), FocalPoint(), Cut(0, 0, 800, 600)),
        ((30_000, 10), FocalPoint(), Cut(14994, 0, 13, 10)),
        ((10, 30_000), FocalPoint(), Cut(0, 14996, 10, 8)),
        ((1, 1), FocalPoint(), Cut(0, 0, 1, 1)),
        ((2, 1), FocalPoint(1, 1), Cut(1, 0, 1, 1)),
        ((1, 2), FocalPoint(0, 1), Cut(0, 1, 1, 1)),
        ((3, 2), FocalPoint(), Cut(0, 0, 2, 2)),
    ],
)
def test_the_cut_is_the_largest_of_the_tiles_shape(size: tuple[int, int], focal_point: FocalPoint, cut: Cut) -> None:
    assert tile_cut(*size, focal_point) == cut


@pytest.mark.parametrize(
    ("cut", "sizes"),
    [
        (Cut(0, 0, 4000, 3000), [(160, 120), (320, 240), (640, 480)]),
        (Cut(0, 0, 640, 480), [(160, 120), (320, 240), (640, 480)]),
        (Cut(0, 0, 641, 481), [(160, 120), (320, 240), (640, 480)]),
        (Cut(0, 0, 639, 479), [(160, 120), (320, 240), (639, 479)]),
        (Cut(0, 0, 500, 375), [(160, 120), (320, 240), (500, 375)]),
        (Cut(0, 0, 320, 240), [(160, 120), (320, 240)]),
        (Cut(0, 0, 319, 239), [(160, 120), (319, 239)]),
        (Cut(0, 0, 160, 120), [(160, 120)]),
        (Cut(0, 0, 159, 119), [(159, 119)]),
        (Cut(0, 0, 1, 1), [(1, 1)]),
    ],
)
def test_no_rendition_is_wider_than_the_cut(cut: Cut, sizes: list[tuple[int, int]]) -> None:
    assert rendition_sizes(cut) == sizes


SIDES, SHARES = st.integers(1, 40_000), st.floats(0, 1)


@given(width=SIDES, height=SIDES, x=SHARES, y=SHARES)
def test_every_rendition_lies_in_the_picture(width: int, height: int, x: float, y: float) -> None:
    cut = tile_cut(width, height, FocalPoint(x, y))
    assert cut.width >= 1
    assert cut.height >= 1
    assert 0 <= cut.left <= width - cut.width
    assert 0 <= cut.top <= height - cut.height
    sizes = rendition_sizes(cut)
    assert sorted({width for width, _ in sizes}) == [width for width, _ in sizes]
    assert all(size[0] <= min(cut.width, WIDTHS[-1]) and size[1] <= cut.height for size in sizes)
    for size in sizes:
        whole = scaled(width, height, cut, size)
        assert (whole.cut.width, whole.cut.height) == size
        assert 0 <= whole.cut.left <= whole.whole_width - size[0]
        assert 0 <= whole.cut.top <= whole.whole_height - size[1]
        assert whole.whole_width <= max(width, size[0])
