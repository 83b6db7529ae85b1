"""Drinks: tall glasses seen from the side, so that their layers show, and hot cups seen from above."""

import math
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw, ImageFilter

from etalase.demo.draw_canvas import SHADE, WHITE, Canvas, Colour, Point, blob, box, curve, mix, placed, rgb, vary
from etalase.demo.draw_food import citrus, put
from etalase.demo.draw_heaps import dome
from etalase.demo.draw_table import Palette, lay_table, ring, sunk

TOP, BOTTOM = -300.0, 330.0


def backdrop(canvas: Canvas, palette: Palette) -> None:
    """A wall with soft lights out of focus, and the edge of a table."""
    rng, (width, height) = canvas.rng, canvas.image.size
    wall = mix(rgb(palette.ground), WHITE, 0.42)
    low, high = mix(wall, rgb(palette.accent), 0.35), mix(wall, WHITE, 0.45)
    fade = Image.linear_gradient("L").resize((width, height))
    canvas.image.paste(high, (0, 0, width, height))
    canvas.image.paste(low, (0, 0), fade)
    for _ in range(16):
        x, y, r = rng.uniform(-600, 600), rng.uniform(-520, 200), rng.uniform(40, 120)
        canvas.disc(
            x, y, r, mix(high, rng.choice((WHITE, rgb(palette.accent), rgb("#ffe1a8"))), 0.5), bevel=0, shadow=0, alpha=0.22
        )
    canvas.image = canvas.image.reduce(4).filter(ImageFilter.GaussianBlur(3)).resize((width, height), Image.Resampling.BICUBIC)
    table = Canvas(f"{rng.random()}", width // 4, width // 4)
    lay_table(table, palette)
    table.refine()
    edge = int(height * 0.77)
    surface = table.image.resize(
        (width, height - edge), Image.Resampling.BICUBIC, (0, 0, table.image.width, int(table.image.height * 0.55))
    )
    canvas.image.paste(surface, (0, edge))
    draw = ImageDraw.Draw(canvas.image)
    draw.rectangle((0, edge - 3, width, edge + 5), fill=mix(rgb(palette.ground), WHITE, 0.35))
    canvas.glow(-380, -420, 900, 900, (255, 247, 226), 0.38)


def _half_width(y: float) -> float:
    """The glass widens towards its mouth."""
    return 150 + 42 * (BOTTOM - y) / (BOTTOM - TOP)


def _wall(y0: float, y1: float, inset: float = 0.0) -> list[Point]:
    a, b = _half_width(y0) - inset, _half_width(y1) - inset
    arc = [math.pi * t / 14 for t in range(15)]
    upper = [(-a * math.cos(t), y0 - a * 0.13 * math.sin(t)) for t in arc]
    lower = [(b * math.cos(t), y1 + b * 0.13 * math.sin(t)) for t in arc]
    return [*upper, *lower]


def glass(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    """A tall glass; extras that are colours are the layers above the first, the others what is in it or on it."""
    rng = canvas.rng
    layers = [tone, *(rgb(name) for name in extras if name.startswith("#"))]
    things = [name for name in extras if not name.startswith("#")]
    canvas.glow(60, BOTTOM + 30, 330, 62, SHADE, 0.75)
    canvas.glow(150, BOTTOM + 34, 210, 34, layers[0], 0.6)
    canvas.piece(_wall(TOP, BOTTOM + 16), mix(rgb(palette.ground), WHITE, 0.8), bevel=14, relief=0.6, shadow=0, alpha=0.42)
    _fill(canvas, layers)
    if "straw" in things:
        _straw(canvas, rng.choice(("#d84b3f", "#3f7d4a", "#2f62a8", "#e0a23a")))
    for name in things:
        if name in _IN_THE_GLASS:
            _IN_THE_GLASS[name](canvas)
    canvas.piece(_wall(TOP, BOTTOM + 16), WHITE, bevel=20, relief=0.7, shadow=0, alpha=0.06)
    _shine(canvas)
    for name in things:
        if name in _ON_THE_GLASS:
            _ON_THE_GLASS[name](canvas)


def _fill(canvas: Canvas, layers: Sequence[Colour]) -> None:
    """The drink itself: its layers run softly into each other."""
    top, bottom = TOP + 62, BOTTOM - 8
    canvas.piece(_wall(top, bottom, 15), layers[0], bevel=0, shadow=0)
    shape = canvas.pixels(_wall(top, bottom, 15))
    left, upper = int(min(p[0] for p in shape)), int(min(p[1] for p in shape))
    size = (int(max(p[0] for p in shape)) - left + 1, int(max(p[1] for p in shape)) - upper + 1)
    mask = Image.new("L", size)
    ImageDraw.Draw(mask).polygon([(x - left, y - upper) for x, y in shape], fill=255)
    column = Image.new("RGB", (9, 96))
    for index, layer in enumerate(reversed(layers)):
        column.paste(layer, (0, index * 96 // len(layers), 9, 96))
    wave = column.resize((40, 96), Image.Resampling.BILINEAR)
    for x in range(40):  # clouds of milk
        strip = wave.crop((x, 0, x + 1, 96))
        wave.paste(strip, (x, round(4 * math.sin(x / 4 + len(layers)) + 2 * math.sin(x / 1.7))))
    wave = wave.filter(ImageFilter.GaussianBlur(2.6)).resize(size, Image.Resampling.BICUBIC)
    canvas.image.paste(wave, (left, upper), mask)
    canvas.stamp(mask, (left, upper), layers[0], bevel=40, relief=0.4, shadow=0, dark=0, alpha=0.0)
    surface = [
        ((_half_width(top) - 15) * math.cos(t / 40 * math.tau), top + 24 * math.sin(t / 40 * math.tau)) for t in range(40)
    ]
    canvas.piece(surface, mix(layers[-1], WHITE, 0.28), bevel=5, relief=0.4, shadow=0)


def _shine(canvas: Canvas) -> None:
    rng = canvas.rng
    rim = [(_half_width(TOP) * math.cos(t / 60 * math.tau), TOP + 26 * math.sin(t / 60 * math.tau)) for t in range(62)]
    canvas.line(rim, (250, 252, 252), 6)
    for x, width, height, strength in ((-138.0, 17, 250, 0.85), (-106.0, 7, 200, 0.6), (140.0, 9, 230, 0.5)):
        canvas.glow(x, 0, width, height, WHITE, strength, turn=-2.6 if x < 0 else 2.6)
    for x, y in ((rng.uniform(-150, 150), rng.uniform(TOP + 120, BOTTOM - 30)) for _ in range(70)):  # dew
        r = rng.uniform(2.2, 7)
        canvas.glow(x, y, r * 1.3, r * 1.5, SHADE, 0.3)
        canvas.glow(x - r * 0.3, y - r * 0.4, r * 0.8, r * 0.8, WHITE, 0.9)


def _straw(canvas: Canvas, colour: str) -> None:
    canvas.piece(box(62, -250, 24, 420, corner=4, turn=13), rgb(colour), bevel=9, relief=0.9, shadow=6)
    for k in range(6):
        canvas.line(placed([(-10, -190 + k * 52), (10, -176 + k * 52)], 62, -250, 13), WHITE, 12)


def _ice(canvas: Canvas) -> None:
    rng = canvas.rng
    for x, y, turn in ((-78, -196, 18), (40, -206, -24), (-10, -132, 40), (90, -130, 8), (-92, -104, -12)):
        side = rng.uniform(84, 100)
        canvas.piece(
            box(x, y, side, side, corner=18, turn=turn), rgb("#f2fafd"), bevel=16, relief=0.28, shadow=9, dark=0.25, alpha=0.45
        )
        canvas.piece(
            box(x - 5, y - 6, side * 0.55, side * 0.5, corner=14, turn=turn), WHITE, bevel=8, relief=0.15, shadow=0, alpha=0.4
        )


def _cendol(canvas: Canvas) -> None:
    rng = canvas.rng
    for _ in range(70):
        x, y, bend = rng.uniform(-118, 118), rng.uniform(60, 270), rng.uniform(-18, 18)
        path: list[Point] = [(x - 26, y + rng.uniform(-16, 16)), (x, y + bend), (x + 26, y + rng.uniform(-16, 16))]
        canvas.strand(path, vary(rng, rgb("#6fae3f"), 0.14), 14)


def _pearls(canvas: Canvas, colour: str = "#2c1710") -> None:
    rng = canvas.rng
    for _ in range(46):
        dome(canvas, rng.uniform(-120, 120), rng.uniform(200, 305), 20, vary(rng, rgb(colour), 0.1), shine=0.55)


def _jelly(canvas: Canvas) -> None:
    rng = canvas.rng
    for _ in range(26):
        place = rng.uniform(-112, 112), rng.uniform(120, 290)
        canvas.piece(
            box(*place, 46, 44, corner=8, turn=rng.uniform(0, 90)), rgb("#2d211c"), bevel=10, relief=0.8, shadow=5, alpha=0.85
        )


def _fruit(canvas: Canvas) -> None:
    rng = canvas.rng
    for _ in range(20):
        tone = rgb(rng.choice(("#f6f1e2", "#f2a93a", "#e2594a", "#a9cc62")))
        place = rng.uniform(-110, 110), rng.uniform(40, 285)
        canvas.piece(box(*place, 52, 48, corner=12, turn=rng.uniform(0, 90)), tone, bevel=12, relief=0.6, shadow=5)


def _swirl(canvas: Canvas) -> None:
    """Chocolate syrup down the inside of the glass."""
    for side in (-1, 1):
        for k in range(3):
            x = side * (40 + k * 40)
            path: list[Point] = [(x, -220), (x + side * 8, -120), (x - side * 12, -20), (x + 4 * side, 80 + k * 30)]
            canvas.strand(path, rgb("#3d1c10"), 15 - 3 * k)


def _cream(canvas: Canvas) -> None:
    rng = canvas.rng
    for y, r in ((-268, 150), (-312, 122), (-352, 88), (-388, 52)):
        for k in range(5):
            dome(canvas, (k - 2) * r * 0.4, y + abs(k - 2) * 7, r * 0.4, rgb("#fffaf0"), squash=0.85, shine=0.8)
    for _ in range(26):
        canvas.dots(iter([(rng.uniform(-120, 120), rng.uniform(-400, -262))]), [rgb("#6b3a1e"), rgb("#c98a4a")], (3, 6))


def _foam(canvas: Canvas) -> None:
    canvas.dots(canvas.inside(170, 0, TOP + 62, 150, 22), [rgb("#f5dfba"), rgb("#e6c690"), rgb("#fdf3dc")], (4, 12))


def _slice(canvas: Canvas, peel: str = "#e88a1e", flesh: str = "#f8b04a") -> None:
    citrus(canvas, -168, TOP - 6, 150, peel, flesh)


def _mint(canvas: Canvas) -> None:
    put(canvas, "mint", -30, TOP + 40, 105)
    put(canvas, "mint", 40, TOP + 54, 78)


_IN_THE_GLASS: dict[str, Callable[[Canvas], None]] = {
    "cendol": _cendol,
    "boba": _pearls,
    "red pearls": lambda canvas: _pearls(canvas, "#c9324a"),
    "jelly": _jelly,
    "fruit": _fruit,
    "swirl": _swirl,
    "ice": _ice,
    "foam": _foam,
}
_ON_THE_GLASS: dict[str, Callable[[Canvas], None]] = {
    "cream": _cream,
    "orange slice": _slice,
    "lime slice": lambda canvas: _slice(canvas, "#5f9a3a", "#cfe07a"),
    "mint": _mint,
}


def cup(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    """A cup on its saucer, from above: with a heart or a leaf of milk, a biscuit, beans, or nothing."""
    rng, body, rim = canvas.rng, rgb(palette.crockery), rgb(palette.rim)
    with canvas.coarsely():
        canvas.disc(16, 22, 380, mix(body, SHADE, 0.4), shadow=42, dark=0.55, bevel=0)
        canvas.disc(0, 0, 385, body, bevel=16, shadow=14)
        canvas.disc(0, 0, 292, mix(body, SHADE, 0.06), bevel=0, shadow=0)
        sunk(canvas, 292, 0.2)
        canvas.piece(box(292, 0, 120, 62, corner=30, turn=canvas.turn), body, bevel=20, relief=0.8, shadow=24)
        canvas.disc(0, 0, 250, body, bevel=16, relief=0.8, shadow=34, dark=0.55)
        canvas.disc(0, 0, 226, mix(body, SHADE, 0.25), bevel=0, shadow=0)
        sunk(canvas, 226, 0.55)
        canvas.disc(3, 4, 208, mix(tone, SHADE, 0.3), bevel=0, shadow=0)
        canvas.disc(3, 4, 202, tone, bevel=18, relief=0.25, shadow=0)
        canvas.glow(50, 60, 180, 180, mix(tone, WHITE, 0.5), 0.4)
        sunk(canvas, 206, 0.3)
    ring(canvas, 365, rim, 7)
    milk = rgb("#fbeed6")
    if "heart" in extras:
        _heart(canvas, milk, tone)
    if "leaf" in extras:
        _rosetta(canvas, milk)
    if "foam" in extras:
        canvas.dots(canvas.inside(120, 0, 0, 195, 195), [mix(tone, WHITE, 0.35), mix(tone, WHITE, 0.2)], (2, 9))
    if "biscuit" in extras:
        for x, y in ((-300.0, 190.0), (-255.0, 262.0)):
            canvas.piece(box(x, y, 150, 62, corner=24, turn=-30), rgb("#c68a45"), bevel=15, shadow=16)
            canvas.grains(canvas.inside(22, x, y, 48, 24), rgb("#f3ddb0"), 12)
    if "beans" in extras:
        for x, y in canvas.inside(22, 330, -330, 170, 150):
            turn = rng.uniform(0, 180)
            canvas.piece(blob(rng, x, y, 27, 19, turn=turn, wobble=0.02), rgb("#4a2a18"), bevel=11, relief=0.8, shadow=8)
            canvas.line(placed(curve([(-22, 0), (0, 4), (22, 0)], 4), x, y, turn), rgb("#22110a"), 4)
    for name in extras:
        if name in {"mint", "lime", "orange", "herb"}:
            put(canvas, name, 10, 0, 92)
    canvas.piece(box(330, 170, 18, 260, corner=9, turn=48), rgb("#cbb27a"), bevel=7, relief=0.9, shadow=14)
    canvas.piece(blob(rng, 238, 252, 52, 34, turn=-42, wobble=0.0), rgb("#cbb27a"), bevel=13, relief=0.8, shadow=12)


def _heart(canvas: Canvas, milk: Colour, tone: Colour) -> None:
    for share, colour in ((1.0, milk), (0.62, mix(tone, milk, 0.35)), (0.42, milk)):
        outline = []
        for step in range(60):
            t = math.tau * step / 60
            outline.append(
                (
                    9.4 * share * 16 * math.sin(t) ** 3 / 1.15,
                    -8.4 * share * (13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 1.05,
                )
            )
        canvas.piece(placed(outline, 0, -6), colour, bevel=10, relief=0.2, shadow=3, dark=0.15)


def _rosetta(canvas: Canvas, milk: Colour) -> None:
    for k in range(8):
        spread = 132 * math.sin(math.pi * (k + 2.4) / 11)
        y = 118 - k * 30
        canvas.strand(
            [(-spread, y - 44), (-spread * 0.5, y - 4), (0, y + 16), (spread * 0.5, y - 4), (spread, y - 44)], milk, 14
        )
    canvas.line([(0, -150), (0, 150)], milk, 12)


DRINKS: dict[str, Callable[[Canvas, Palette, Colour, Sequence[str]], None]] = {"glass": glass, "cup": cup}
