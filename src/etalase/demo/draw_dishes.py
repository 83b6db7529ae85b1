"""Whole dishes, laid out from the larder: rice, noodles, soups, sate, grills, salads, bites and cakes.

Every dish is a function of the canvas, the palette, the colour of its main part and the names of what comes with it.
"""

import math
from collections.abc import Callable, Sequence

from etalase.demo.draw_canvas import SHADE, WHITE, Canvas, Colour, Point, blob, box, curve, mix, placed, rgb, vary
from etalase.demo.draw_food import citrus, put
from etalase.demo.draw_heaps import broth, dome, noodles, rice, sauce
from etalase.demo.draw_meat import drumstick, fish, skewer
from etalase.demo.draw_table import Palette, board, bowl, cobek, cutlery, leaf_round, leaf_sheet, plate, rattan

Dish = Callable[[Canvas, Palette, Colour, Sequence[str]], None]

FRIED_BITS = ("#6fa544", "#e98a35", "#f3c84e", "#c2452d", "#7c4a26")


def around(canvas: Canvas, names: Sequence[str], reach: float, start: float, span: float, size: float) -> None:
    """Put the garnishes on an arc of ``span`` degrees."""
    steps = max(1, len(names) - (span < 360))
    for index, name in enumerate(names):
        angle = math.radians(start + span * index / steps + canvas.rng.uniform(-5, 5))
        put(canvas, name, reach * math.cos(angle), reach * math.sin(angle), size)


def crockery(canvas: Canvas, palette: Palette) -> None:
    """A plate or a lined rattan plate, by chance."""
    if canvas.rng.random() < 0.36:
        rattan(canvas)
        return
    plate(canvas, palette)
    if canvas.rng.random() < 0.4:
        leaf_round(canvas, 318)


def fried_rice(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    crockery(canvas, palette)
    canvas.nearer(1.2)
    sides = [name for name in extras if name != "fried egg"]
    around(canvas, sides[: (len(sides) + 1) // 2], 238, 95, 95, 88)
    rice(canvas, 30, -35, 212, 205, tone, FRIED_BITS)
    around(canvas, sides[(len(sides) + 1) // 2 :], 205, -20, 80, 82)
    if "fried egg" in extras:
        put(canvas, "fried egg", 15, -70, 122)
        canvas.dots(canvas.inside(24, 15, -70, 100, 90), [rgb("#3a2a20"), rgb("#5d8f3a")], (1.5, 3))


def plain_rice(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    """A mound of rice with its side dishes all around (nasi campur)."""
    crockery(canvas, palette)
    canvas.nearer(1.22)
    around(canvas, extras, 215, 150, 360 - 360 / max(1, len(extras)), 92)
    rice(canvas, -10, -15, 138, 134, tone)
    put(canvas, "shallots", -20, -30, 52)


def noodle_plate(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    plate(canvas, palette)
    canvas.nearer(1.22)
    noodles(canvas, 0, 0, 250, tone)
    top = [name for name in extras if name != "fried egg"]
    around(canvas, top, 142, canvas.rng.uniform(0, 90), 360, 76)
    if "fried egg" in extras:
        put(canvas, "fried egg", 0, -10, 115)
    put(canvas, "spring onion", 20, 10, 130)


def noodle_bowl(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    radius = bowl(canvas, palette, tone)
    broth(canvas, radius, tone)
    canvas.nearer(1.25)
    noodles(canvas, -20, 15, 225, rgb("#f0cd7a"), 13, 80)
    around(canvas, extras, 165, canvas.rng.uniform(180, 260), 360, 92)
    put(canvas, "spring onion", 0, 0, 170)


def soup(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    radius = bowl(canvas, palette, tone)
    broth(canvas, radius, tone)
    canvas.nearer(1.32)
    half = (len(extras) + 1) // 2
    around(canvas, extras[:half], 175, canvas.rng.uniform(90, 180), 360, 108)
    around(canvas, extras[half:], 75, canvas.rng.uniform(0, 90), 360, 84)
    for x, y in canvas.inside(14, 0, 0, radius * 0.8, radius * 0.8):  # half sunk, so the broth shines over it
        canvas.disc(x, y, canvas.rng.uniform(6, 15), mix(tone, (255, 224, 150), 0.5), bevel=4, relief=0.5, shadow=0, alpha=0.5)
    put(canvas, "spring onion", 0, 0, 190)


def stew(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    """Pieces in a thick sauce; the first extra is what is stewed."""
    bowl(canvas, palette, mix(tone, SHADE, 0.1))
    sauce(canvas, 0, 0, 318, 315, tone)
    canvas.nearer(1.24)
    for angle in range(0, 360, 72):
        put(canvas, extras[0], 165 * math.cos(math.radians(angle)), 160 * math.sin(math.radians(angle)), 104)
    put(canvas, extras[0], 0, 0, 104)
    for x, y in canvas.inside(9, 0, 0, 230, 230):
        sauce(
            canvas,
            x,
            y,
            canvas.rng.uniform(22, 50),
            canvas.rng.uniform(16, 32),
            mix(tone, SHADE, 0.06),
            turn=canvas.rng.uniform(0, 180),
        )
    around(canvas, extras[1:], 120, canvas.rng.uniform(0, 360), 360, 70)
    put(canvas, "shallots", 10, 0, 120)


def sate(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    rng = canvas.rng
    if rng.random() < 0.5:
        rattan(canvas)
    else:
        plate(canvas, palette)
        leaf_round(canvas, 322)
    code = f"#{tone[0]:02x}{tone[1]:02x}{tone[2]:02x}"
    canvas.nearer(1.18)
    around(canvas, extras, 222, 75, 65, 78)
    for index in range(6):
        skewer(canvas, -20 + index * 9, -215 + index * 58, 100, code, -16 + rng.uniform(-4, 4), 5)
    if "lime" not in extras:
        peanut = rgb("#b9783a") if tone[0] > 110 else rgb("#2e150c")
        sauce(canvas, -80, -70, 165, 46, peanut, turn=78)
        sauce(canvas, -60, 25, 70, 36, peanut, turn=20)
    put(canvas, "shallots", -75, -50, 110)


def main_course(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    """One big piece (the first extra: fish, chicken, ribs or duck) with its sides."""
    base, rng = extras[0], canvas.rng
    if base == "fish":
        board(canvas)
        leaf_sheet(canvas, 0, 0, 800, 480, rng.uniform(-4, 4))
    elif base == "cobek":
        cobek(canvas)
    else:
        crockery(canvas, palette)
    code = f"#{tone[0]:02x}{tone[1]:02x}{tone[2]:02x}"
    canvas.nearer(1.18 if base != "fish" else 1.1)
    around(canvas, extras[1:], 215 if base != "fish" else 232, 30, 122 if base != "fish" else 100, 88)
    if base == "fish":
        fish(canvas, -30, -50, 205, code)
    elif base == "ribs":
        for index in range(4):
            x = -150 + index * 78
            canvas.piece(box(x + 4, -190, 26, 120, corner=12, turn=-6), rgb("#efe0c2"), bevel=9, shadow=12)
            canvas.piece(
                box(x, -40, 74, 250, corner=24, turn=-6), vary(rng, tone, 0.12), bevel=26, relief=0.7, shadow=18, dark=0.55
            )
            for y in (-120, -60, 0, 55):
                canvas.line([(x - 30, y + 14), (x + 30, y - 6)], mix(tone, SHADE, 0.6), 8)
            canvas.grains(canvas.inside(8, x, -40, 26, 100), rgb("#fbf1d4"), 12)
            canvas.glow(x - 14, -70, 16, 80, (255, 220, 180), 0.6, turn=-6)
    else:
        drumstick(canvas, -70, -95, 165, code, 14)
        drumstick(canvas, -60, 60, 138, code, -28)
    if base == "cobek":
        sauce(canvas, -40, -40, 120, 70, rgb("#b02a1c"), turn=-10)
        put(canvas, "chili rings", -40, -40, 80)


def salad(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    """Vegetables under peanut dressing (the tone)."""
    crockery(canvas, palette)
    canvas.nearer(1.2)
    canvas.piece(blob(canvas.rng, 0, 0, 245, 240), rgb("#3c6b34"), bevel=30, shadow=20)
    around(canvas, [*extras, *extras[:2]], 168, canvas.rng.uniform(0, 60), 360, 98)
    around(canvas, extras[:3], 60, 20, 360, 84)
    sauce(canvas, -5, 0, 128, 110, tone, turn=canvas.rng.uniform(0, 180))
    for angle in (20, 110, 200, 290):
        x, y = 130 * math.cos(math.radians(angle)), 120 * math.sin(math.radians(angle))
        sauce(canvas, x, y, 56, 34, tone, turn=angle)
    put(canvas, "peanuts", 0, 0, 60)
    put(canvas, "cracker", 150, -165, 88)
    put(canvas, "shallots", 0, 0, 110)
    put(canvas, "chili", -60, 40, 62)


def rice_bowl(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    """A deep bowl of rice, covered in sectors; the first extra is its best and comes twice as large."""
    radius = bowl(canvas, palette, mix(tone, SHADE, 0.2))
    rice(canvas, 0, 0, radius * 0.93, radius * 0.93, tone)
    canvas.nearer(1.22)
    around(canvas, extras[1:], 185, 0, 235, 88)
    put(canvas, extras[0], -30, -90, 150)
    put(canvas, "sesame", -20, -60, 105)


# Bites and cakes --------------------------------------------------------------------------------------------------------


def _roll(canvas: Canvas, x: float, y: float, tone: Colour, turn: float) -> None:
    canvas.piece(box(x, y, 220, 76, corner=30, turn=turn), tone, bevel=32, relief=0.75, shadow=18, dark=0.5)
    for k in (-70, -20, 36, 76):
        canvas.line(placed(curve([(k, -30), (k + 12, 0), (k, 30)], 4), x, y, turn), mix(tone, SHADE, 0.2), 3)
    canvas.glow(x - 8, y - 16, 80, 12, WHITE, 0.5, turn=turn)


def _ball(canvas: Canvas, x: float, y: float, tone: Colour, turn: float) -> None:
    del turn
    dome(canvas, x, y, 70, vary(canvas.rng, tone, 0.05), shine=0.45)
    canvas.grains(canvas.inside(60, x - 4, y - 6, 58, 56), mix(tone, rgb("#fff4d8"), 0.85), 13)


def _fritter(canvas: Canvas, x: float, y: float, tone: Colour, turn: float) -> None:
    rng = canvas.rng
    canvas.piece(blob(rng, x, y, 128, 54, turn=turn, wobble=0.12), tone, bevel=26, relief=0.7, shadow=18, dark=0.5)
    spots = iter(placed(list(canvas.inside(46, 0, 0, 105, 40)), x, y, turn))
    canvas.dots(spots, [mix(tone, WHITE, 0.3), mix(tone, SHADE, 0.25), mix(tone, (255, 210, 110), 0.5)], (3, 9))


def _slice(canvas: Canvas, x: float, y: float, tone: Colour, turn: float) -> None:
    """A slab of layered cake."""
    canvas.piece(box(x, y, 178, 150, corner=10, turn=turn), tone, bevel=9, relief=0.5, shadow=20, dark=0.5)
    for index in range(9):
        shade = (tone, rgb("#fff1d6"), mix(tone, rgb("#e8577a"), 0.6))[index % 3]
        canvas.piece(placed(box(0, -60 + index * 15, 168, 15, corner=3), x, y, turn), shade, bevel=3, relief=0.3, shadow=0)


def _square(canvas: Canvas, x: float, y: float, tone: Colour, turn: float) -> None:
    """A square of toast, brownie or pudding with a lighter top."""
    canvas.piece(box(x, y, 160, 156, corner=24, turn=turn), mix(tone, SHADE, 0.35), bevel=14, shadow=22, dark=0.5)
    canvas.piece(box(x - 4, y - 6, 142, 136, corner=20, turn=turn), tone, bevel=20, relief=0.5, shadow=0)
    for k in range(4):
        path: list[Point] = [(-60, -45 + k * 30), (-20, -30 + k * 30), (20, -50 + k * 30), (60, -34 + k * 30)]
        canvas.strand(placed(path, x, y, turn), rgb("#4a2414"), 7)


def _wedge(canvas: Canvas, x: float, y: float, tone: Colour, turn: float) -> None:
    """A piece of filled pancake (martabak), cut."""
    canvas.piece(box(x, y, 190, 118, corner=16, turn=turn), tone, bevel=16, relief=0.6, shadow=20, dark=0.5)
    canvas.piece(placed(box(0, 44, 180, 22, corner=8), x, y, turn), rgb("#f7e3ac"), bevel=6, shadow=0)
    canvas.piece(placed(box(0, 50, 176, 8, corner=4), x, y, turn), rgb("#4b2513"), bevel=3, shadow=0)
    spots = iter(placed(list(canvas.inside(40, 0, -10, 82, 36)), x, y, turn))
    canvas.dots(spots, [mix(tone, SHADE, 0.3), mix(tone, SHADE, 0.18)], (2, 6))


def _dumpling(canvas: Canvas, x: float, y: float, tone: Colour, turn: float) -> None:
    canvas.piece(blob(canvas.rng, x, y, 74, 70, turn=turn, wobble=0.05), tone, bevel=28, relief=0.7, shadow=18, dark=0.5)
    for k in range(10):
        a = k * math.tau / 10
        ridge = [(x + r * math.cos(a + r / 130), y + r * math.sin(a + r / 130)) for r in (26, 44, 66)]
        canvas.strand(ridge, mix(tone, WHITE, 0.25), 6)
    dome(canvas, x, y, 26, rgb("#e58a4a"), shine=0.5)


def _parcel(canvas: Canvas, x: float, y: float, tone: Colour, turn: float) -> None:
    """Something wrapped in banana leaf and pinned at both ends."""
    canvas.piece(box(x, y, 285, 104, corner=20, turn=turn), tone, bevel=30, relief=0.7, shadow=22, dark=0.55)
    for k in range(-4, 5):
        shade = mix(tone, SHADE if k % 2 else WHITE, 0.2)
        canvas.line(placed([(-132, k * 10.5), (132, k * 10.5 + 4)], x, y, turn), shade, 2.6)
    for end in (-1, 1):
        spot: list[Point] = [(end * 104, -46), (end * 104, 46)]
        canvas.strand(placed(spot, x, y, turn), rgb("#e0c088"), 8)
        canvas.glow(*placed([(end * 80, 10)], x, y, turn)[0], 40, 26, (60, 34, 10), 0.5)


def _cone(canvas: Canvas, x: float, y: float, tone: Colour, turn: float) -> None:
    """A scoop of ice cream."""
    del turn
    rng = canvas.rng
    canvas.piece(blob(rng, x, y, 92, 88, wobble=0.07), vary(rng, tone, 0.1), bevel=48, relief=0.7, shadow=20)
    canvas.dots(canvas.inside(40, x, y, 76, 72), [mix(tone, WHITE, 0.35), mix(tone, SHADE, 0.15)], (2, 6))
    canvas.glow(x - 28, y - 32, 40, 30, WHITE, 0.6)


_BITES: dict[str, tuple[Callable[[Canvas, float, float, Colour, float], None], Sequence[Point]]] = {
    "roll": (_roll, ((-120, -150), (-95, -55), (-120, 40), (-90, 135), (120, -95), (110, 5))),
    "ball": (_ball, ((-150, -110), (0, -150), (150, -110), (-160, 45), (-10, 0), (140, 45), (-70, 160), (75, 165))),
    "fritter": (_fritter, ((-110, -150), (105, -120), (-90, -40), (115, 0), (-110, 75), (60, 120), (-30, 185))),
    "slice": (_slice, ((-110, -100), (100, -110), (-100, 85), (110, 80))),
    "square": (_square, ((-100, -100), (95, -110), (-95, 90), (100, 85))),
    "wedge": (_wedge, ((-110, -160), (105, -150), (-105, -25), (110, -15), (-100, 110), (110, 120))),
    "dumpling": (_dumpling, ((-150, -60), (0, -150), (150, -70), (-90, 95), (70, 85), (0, -25))),
    "parcel": (_parcel, ((-20, -140), (20, 0), (-20, 140))),
    "scoop": (_cone, ((-90, 40), (90, 45), (0, -95))),
}


def bites(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    """Several of a kind: the first extra names the shape, the others lie beside or on top."""
    rng, (draw, places) = canvas.rng, _BITES[extras[0]]
    ground = rng.choice(("plate", "leaf", "board", "rattan"))
    if extras[0] == "scoop":
        bowl(canvas, palette, mix(tone, WHITE, 0.5), 350)
    elif ground == "leaf":
        plate(canvas, palette)
        leaf_round(canvas, 318)
    elif ground == "board":
        board(canvas)
        leaf_sheet(canvas, 0, 0, 690, 500, rng.uniform(-5, 5))
    elif ground == "rattan":
        rattan(canvas)
    else:
        plate(canvas, palette)
    canvas.nearer(1.2 if ground != "board" else 1.08)
    lean = rng.choice((-24, -8, 10, 22))
    dips = [name for name in extras[1:] if name.startswith("sambal")]
    if dips:
        put(canvas, dips[0], 205, 175, 88)
    for x, y in places:
        if dips and x > 60 and y > 60:
            continue
        draw(canvas, x + rng.uniform(-7, 7), y + rng.uniform(-7, 7), vary(rng, tone, 0.06), lean + rng.uniform(-8, 8))
    for index, name in enumerate(n for n in extras[1:] if n not in dips):
        put(canvas, name, (-190, 30, 190)[index % 3], (190, -10, -190)[index % 3], 78)


def ice_bowl(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    """Shaved ice with fruit, syrup and milk."""
    rng = canvas.rng
    bowl(canvas, palette, mix(tone, rgb("#fff1e6"), 0.72))
    canvas.nearer(1.2)
    around(canvas, extras, 205, rng.uniform(0, 90), 360, 92)
    canvas.piece(blob(rng, 0, -10, 175, 165, wobble=0.08), rgb("#eef4f6"), bevel=70, relief=0.6, shadow=20)
    canvas.grains(canvas.inside(420, 0, -12, 160, 150), rgb("#f8fcff"), 19)
    sauce(canvas, 0, -30, 92, 74, tone, chunky=False)
    for k in range(9):
        angle = math.tau * k / 9
        path = [
            (r * math.cos(angle + r / 700), -25 + r * 0.95 * math.sin(angle + r / 700)) for r in (50, 95, rng.uniform(110, 150))
        ]
        canvas.strand(curve(path, 4), tone, rng.uniform(14, 24))
    canvas.glow(0, -30, 80, 60, mix(tone, WHITE, 0.2), 0.7)
    canvas.glow(-50, -70, 110, 90, WHITE, 0.5)
    put(canvas, "mint", 10, -30, 62)


def porridge(canvas: Canvas, palette: Palette, tone: Colour, extras: Sequence[str]) -> None:
    """Porridge, savoury or sweet: a smooth bowl with its toppings in heaps."""
    radius = bowl(canvas, palette, tone)
    for x, y in canvas.inside(16, 0, 0, radius * 0.75, radius * 0.75):
        canvas.piece(
            blob(canvas.rng, x, y, 60, 30, turn=canvas.rng.uniform(0, 180)),
            mix(tone, WHITE, 0.2),
            bevel=26,
            relief=0.3,
            shadow=0,
            alpha=0.5,
        )
    canvas.nearer(1.25)
    around(canvas, extras, 150, canvas.rng.uniform(0, 90), 360, 96)


DISHES: dict[str, Dish] = {
    "fried rice": fried_rice,
    "plain rice": plain_rice,
    "noodle plate": noodle_plate,
    "noodle bowl": noodle_bowl,
    "soup": soup,
    "stew": stew,
    "sate": sate,
    "main": main_course,
    "salad": salad,
    "rice bowl": rice_bowl,
    "bites": bites,
    "ice bowl": ice_bowl,
    "porridge": porridge,
}


def beside(canvas: Canvas, *, sweet: bool) -> None:
    """What lies on the table next to the dish: no lime or chili by a cake."""
    rng = canvas.rng
    kind = rng.choice(("spoon", "none", "spoon") if sweet else ("spoon", "chopsticks", "lime", "herb", "none", "spoon"))
    side = rng.choice((-1, 1))
    if kind in {"spoon", "chopsticks"}:
        cutlery(canvas, kind, side)
    elif kind == "lime":
        citrus(canvas, 425 * side, 425, 82)
        citrus(canvas, 385 * side, 330 - 800 * rng.random(), 70)
    elif kind == "herb":
        put(canvas, "basil", 430 * side, -400, 92)
        put(canvas, "chili", 420 * side, 410, 74)
