"""Decides the cut of a photo that a tile shows, and the sizes of its renditions. Pure."""

from dataclasses import dataclass
from math import ceil

from etalase.renditions import TILE_HEIGHT, TILE_WIDTH, WIDTHS


@dataclass(frozen=True, slots=True)
class FocalPoint:
    """The place of the dish, as shares of the upright picture's width and height."""

    x: float = 0.5
    y: float = 0.5


@dataclass(frozen=True, slots=True)
class Cut:
    """A rectangle of the upright picture, in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Scaled:
    """A scale of the whole upright picture (``whole_width`` × ``whole_height``), and the cut in it."""

    whole_width: int
    whole_height: int
    cut: Cut


def tile_cut(width: int, height: int, focal_point: FocalPoint) -> Cut:
    """Returns the largest rectangle of the tile's shape in a picture, with the focal point as near its middle as possible."""
    cut_width = max(1, min(width, height * TILE_WIDTH // TILE_HEIGHT))
    cut_height = min(height, _height(cut_width))
    left = _start(focal_point.x * width, cut_width, width)
    return Cut(left, _start(focal_point.y * height, cut_height, height), cut_width, cut_height)


def rendition_sizes(cut: Cut) -> list[tuple[int, int]]:
    """Returns width and height of each rendition, the narrowest first: none is wider than the cut.

    A cut narrower than the widest rendition has one of its own width.
    """
    widths = [width for width in WIDTHS if width < cut.width]
    widths.append(min(cut.width, WIDTHS[-1]))
    return [(width, cut.height if width == cut.width else _height(width)) for width in dict.fromkeys(widths)]


def scaled(width: int, height: int, cut: Cut, size: tuple[int, int]) -> Scaled:
    """Returns how to scale a picture so that its cut has ``size``."""
    share = size[0] / cut.width
    whole_width, whole_height = max(size[0], ceil(width * share)), max(size[1], ceil(height * share))
    left, top = min(round(cut.left * share), whole_width - size[0]), min(round(cut.top * share), whole_height - size[1])
    return Scaled(whole_width, whole_height, Cut(left, top, *size))


def _height(width: int) -> int:
    return max(1, round(width * TILE_HEIGHT / TILE_WIDTH))


def _start(middle: float, length: int, whole: int) -> int:
    return min(max(round(middle - length / 2), 0), whole - length)
