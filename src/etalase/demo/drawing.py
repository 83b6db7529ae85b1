"""From a description of a dish to the bytes of its photo.

Everything chance decides comes from one seed, so that the same dish always gives the same bytes (with the same Pillow).
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFont

from etalase.demo.draw_canvas import OVERSAMPLING, Canvas, rgb
from etalase.demo.draw_dishes import DISHES, beside
from etalase.demo.draw_drinks import DRINKS, backdrop
from etalase.demo.draw_table import PALETTES, lay_table

MIN_BYTES, MAX_BYTES = 20_000, 400_000
MEDIA = {"jpg": "JPEG", "webp": "WEBP", "png": "PNG"}

_SWEET = {"mint", "coconut", "cheese"}  # what only cakes and desserts come with
_SIZES = ((720, 720), (720, 720), (720, 720), (680, 680), (800, 800), (800, 660), (660, 800), (600, 600), (640, 640))


@dataclass(frozen=True, slots=True)
class View:
    """How a dish is photographed: palette, nearness, turn (degrees), size in pixels, grain (0 to 40) and quality."""

    palette: str
    zoom: float
    turn: float
    width: int
    height: int
    grain: int
    quality: int
    bare: bool = False


def choose_view(seed: str, palette: str, number: int) -> View:
    """The view of a dish's photo ``number`` (from 1): the first shows it whole, later ones nearer, on other tables."""
    rng = Random(f"view {seed} {number}")
    names = [name for name in PALETTES if name != palette]
    width, height = rng.choice(_SIZES)
    return View(
        palette=palette if number == 1 else rng.choice(names),
        zoom=rng.uniform(0.93, 1.04) if number == 1 else rng.uniform(1.22, 1.5) if number != 3 else rng.uniform(0.8, 0.96),
        turn=rng.uniform(-20, 20) if number == 1 else rng.uniform(60, 300),
        width=width,
        height=height,
        grain=rng.choice((6, 9, 13, 17, 22)),
        quality=rng.choice((72, 80, 86, 90, 93, 95)),
        bare=number == 2 or number > 3,
    )


def draw(seed: str, kind: str, tone: str, extras: Sequence[str], view: View) -> Image.Image:
    """The picture itself."""
    canvas = Canvas(seed, view.width, view.height)
    palette, rng = PALETTES[view.palette], Random(f"scene {seed}")
    if kind == "glass":
        backdrop(canvas, palette)
        zoom, down = 1.0 + (view.zoom - 1.0) * 0.5, 70 if "cream" in extras else 40
        if view.bare:  # two of them, the one behind smaller
            canvas.look(zoom=zoom * 0.78, shift=(-215, down - 10))
            DRINKS[kind](canvas, palette, rgb(tone), extras)
        canvas.look(zoom=zoom, shift=(150 if view.bare else rng.uniform(-30, 30), down))
        DRINKS[kind](canvas, palette, rgb(tone), extras)
    else:
        lay_table(canvas, palette)
        off = 90.0 if view.bare else 14.0
        canvas.look(zoom=view.zoom, turn=view.turn, shift=(rng.uniform(-off, off), rng.uniform(-off, off)))
        if kind in DISHES and not view.bare:
            beside(canvas, sweet=kind == "ice bowl" or not _SWEET.isdisjoint(extras))
        (DISHES.get(kind) or DRINKS[kind])(canvas, palette, rgb(tone), extras)
    return _develop(canvas, view)


def _develop(canvas: Canvas, view: View) -> Image.Image:
    """Down to its size, a little warmer and darker towards the corners, with the grain of film."""
    canvas.refine()
    picture = canvas.image.reduce(OVERSAMPLING)
    corners = Image.radial_gradient("L").resize(picture.size, Image.Resampling.BILINEAR)
    picture.paste((28, 16, 20), (0, 0), corners.point(lambda v: max(0, v - 110) * 0.42))
    picture = ImageEnhance.Color(picture).enhance(1.08)
    grain = Image.frombytes("L", picture.size, canvas.rng.randbytes(picture.width * picture.height))
    grain = grain.point(lambda v: 128 + (v - 128) * view.grain / 200)
    return ImageChops.add(picture, Image.merge("RGB", (grain,) * 3), 1, -128)


def sticker(picture: Image.Image, text: str) -> Image.Image:
    """The picture with a round red sticker in its corner, so that nobody misses which of two it is."""
    big = 4
    side = min(picture.size) // 4
    badge = Image.new("RGBA", (side * big, side * big))
    brush = ImageDraw.Draw(badge)
    brush.ellipse((0, 0, side * big - 1, side * big - 1), fill=(200, 38, 32, 255))
    rim = side * big * 0.06
    brush.ellipse((rim, rim, side * big - rim, side * big - rim), outline=(255, 236, 190, 255), width=round(rim / 3))
    font = ImageFont.load_default(side * big * 0.29)
    brush.text((side * big / 2, side * big / 2), text, (255, 246, 224, 255), font, anchor="mm", stroke_width=6)
    badge = badge.rotate(12, resample=Image.Resampling.BICUBIC).reduce(big)
    done = picture.copy()
    done.paste(badge, (round(side * 0.18), round(side * 0.18)), badge)
    return done


def encode(picture: Image.Image, extension: str, quality: int) -> bytes:
    """The picture as a file of ``MIN_BYTES`` to ``MAX_BYTES`` bytes.

    Raises ``ValueError`` where no quality gives such a file.
    """
    for attempt in range(8):
        data = _encode_once(picture, extension, max(30, quality - 9 * attempt), attempt)
        if len(data) <= MAX_BYTES:
            if len(data) < MIN_BYTES:
                break
            return data
    raise ValueError(f"no {extension} of {MIN_BYTES} to {MAX_BYTES} bytes comes from this picture ({len(data)} bytes).")


def _encode_once(picture: Image.Image, extension: str, quality: int, attempt: int) -> bytes:
    out = io.BytesIO()
    if extension == "png":
        side = 540 - 60 * attempt
        small = picture.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        small.quantize(224, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    elif extension == "webp":
        picture.save(out, "WEBP", quality=quality, method=2)
    else:
        picture.save(out, "JPEG", quality=quality, optimize=True, progressive=quality > 82)
    return out.getvalue()
