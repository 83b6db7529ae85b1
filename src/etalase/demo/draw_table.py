"""What a dish stands on: tables, cloths and mats, and the plates, bowls and leaves that hold it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from etalase.demo.draw_canvas import OVERSAMPLING, SHADE, WHITE, Canvas, Colour, blob, box, curve, mix, placed, rgb, vary


@dataclass(frozen=True, slots=True)
class Palette:
    """A set of colours that go together: the table's pattern and its two colours, the crockery and its rim."""

    pattern: str
    ground: str
    accent: str
    crockery: str
    rim: str


PALETTES: dict[str, Palette] = {
    "jati": Palette("wood", "#9c6b42", "#6f4526", "#f4eee2", "#d9cdb8"),
    "arang": Palette("wood", "#4a423d", "#322b28", "#e9e2d4", "#c8beac"),
    "pinus": Palette("wood", "#d9b387", "#b98d5f", "#3f5d62", "#2e464a"),
    "kawung": Palette("kawung", "#6b3e26", "#d9a860", "#f5efe0", "#c99a52"),
    "indigo": Palette("kawung", "#24405f", "#7fa3c4", "#f3f1ea", "#3c6b99"),
    "pasar": Palette("gingham", "#f6ece0", "#c9493f", "#fbf8f0", "#2f62a8"),
    "kebun": Palette("gingham", "#f3f0de", "#6f9b62", "#fbf8f0", "#3f7d4a"),
    "langit": Palette("gingham", "#f1f3f3", "#6a9cc0", "#fdfbf5", "#d84b3f"),
    "linen": Palette("linen", "#d8cbb6", "#bfae94", "#8b9a85", "#6f7f6b"),
    "abu": Palette("linen", "#8f989b", "#7a8386", "#f2efe8", "#b9b2a4"),
    "terakota": Palette("linen", "#c9764f", "#b2633f", "#f6ead8", "#e2c6a2"),
    "kunyit": Palette("linen", "#e3b04a", "#cf9a36", "#fffaf0", "#c9493f"),
    "teras": Palette("terrazzo", "#ece4d8", "#c97b5a", "#4d6d73", "#3c565b"),
    "pantai": Palette("terrazzo", "#cfe0dc", "#5f8f8b", "#fdf8ee", "#e59a6a"),
    "mawar": Palette("terrazzo", "#f0d6cd", "#b86a68", "#fdf8f3", "#c98a84"),
    "hutan": Palette("stripes", "#2f5d50", "#3a6d5e", "#f3ead6", "#d6b878"),
    "senja": Palette("stripes", "#e08e62", "#e7a27a", "#fbf3e4", "#7c4a3a"),
    "pandan": Palette("mat", "#c9a86a", "#8f6f3c", "#f7f1e3", "#6f8f4e"),
    "tikar": Palette("mat", "#b98a52", "#7a5429", "#fbf6ea", "#c24a36"),
}


def lay_table(canvas: Canvas, palette: Palette) -> None:
    """Cover the whole picture with the palette's table.

    It is drawn at the picture's final size: it lies behind the dish, so that a little softness is right, and costs a quarter.
    """
    width, height = canvas.image.size
    table = Canvas(f"table {canvas.rng.random()}", width // OVERSAMPLING // 2, height // OVERSAMPLING // 2)
    _PATTERNS[palette.pattern](table, rgb(palette.ground), rgb(palette.accent))
    if table.rng.random() < 0.4:
        palm_shade(table)
    table.glow(-420, -460, 1050, 1050, (255, 244, 222), 0.34)
    table.glow(620, 640, 900, 900, SHADE, 0.42)
    canvas.start_coarse(table.image)


def _tiled(canvas: Canvas, tile: Image.Image, turn: float) -> None:
    reach = int(math.hypot(*canvas.image.size)) + 4
    field = Image.new("RGB", (reach, reach))
    for y in range(0, reach, tile.height):
        for x in range(0, reach, tile.width):
            field.paste(tile, (x, y))
    field = field.rotate(turn, resample=Image.Resampling.BILINEAR)
    left, top = (reach - canvas.image.width) // 2, (reach - canvas.image.height) // 2
    canvas.image.paste(field.crop((left, top, left + canvas.image.width, top + canvas.image.height)))


def _weave(canvas: Canvas, strength: int) -> None:
    """Threads over the cloth: noise drawn out along and across."""
    width, height = canvas.image.size
    for size in ((width // 24, height), (width, height // 24)):
        noise = Image.frombytes("L", size, canvas.rng.randbytes(size[0] * size[1]))
        noise = noise.point(lambda v: 128 + (v - 128) * strength // 128)
        threads = noise.resize((width, height), Image.Resampling.BILINEAR)
        canvas.image = ImageChops.add(canvas.image, Image.merge("RGB", (threads,) * 3), 1, -128)


def _wood(canvas: Canvas, ground: Colour, accent: Colour) -> None:
    rng, (width, height) = canvas.rng, canvas.image.size
    plank = int(250 * canvas.unit)
    offset = rng.randrange(plank)
    for top in range(-offset, height, plank):
        tone = vary(rng, ground, 0.1)
        canvas.image.paste(tone, (0, max(top, 0), width, min(top + plank, height)))
    size = (width // 32, height // 2)
    for strength, across in ((34, 1), (22, 5)):
        noise = Image.frombytes("L", (size[0] // across, size[1]), rng.randbytes(size[0] // across * size[1]))
        grain = noise.resize((width, height), Image.Resampling.BICUBIC).point(lambda v, s=strength: 128 + (v - 128) * s // 128)
        canvas.image = ImageChops.add(canvas.image, Image.merge("RGB", (grain,) * 3), 1, -128)
    draw = ImageDraw.Draw(canvas.image)
    for top in range(-offset, height, plank):
        draw.line((0, top, width, top), fill=mix(accent, SHADE, 0.5), width=3)
        draw.line((0, top + 3, width, top + 3), fill=mix(ground, WHITE, 0.22), width=2)
    if rng.random() < 0.5:
        canvas.image = canvas.image.rotate(90, expand=True).resize((width, height))


def _gingham(canvas: Canvas, ground: Colour, accent: Colour) -> None:
    half = int(canvas.rng.uniform(42, 58) * canvas.unit)
    tile = Image.new("RGB", (2 * half, 2 * half), ground)
    middle = mix(ground, accent, 0.45)
    tile.paste(middle, (0, 0, half, 2 * half))
    tile.paste(middle, (0, 0, 2 * half, half))
    tile.paste(mix(ground, accent, 0.85), (0, 0, half, half))
    _tiled(canvas, tile, canvas.rng.uniform(20, 60))
    _weave(canvas, 12)


def _stripes(canvas: Canvas, ground: Colour, accent: Colour) -> None:
    wide = int(90 * canvas.unit)
    tile = Image.new("RGB", (wide, wide), ground)
    tile.paste(accent, (0, 0, wide // 2, wide))
    tile.paste(mix(accent, WHITE, 0.35), (wide // 2, 0, wide // 2 + wide // 16, wide))
    _tiled(canvas, tile, canvas.rng.uniform(15, 75))
    _weave(canvas, 16)


def _linen(canvas: Canvas, ground: Colour, accent: Colour) -> None:
    canvas.image.paste(ground, (0, 0, *canvas.image.size))
    _weave(canvas, 30)
    rng = canvas.rng
    for _ in range(3):  # folds
        x, y, turn = rng.uniform(-500, 500), rng.uniform(-500, 500), rng.uniform(20, 70)
        canvas.glow(x, y, 620, 46, accent, 0.75, turn=turn)
        canvas.glow(x - 22, y + 22, 620, 30, mix(ground, WHITE, 0.5), 0.5, turn=turn)


def _terrazzo(canvas: Canvas, ground: Colour, accent: Colour) -> None:
    canvas.image.paste(ground, (0, 0, *canvas.image.size))
    rng = canvas.rng
    chips = [accent, mix(accent, WHITE, 0.5), mix(ground, SHADE, 0.35), mix(ground, WHITE, 0.7)]
    reach = 520 * max(canvas.image.size) / min(canvas.image.size)
    for _ in range(330):
        size = rng.uniform(4, 19)
        place = rng.uniform(-reach, reach), rng.uniform(-reach, reach)
        canvas.flat(
            blob(rng, *place, size, size * rng.uniform(0.5, 1), turn=rng.uniform(0, 180), wobble=0.35), rng.choice(chips)
        )


def _kawung(canvas: Canvas, ground: Colour, accent: Colour) -> None:
    """Batik: four petals around a point, as on Javanese cloth."""
    side = int(canvas.rng.uniform(105, 135) * canvas.unit)
    tile = Image.new("RGB", (side, side), ground)
    petal = Image.new("L", (side * 2, side * 2))
    draw = ImageDraw.Draw(petal)
    centre, long, wide = side, side * 0.86, side * 0.44
    draw.ellipse((centre - wide / 1.0, centre - long, centre + wide / 1.0, centre - side * 0.06), fill=255)
    draw.ellipse((centre - wide / 1.45, centre - long * 0.88, centre + wide / 1.45, centre - side * 0.19), fill=70)
    draw.ellipse((centre - wide / 5, centre - long * 0.66, centre + wide / 5, centre - side * 0.42), fill=230)
    petal = petal.reduce(2)
    for angle in (45, 135, 225, 315):
        tile.paste(accent, (0, 0), petal.rotate(angle, resample=Image.Resampling.BILINEAR))
    dot = side * 0.045
    brush = ImageDraw.Draw(tile)
    for x, y in ((side / 2, 2), (side / 2, side - 2), (2, side / 2), (side - 2, side / 2)):
        brush.ellipse((x - dot, y - dot, x + dot, y + dot), fill=accent)
    _tiled(canvas, tile, canvas.rng.choice((0, 45, 12)))
    _weave(canvas, 12)


def _mat(canvas: Canvas, ground: Colour, accent: Colour) -> None:
    """A mat plaited of pandan leaves: over two, under two."""
    cell = int(34 * canvas.unit)
    tile = Image.new("RGB", (4 * cell, 4 * cell), mix(accent, SHADE, 0.4))
    draw = ImageDraw.Draw(tile)
    for row in range(4):
        for column in range(4):
            across = (row + column) % 4 < 2
            x, y, gap = column * cell, row * cell, max(1, cell // 14)
            tone = mix(ground, accent, 0.0 if across else 0.4)
            draw.rectangle((x + gap, y + gap, x + cell - gap, y + cell - gap), fill=tone)
            for stripe in (round(cell * share) for share in (0.3, 0.6, 0.8)):
                line = (x + gap, y + stripe, x + cell - gap, y + stripe)
                if not across:
                    line = (x + stripe, y + gap, x + stripe, y + cell - gap)
                draw.line(line, fill=mix(tone, accent, 0.35), width=1)
    _tiled(canvas, tile, 45)
    _weave(canvas, 10)


_PATTERNS: dict[str, Callable[[Canvas, Colour, Colour], None]] = {
    "wood": _wood,
    "gingham": _gingham,
    "stripes": _stripes,
    "linen": _linen,
    "terrazzo": _terrazzo,
    "kawung": _kawung,
    "mat": _mat,
}


def palm_shade(canvas: Canvas) -> None:
    """The shadow of a palm frond that hangs out of sight, soft over everything drawn so far."""
    rng, small = canvas.rng, 200
    frond = Image.new("L", (small, small))
    draw = ImageDraw.Draw(frond)
    spine = curve([(-10, 30), (60, 42), (130, 85), (175, 150)], 7)
    for index, (x, y) in enumerate(spine[2:], 2):
        for side in (-1, 1):
            length = 62 * math.sin(math.pi * (index + 3) / (len(spine) + 8))
            angle = math.radians(32 + side * 52 + index * 0.6)
            tip = (x + length * math.cos(angle), y + length * math.sin(angle))
            across = (-math.sin(angle) * 2.6, math.cos(angle) * 2.6)
            middle = (x + (tip[0] - x) * 0.45, y + (tip[1] - y) * 0.45)
            draw.polygon(
                [(x, y), (middle[0] + across[0], middle[1] + across[1]), tip, (middle[0] - across[0], middle[1] - across[1])],
                fill=90,
            )
    frond = frond.rotate(rng.choice((0, 90, 180)) + rng.uniform(-14, 14)).filter(ImageFilter.GaussianBlur(2.2))
    canvas.image.paste((30, 26, 44), (0, 0), frond.resize(canvas.image.size, Image.Resampling.BICUBIC).point(lambda v: v * 0.6))


# Crockery -------------------------------------------------------------------------------------------------------------


def plate(canvas: Canvas, palette: Palette, radius: float = 415, style: str = "") -> None:
    """A plate seen from above; its well ends at 0.72 of the radius."""
    rng = canvas.rng
    style = style or rng.choice(("plain", "stone", "enamel"))
    body, rim = rgb(palette.crockery), rgb(palette.rim)
    well = radius * 0.73
    with canvas.coarsely():
        canvas.disc(14, 20, radius * 0.99, mix(body, SHADE, 0.4), shadow=40, dark=0.55, bevel=0)
        canvas.disc(0, 0, radius, rim if style == "enamel" else body, shadow=16, dark=0.4, bevel=16, relief=0.6)
        canvas.disc(0, 0, radius * 0.965, body, shadow=0, bevel=18, relief=0.25)
        canvas.disc(0, 0, well * 1.03, mix(body, WHITE, 0.5), shadow=0, bevel=0)
        canvas.disc(0, 0, well, mix(body, SHADE, 0.07), shadow=0, bevel=0)
        sunk(canvas, well, 0.32)
        canvas.glow(60, 70, well * 0.95, well * 0.95, WHITE, 0.25)
    if style == "plain":
        for share, width in ((0.93, 5), (0.9, 2)):
            ring(canvas, radius * share, rim, width)
    if style == "stone":
        tone = mix(body, SHADE, 0.45)
        canvas.dots(canvas.inside(150, 0, 0, radius * 0.95, radius * 0.95), [tone, mix(body, rim, 0.6)], (1.2, 2.8))
    gleam(canvas, radius * 0.86)


def bowl(canvas: Canvas, palette: Palette, inside: Colour, radius: float = 400) -> float:
    """A bowl seen from above, filled to 0.84 of its radius with ``inside``; returns the radius of what is in it."""
    body, rim = rgb(palette.crockery), rgb(palette.rim)
    filled = radius * 0.85
    with canvas.coarsely():
        canvas.disc(22, 30, radius * 0.98, mix(body, SHADE, 0.5), shadow=52, dark=0.6, bevel=0)
        canvas.disc(0, 0, radius, body, shadow=14, bevel=14, relief=0.7)
        canvas.disc(0, 0, radius * 0.93, mix(body, SHADE, 0.16), shadow=0, bevel=0)
        sunk(canvas, radius * 0.93, 0.5)
        canvas.disc(0, 0, filled, mix(inside, SHADE, 0.25), shadow=0, bevel=0)
        canvas.disc(3, 4, filled * 0.985, inside, shadow=0, bevel=0)
        canvas.glow(70, 80, filled * 0.95, filled * 0.95, mix(inside, WHITE, 0.55), 0.45)
        sunk(canvas, filled, 0.3)
    ring(canvas, radius * 0.965, rim, 9)
    gleam(canvas, radius * 0.965)
    return filled


def ring(canvas: Canvas, radius: float, colour: Colour, width: float) -> None:
    """A thin painted circle."""
    canvas.line(
        [(radius * math.cos(a * math.tau / 120), radius * math.sin(a * math.tau / 120)) for a in range(122)], colour, width
    )


def sunk(canvas: Canvas, radius: float, strength: float, x: float = 0, y: float = 0) -> None:
    """Shade inside a hollow: dark where the wall stands between it and the light."""
    coarse = 4
    reach = max(1, round(radius * canvas.scale / coarse)) * coarse
    fine = Image.new("L", (4 * reach, 4 * reach))
    ImageDraw.Draw(fine).ellipse((0, 0, 4 * reach - 1, 4 * reach - 1), fill=255)
    hole = fine.reduce(2)
    low = hole.reduce(coarse)
    move = max(1, round(radius * 0.075 * canvas.scale / coarse))
    lit = Image.new("L", low.size, 0)
    lit.paste(low, (move, move))
    lit = ImageChops.invert(lit.filter(ImageFilter.GaussianBlur(move * 1.3)))
    shade = ImageChops.multiply(lit.resize(hole.size, Image.Resampling.BILINEAR), hole)
    ((px, py),) = canvas.pixels([(x, y)])
    canvas.image.paste(SHADE, (round(px) - reach, round(py) - reach), shade.point(lambda v: v * strength))


def gleam(canvas: Canvas, radius: float) -> None:
    """Two arcs of light on a glazed rim."""
    was, canvas.turn = canvas.turn, 0.0
    for start, end in ((200, 245), (250, 258)):
        arc = [(radius * math.cos(math.radians(a)), radius * math.sin(math.radians(a))) for a in range(start, end, 2)]
        canvas.line(arc, mix(WHITE, (255, 250, 240), 0.5), 5)
    canvas.turn = was


def leaf_sheet(canvas: Canvas, x: float, y: float, width: float, height: float, turn: float = 0.0) -> None:
    """A cut of banana leaf: midrib along its length, fine veins across."""
    rng = canvas.rng
    green = vary(rng, rgb("#4f8f3f"), 0.12)
    edge = box(0, 0, width, height, corner=26)
    edge = [(px + rng.uniform(-4, 4), py + rng.uniform(-4, 4)) for px, py in edge]
    canvas.piece(placed(edge, x, y, turn), green, bevel=10, relief=0.4, shadow=14, dark=0.45)
    veins(canvas, x, y, width, height, turn, green)


def veins(canvas: Canvas, x: float, y: float, width: float, height: float, turn: float, green: Colour) -> None:
    """The midrib and veins of a banana leaf within an oblong."""
    rng = canvas.rng
    for index in range(int(width / 11)):
        vx = -width / 2 + 10 + index * 11
        tone = mix(green, WHITE, rng.uniform(0.08, 0.2)) if index % 2 else mix(green, SHADE, rng.uniform(0.1, 0.25))
        for side in (-1, 1):
            canvas.line(placed([(vx, side * 5), (vx + height * 0.11, side * (height / 2 - 6))], x, y, turn), tone, 2.2)
    canvas.line(placed([(-width / 2 + 4, 0), (width / 2 - 4, 0)], x, y, turn), mix(green, (225, 235, 150), 0.55), 9)


def leaf_round(canvas: Canvas, radius: float) -> None:
    """A round of banana leaf, as it lines a rattan plate."""
    rng = canvas.rng
    green = vary(rng, rgb("#4f8f3f"), 0.12)
    with canvas.coarsely():
        canvas.piece(blob(rng, 0, 0, radius, radius, wobble=0.015), green, bevel=12, relief=0.5, shadow=8)
    turn = rng.uniform(0, 180)
    for index in range(int(2 * radius / 12)):
        vx = -radius + 8 + index * 12
        for side in (-1, 1):
            end = math.sqrt(max(0.0, (radius - 8) ** 2 - vx**2))
            tone = mix(green, WHITE, 0.14) if index % 2 else mix(green, SHADE, 0.18)
            canvas.line(placed([(vx, side * 4), (vx, side * end)], 0, 0, turn), tone, 2.4)
    canvas.line(placed([(-radius + 8, 0), (radius - 8, 0)], 0, 0, turn), mix(green, (225, 235, 150), 0.55), 9)
    canvas.glow(-90, -120, radius * 0.8, radius * 0.6, WHITE, 0.18)


def rattan(canvas: Canvas, radius: float = 420) -> None:
    """A plate plaited of rattan (ingke), lined with banana leaf."""
    straw = rgb("#c08a4a")
    with canvas.coarsely():
        canvas.disc(14, 20, radius, mix(straw, SHADE, 0.6), shadow=40, dark=0.55, bevel=0)
        canvas.disc(0, 0, radius, mix(straw, SHADE, 0.25), shadow=10, bevel=20)
    count = 84
    for index in range(count):
        for lean, share in ((9, 0.985), (-9, 0.9)):
            a, b = math.radians(index * 360 / count), math.radians(index * 360 / count + lean)
            inner, outer = radius * (share - 0.1), radius * share
            tone = vary(canvas.rng, straw, 0.14)
            canvas.strand([(inner * math.cos(a), inner * math.sin(a)), (outer * math.cos(b), outer * math.sin(b))], tone, 10)
    leaf_round(canvas, radius * 0.84)


def board(canvas: Canvas, tone: str = "#a8743f") -> None:
    """A wooden board with a handle hole."""
    wood = rgb(tone)
    with canvas.coarsely():
        canvas.piece(box(0, 0, 860, 640, corner=70), wood, bevel=16, shadow=34, dark=0.55)
    rng = canvas.rng
    for index in range(26):
        y = -296 + index * 23.6
        sway = [(px, y + rng.uniform(-7, 7)) for px in (-405, -200, 0, 200, 405)]
        canvas.line(curve(sway), mix(wood, SHADE if index % 2 else WHITE, rng.uniform(0.05, 0.2)), rng.uniform(2, 6))


def cobek(canvas: Canvas) -> None:
    """A mortar of volcanic stone, which comes to the table itself."""
    stone = rgb("#4c4a4a")
    with canvas.coarsely():
        canvas.disc(20, 28, 415, SHADE, shadow=50, dark=0.6, bevel=0)
        canvas.disc(0, 0, 415, stone, bevel=26, relief=0.6)
        canvas.disc(0, 0, 345, mix(stone, SHADE, 0.35), shadow=0, bevel=0)
        sunk(canvas, 345, 0.6)
    canvas.dots(canvas.inside(420, 0, 0, 405, 405), [rgb("#6c6967"), rgb("#343131"), rgb("#7d7976")], (1.5, 4.5))


def cutlery(canvas: Canvas, kind: str, side: int = 1) -> None:
    """A spoon and fork, or chopsticks, beside the dish."""
    rng = Random(canvas.rng.random())
    x = 462 * side
    if kind == "chopsticks":
        wood = rgb("#5b2f1c")
        for gap, lean in ((0, 4), (24, 7)):
            canvas.piece(box(x - gap, 0, 13, 760, corner=6, turn=lean), wood, bevel=6, shadow=12)
            canvas.piece(box(x - gap + 22, -310, 13, 120, corner=6, turn=lean), rgb("#c9a24a"), bevel=5, shadow=0)
        return
    metal = rgb("#cfcac2") if rng.random() < 0.6 else rgb("#c9a35c")
    canvas.piece(box(x, 130, 20, 440, corner=9), metal, bevel=7, relief=0.9, shadow=12)
    canvas.piece(blob(rng, x, -150, 46, 78, wobble=0.0), metal, bevel=12, relief=0.8, shadow=12)
    canvas.piece(blob(rng, x, -150, 36, 66, wobble=0.0), mix(metal, SHADE, 0.22), bevel=0, shadow=0)
    canvas.glow(x + 10, -125, 30, 44, WHITE, 0.6)
