"""The drawing table of the demo's pictures: pieces that catch the light, strands and grains, with Pillow alone.

A canvas has its origin in the middle and its shorter side is 1,000 units long. It is drawn at twice its size, so that
edges come out smooth. The light stands at the upper left, whatever way a dish is turned.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from random import Random

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter

Point = tuple[float, float]
Colour = tuple[int, int, int]

OVERSAMPLING = 2
SHADE: Colour = (38, 20, 12)
WHITE: Colour = (255, 255, 255)
_SPOT = ImageChops.invert(Image.radial_gradient("L")).point(lambda v: max(0, v - 75) * 1.41)


@lru_cache(maxsize=512)
def rgb(code: str) -> Colour:
    """The colour that ``#rrggbb`` names."""
    red, green, blue = ImageColor.getrgb(code)[:3]
    return red, green, blue


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """``share`` (0 to 1) of the other colour in the one."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


@lru_cache(maxsize=256)
def gain(factor: float) -> list[int]:
    """The table for ``Image.point`` that makes a mask ``factor`` times as strong."""
    return [min(255, round(value * factor)) for value in range(256)]


def shaded(colour: Colour) -> Colour:
    """The colour where no light falls: darker and warmer, never grey."""
    light = (sum(colour) / 765) ** 2  # cream and ice stay bright in their own shade
    red, green, blue = (round(part * (share + 0.24 * light)) for part, share in zip(colour, (0.54, 0.43, 0.4), strict=True))
    return red, green, blue


def vary(rng: Random, colour: Colour, amount: float = 0.08) -> Colour:
    """The colour, a little lighter or darker."""
    share = rng.uniform(-amount, amount)
    return mix(colour, WHITE, share) if share > 0 else mix(colour, shaded(colour), -1.6 * share)


def blob(rng: Random, x: float, y: float, rx: float, ry: float, *, turn: float = 0.0, wobble: float = 0.06) -> list[Point]:
    """A closed, slightly uneven oval; ``turn`` in degrees, ``wobble`` as a share of the radius."""
    waves = [(k, rng.uniform(0, math.tau), rng.uniform(0.3, 1.0) * wobble / k**0.5) for k in (2, 3, 5, 7)]
    steps = 28 if rx + ry < 120 else 72
    points = []
    for step in range(steps):
        angle = math.tau * step / steps
        reach = 1 + sum(size * math.sin(k * angle + phase) for k, phase, size in waves)
        points.append((rx * reach * math.cos(angle), ry * reach * math.sin(angle)))
    return placed(points, x, y, turn)


def box(x: float, y: float, width: float, height: float, *, corner: float = 12.0, turn: float = 0.0) -> list[Point]:
    """A rectangle around (x, y) with round corners."""
    corner = min(corner, width / 2, height / 2)
    points = []
    for quarter, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        for step in range(6):
            angle = math.radians(90 * quarter + 18 * step)
            points.append(
                (
                    sx * (width / 2 - corner) + corner * math.cos(angle),
                    sy * (height / 2 - corner) + corner * math.sin(angle),
                )
            )
    return placed(points, x, y, turn)


def placed(points: Sequence[Point], x: float, y: float, turn: float = 0.0) -> list[Point]:
    """The points, turned by ``turn`` degrees about the origin and then moved by (x, y)."""
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return [(x + px * cos - py * sin, y + px * sin + py * cos) for px, py in points]


def curve(points: Sequence[Point], steps: int = 8) -> list[Point]:
    """A smooth line through the points (Catmull-Rom)."""
    padded = [points[0], *points, points[-1]]
    smooth: list[Point] = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        for step in range(steps):
            t = step / steps
            smooth.append(
                tuple(  # type: ignore[arg-type]  # a tuple of two, which mypy can't count through a generator
                    0.5
                    * (
                        2 * b[i]
                        + (c[i] - a[i]) * t
                        + (2 * a[i] - 5 * b[i] + 4 * c[i] - d[i]) * t**2
                        + (3 * b[i] - a[i] - 3 * c[i] + d[i]) * t**3
                    )
                    for i in (0, 1)
                )
            )
    return [*smooth, points[-1]]


class Canvas:
    """One picture while it is drawn. ``rng`` is the only source of chance, so that a seed gives the same picture again."""

    def __init__(self, seed: str, width: int, height: int) -> None:
        self.rng = Random(seed)
        self.image = Image.new("RGB", (width * OVERSAMPLING, height * OVERSAMPLING))
        self.unit = min(self.image.size) / 1000
        self.zoom = 1.0
        self.turn = 0.0
        self.shift: Point = (0.0, 0.0)
        self._is_coarse = self._stay_coarse = False

    # Placing ----------------------------------------------------------------------------------------------------

    def look(self, *, zoom: float = 1.0, turn: float = 0.0, shift: Point = (0.0, 0.0)) -> None:
        """From here on, draw as seen nearer, turned (degrees) or moved (units)."""
        self.zoom, self.turn, self.shift = zoom, turn, shift

    def nearer(self, factor: float) -> None:
        """What is drawn from here on comes out larger, around the same middle."""
        self.zoom *= factor

    @contextmanager
    def coarsely(self) -> Iterator[None]:
        """Within, draw at the picture's final size: large pieces cost a quarter, and their own edges stay smooth."""
        if not self._is_coarse:
            self.start_coarse(self.image.reduce(OVERSAMPLING))
        self._stay_coarse = True
        yield
        self._stay_coarse = False

    def start_coarse(self, image: Image.Image) -> None:
        """Go on from a picture at its final size; the next fine thing drawn brings back the oversampling."""
        self.image, self._is_coarse = image, True
        self.unit = min(image.size) / 1000

    def refine(self) -> None:
        """Back to the oversampled picture, unless it is that already or is drawn coarsely on purpose."""
        if not self._is_coarse or self._stay_coarse:
            return
        width, height = self.image.size
        # Repeating pixels loses nothing: what is not drawn over is averaged back to exactly what it was.
        self.image = self.image.resize((width * OVERSAMPLING, height * OVERSAMPLING), Image.Resampling.NEAREST)
        self.unit, self._is_coarse = min(self.image.size) / 1000, False

    @property
    def scale(self) -> float:
        """Pixels to a unit."""
        return self.unit * self.zoom

    def pixels(self, points: Sequence[Point]) -> list[Point]:
        """Where the points lie in the image."""
        cx = self.image.width / 2 + self.shift[0] * self.unit
        cy = self.image.height / 2 + self.shift[1] * self.unit
        scale = self.scale
        return placed([(x * scale, y * scale) for x, y in points], cx, cy, self.turn)

    def inside(self, count: int, x: float, y: float, rx: float, ry: float) -> Iterator[Point]:
        """``count`` places by chance in an oval."""
        for _ in range(count):
            angle, reach = self.rng.uniform(0, math.tau), math.sqrt(self.rng.random())
            yield x + rx * reach * math.cos(angle), y + ry * reach * math.sin(angle)

    # Drawing ----------------------------------------------------------------------------------------------------

    def piece(
        self,
        points: Sequence[Point],
        colour: Colour,
        *,
        bevel: float = 14.0,
        relief: float = 0.5,
        shadow: float = 10.0,
        dark: float = 0.4,
        alpha: float = 1.0,
    ) -> None:
        """A solid piece: it throws a soft shadow (``shadow`` units long), its edges are round over ``bevel`` units."""
        self.refine()
        pixels = self.pixels(points)
        margin = int((max(bevel, shadow * 1.6)) * self.scale * 1.6) + 8
        left, top = int(min(p[0] for p in pixels)) - margin, int(min(p[1] for p in pixels)) - margin
        right, bottom = int(max(p[0] for p in pixels)) + margin, int(max(p[1] for p in pixels)) + margin
        if right < 0 or bottom < 0 or left > self.image.width or top > self.image.height:
            return
        finer = OVERSAMPLING if self._is_coarse else 1
        mask = Image.new("L", ((right - left) * finer, (bottom - top) * finer))
        ImageDraw.Draw(mask).polygon([((x - left) * finer, (y - top) * finer) for x, y in pixels], fill=255)
        mask = mask.reduce(finer) if finer > 1 else mask
        self.stamp(mask, (left, top), colour, bevel=bevel, relief=relief, shadow=shadow, dark=dark, alpha=alpha)

    def disc(
        self,
        x: float,
        y: float,
        radius: float,
        colour: Colour,
        *,
        bevel: float = 14.0,
        relief: float = 0.5,
        shadow: float = 10.0,
        dark: float = 0.4,
        alpha: float = 1.0,
    ) -> None:
        """A round piece."""
        steps = 90 if radius > 60 else 24
        points = [
            (x + radius * math.cos(a * math.tau / steps), y + radius * math.sin(a * math.tau / steps)) for a in range(steps)
        ]
        self.piece(points, colour, bevel=bevel, relief=relief, shadow=shadow, dark=dark, alpha=alpha)

    def stamp(
        self,
        mask: Image.Image,
        at: tuple[int, int],
        colour: Colour,
        *,
        bevel: float,
        relief: float,
        shadow: float,
        dark: float,
        alpha: float = 1.0,
    ) -> None:
        """Press a colour through a mask: first its shadow, then the colour, then light and shade along its edges."""
        coarse = 8 if max(mask.size) > 800 else 4 if max(mask.size) > 240 else 2
        low = mask.reduce(coarse)
        if shadow > 0:
            reach = shadow * self.scale
            soft = low.filter(ImageFilter.GaussianBlur(reach * 0.8 / coarse)).point(gain(dark))
            offset = (at[0] + round(reach * 0.55), at[1] + round(reach * 0.7))
            self.image.paste(SHADE, offset, soft.resize(mask.size, Image.Resampling.BILINEAR))
        self.image.paste(colour, at, mask if alpha >= 1 else mask.point(gain(alpha)))
        if bevel <= 0 or relief <= 0:
            return
        radius = max(0.6, bevel * self.scale / coarse / 1.6)
        low = low.filter(ImageFilter.GaussianBlur(radius))
        step = max(1, round(radius * 0.8))
        for away, tint, strength in ((step, WHITE, 2.0 * relief), (-step, shaded(colour), 2.5 * relief)):
            edge = ImageChops.subtract(low, ImageChops.offset(low, away, away)).point(gain(strength))
            edge = ImageChops.multiply(edge.resize(mask.size, Image.Resampling.BILINEAR), mask)
            self.image.paste(tint, at, edge)

    def flat(self, points: Sequence[Point], colour: Colour) -> None:
        """A shape without light or shadow."""
        self.refine()
        ImageDraw.Draw(self.image).polygon(self.pixels(points), fill=colour)

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """A line, ``width`` units wide."""
        self.refine()
        ImageDraw.Draw(self.image).line(
            self.pixels(points), fill=colour, width=max(1, round(width * self.scale)), joint="curve"
        )

    def strand(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """A round string, as a noodle: dark edge, body, gleam."""
        self.refine()
        pixels = self.pixels(curve(points, 6))
        draw = ImageDraw.Draw(self.image)
        body = max(2, round(width * self.scale))
        draw.line([(x + body * 0.15, y + body * 0.25) for x, y in pixels], shaded(colour), body + 3, "curve")
        draw.line(pixels, colour, body, "curve")
        gleam = [(x - body * 0.16, y - body * 0.2) for x, y in pixels]
        draw.line(gleam, mix(colour, WHITE, 0.45), max(1, body // 4), "curve")

    def glow(self, x: float, y: float, rx: float, ry: float, colour: Colour, strength: float, *, turn: float = 0.0) -> None:
        """Light (or, in a dark colour, shade) that fades from the middle of an oval outwards."""
        size = 2 * rx * self.scale, 2 * ry * self.scale
        coarse = max(1.0, max(size) / 120)
        spot = _SPOT.resize((max(2, round(size[0] / coarse)), max(2, round(size[1] / coarse))), Image.Resampling.BILINEAR)
        spot = spot.point(gain(strength))
        if abs(rx - ry) > 1 and (turn or self.turn):
            spot = spot.rotate(-(turn + self.turn), expand=True, resample=Image.Resampling.BILINEAR)
        spot = spot.resize((round(spot.width * coarse), round(spot.height * coarse)), Image.Resampling.BILINEAR)
        ((px, py),) = self.pixels([(x, y)])
        self.image.paste(colour, (round(px - spot.width / 2), round(py - spot.height / 2)), spot)

    def dots(self, places: Iterator[Point], colours: Sequence[Colour], size: tuple[float, float]) -> None:
        """Small round crumbs, a shadow's edge under each."""
        self.refine()
        draw = ImageDraw.Draw(self.image)
        for place in places:
            ((x, y),) = self.pixels([place])
            r = max(1.0, self.rng.uniform(*size) * self.scale)
            colour = vary(self.rng, self.rng.choice(colours))
            draw.ellipse((x - r + r * 0.3, y - r + r * 0.45, x + r * 1.3, y + r * 1.45), fill=mix(colour, SHADE, 0.55))
            draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
            draw.ellipse((x - r * 0.6, y - r * 0.7, x, y - r * 0.1), fill=mix(colour, WHITE, 0.35))

    def grains(self, places: Iterator[Point], colour: Colour, length: float) -> None:
        """Grains of rice, each lying its own way."""
        self.refine()
        sprites = grain_sprites(colour, max(4, round(length * self.scale)))
        pick = self.rng.choice
        for x, y in self.pixels(list(places)):
            picture, mask = pick(sprites)
            self.image.paste(picture, (round(x), round(y)), mask)


@lru_cache(maxsize=64)
def grain_sprites(colour: Colour, length: int) -> list[tuple[Image.Image, Image.Image]]:
    """Small pictures of one grain, in twelve directions and three lights."""
    side = length * 4
    sprites = []
    for light in (-0.12, 0.0, 0.35):
        body = mix(colour, WHITE if light > 0 else SHADE, abs(light))
        flat = Image.new("RGBA", (side, side))
        draw = ImageDraw.Draw(flat)
        half = side * 0.17
        draw.ellipse((0, side / 2 - half * 1.3, side, side / 2 + half * 1.3), fill=(*mix(colour, SHADE, 0.42), 255))
        draw.ellipse((side * 0.03, side / 2 - half, side * 0.97, side / 2 + half), fill=(*body, 255))
        gleam = mix(body, WHITE, 0.6)
        draw.ellipse((side * 0.2, side / 2 - half * 0.6, side * 0.7, side / 2), fill=(*gleam, 255))
        for direction in range(12):
            turned = flat.rotate(direction * 15 + 7, expand=True, resample=Image.Resampling.BILINEAR).reduce(4)
            sprites.append((turned.convert("RGB"), turned.getchannel("A")))
    return sprites
