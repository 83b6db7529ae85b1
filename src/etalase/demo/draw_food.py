"""The larder: every vegetable, herb and side dish by its name.

A garnish is drawn by ``put(canvas, name, x, y, size)``; ``GARNISHES`` lists the names.
"""

import math
from collections.abc import Callable
from functools import partial

from etalase.demo.draw_canvas import SHADE, WHITE, Canvas, Point, blob, box, curve, mix, placed, rgb, vary
from etalase.demo.draw_heaps import dome, sauce
from etalase.demo.draw_meat import boiled_egg, chunks, clams, drumstick, fried_egg, meatballs, salmon, shrimp

Drawer = Callable[[Canvas, float, float, float], None]


def cucumber(canvas: Canvas, x: float, y: float, s: float) -> None:
    rng = canvas.rng
    for index in range(4):
        cx, cy, r = x + (index - 1.5) * s * 0.5, y + rng.uniform(-0.1, 0.1) * s + (index % 2) * s * 0.12, s * 0.5
        canvas.disc(cx, cy, r, rgb("#4f8a3c"), bevel=6, shadow=9)
        canvas.disc(cx - 1, cy - 1, r * 0.86, rgb("#d9edb4"), bevel=6, relief=0.3, shadow=0)
        canvas.disc(cx - 1, cy - 1, r * 0.5, rgb("#c3e096"), bevel=4, relief=0.3, shadow=0)
        for k in range(7):
            a = k * math.tau / 7 + index
            canvas.flat(
                blob(rng, cx + r * 0.34 * math.cos(a), cy + r * 0.34 * math.sin(a), 5, 2.6, turn=math.degrees(a)),
                rgb("#f3f8dc"),
            )


def tomato(canvas: Canvas, x: float, y: float, s: float) -> None:
    rng = canvas.rng
    for index in range(3):
        cx, cy, r = x + (index - 1) * s * 0.62, y + (index % 2) * s * 0.16, s * 0.52
        canvas.disc(cx, cy, r, rgb("#c93a2b"), bevel=7, shadow=9)
        canvas.disc(cx, cy, r * 0.86, rgb("#ef6a4c"), bevel=5, relief=0.3, shadow=0)
        for k in range(6):
            a = k * math.tau / 6 + index
            canvas.flat(
                blob(rng, cx + r * 0.5 * math.cos(a), cy + r * 0.5 * math.sin(a), r * 0.22, r * 0.14, turn=math.degrees(a)),
                rgb("#f9b25e"),
            )


def citrus(canvas: Canvas, x: float, y: float, s: float, peel: str = "#6d9d3a", flesh: str = "#cfe07a") -> None:
    canvas.disc(x, y, s * 0.62, rgb(peel), bevel=8, shadow=12)
    canvas.disc(x, y, s * 0.54, rgb("#f6f7df"), bevel=0, shadow=0)
    for k in range(8):
        wedge: list[Point] = [(s * 0.06, 0), (s * 0.44, -s * 0.14), (s * 0.49, 0), (s * 0.44, s * 0.14)]
        canvas.piece(placed(wedge, x, y, k * 45 + 10), vary(canvas.rng, rgb(flesh), 0.06), bevel=4, relief=0.4, shadow=0)


def chili(canvas: Canvas, x: float, y: float, s: float, colour: str = "#d22f21", turn: float | None = None) -> None:
    turn = canvas.rng.uniform(-60, 60) if turn is None else turn
    spine = curve([(-s, s * 0.1), (-s * 0.3, -s * 0.12), (s * 0.35, -s * 0.08), (s, s * 0.22)], 6)
    upper = [(px, py - s * 0.15 * math.sin(math.pi * (0.25 + 0.75 * i / len(spine)))) for i, (px, py) in enumerate(spine)]
    lower = [(px, py + s * 0.15 * math.sin(math.pi * (0.25 + 0.75 * i / len(spine)))) for i, (px, py) in enumerate(spine)]
    canvas.strand(
        placed([(-s * 1.3, s * 0.22), (-s * 1.1, s * 0.12), (-s * 0.9, s * 0.06)], x, y, turn), rgb("#5f8a34"), s * 0.1
    )
    canvas.piece(placed([*upper, *reversed(lower)], x, y, turn), rgb(colour), bevel=s * 0.12, relief=0.9, shadow=8)
    canvas.line(placed([(px, py - s * 0.06) for px, py in spine[4:-6]], x, y, turn), mix(rgb(colour), WHITE, 0.6), s * 0.03)


def greens(canvas: Canvas, x: float, y: float, s: float, colour: str = "#5c9a3e", frilly: bool = True) -> None:
    """Leaves of lettuce, or smooth ones."""
    rng = canvas.rng
    for index in range(3):
        turn = index * 48 - 50 + rng.uniform(-12, 12)
        tone = vary(rng, rgb(colour), 0.14)
        edge = []
        for step in range(40):
            a = math.tau * step / 40
            ruffle = 1 + (0.09 * math.sin(11 * a + index) if frilly else 0.0)
            edge.append((s * 0.95 * ruffle * math.cos(a) + s * 0.2, s * 0.55 * ruffle * math.sin(a)))
        canvas.piece(placed(edge, x, y, turn), tone, bevel=14, relief=0.6, shadow=9)
        vein = mix(tone, WHITE, 0.45)
        canvas.line(placed([(-s * 0.6, 0), (s * 1.0, 0)], x, y, turn), vein, 4)
        for k in range(4):
            for side in (-1, 1):
                canvas.line(placed([(-s * 0.3 + k * s * 0.3, 0), (k * s * 0.3, side * s * 0.34)], x, y, turn), vein, 2)


def herb(canvas: Canvas, x: float, y: float, s: float, colour: str = "#3f8a3a") -> None:
    """A sprig: celery, coriander or lemon basil."""
    rng = canvas.rng
    base = rng.uniform(0, 360)
    for index, lean in enumerate((-118, 112, -58, 56, 0)):
        turn = base + lean + rng.uniform(-12, 12)
        leaf: list[Point] = [
            (0, 0),
            (s * 0.2, -s * 0.24),
            (s * 0.5, -s * 0.3),
            (s * 0.82, -s * 0.14),
            (s * (0.92 + index * 0.03), 0),
            (s * 0.82, s * 0.14),
            (s * 0.5, s * 0.3),
            (s * 0.2, s * 0.24),
            (0, 0),
        ]
        tone = vary(rng, rgb(colour), 0.18)
        canvas.piece(placed(curve(leaf, 3), x, y, turn), tone, bevel=8, relief=0.7, shadow=6)
        canvas.line(placed([(0, 0), (s * 0.8, 0)], x, y, turn), mix(tone, WHITE, 0.35), 2)
        for k in (0.25, 0.45, 0.62):
            for side in (-1, 1):
                canvas.line(placed([(s * k, 0), (s * (k + 0.14), side * s * 0.17)], x, y, turn), mix(tone, WHITE, 0.2), 1.5)


def rings(canvas: Canvas, x: float, y: float, s: float, colour: str = "#7fb24a") -> None:
    """Rings of spring onion or chili, strewn."""
    rng = canvas.rng
    for place in canvas.inside(18, x, y, s, s):
        tone, size = vary(rng, rgb(colour), 0.15), rng.uniform(6, 12)
        canvas.dots(iter([place]), [tone], (size, size))
        canvas.dots(iter([place]), [mix(tone, WHITE, 0.6)], (size * 0.5, size * 0.5))


def shallots(canvas: Canvas, x: float, y: float, s: float) -> None:
    """Crisp fried shallots (bawang goreng)."""
    rng = canvas.rng
    for px, py in canvas.inside(26, x, y, s, s):
        r, a = rng.uniform(9, 17), rng.uniform(0, math.tau)
        arc = [(px + r * math.cos(a + t), py + r * 0.7 * math.sin(a + t)) for t in (0, 0.8, 1.7, 2.6)]
        canvas.strand(arc, vary(rng, rgb("#a8622a"), 0.25), 6.5)


def cracker(canvas: Canvas, x: float, y: float, s: float, colour: str = "#f3dcae") -> None:
    """Krupuk: two curled white crackers."""
    rng = canvas.rng
    for dx, dy in ((0.35, 0.2), (-0.3, -0.15)):
        cx, cy, tone = x + dx * s, y + dy * s, vary(rng, rgb(colour), 0.05)
        canvas.piece(
            blob(rng, cx, cy, s * 0.85, s * 0.72, turn=rng.uniform(0, 180), wobble=0.14), tone, bevel=16, relief=0.7, shadow=12
        )
        for px, py in canvas.inside(34, cx, cy, s * 0.62, s * 0.52):
            r = s * rng.uniform(0.06, 0.14)
            canvas.piece(
                blob(rng, px, py, r, r * 0.8, wobble=0.1),
                mix(tone, WHITE, rng.uniform(0.1, 0.45)),
                bevel=r * 0.7,
                relief=0.35,
                shadow=2,
                dark=0.12,
            )


def chips(canvas: Canvas, x: float, y: float, s: float) -> None:
    """Emping: small crisp discs."""
    rng = canvas.rng
    for px, py in canvas.inside(7, x, y, s * 0.9, s * 0.7):
        canvas.piece(
            blob(rng, px, py, s * 0.34, s * 0.28, turn=rng.uniform(0, 180), wobble=0.08),
            vary(rng, rgb("#e3b264"), 0.1),
            bevel=9,
            shadow=8,
        )


def tofu(canvas: Canvas, x: float, y: float, s: float, colour: str = "#dda24f") -> None:
    for dx, dy, turn in ((-0.5, 0.05, 8), (0.45, -0.2, -20), (0.1, 0.5, 40)):
        canvas.piece(
            box(x + dx * s, y + dy * s, s * 0.8, s * 0.62, corner=9, turn=turn), rgb(colour), bevel=14, relief=0.5, shadow=12
        )
        canvas.piece(
            box(x + dx * s - 3, y + dy * s - 4, s * 0.6, s * 0.42, corner=8, turn=turn),
            mix(rgb(colour), WHITE, 0.32),
            bevel=12,
            relief=0.2,
            shadow=0,
        )


def tempeh(canvas: Canvas, x: float, y: float, s: float) -> None:
    rng = canvas.rng
    for dx, dy, turn in ((-0.35, -0.15, 16), (0.35, 0.2, -10)):
        cx, cy = x + dx * s, y + dy * s
        canvas.piece(box(cx, cy, s * 1.0, s * 0.6, corner=8, turn=turn), rgb("#b9803c"), bevel=11, shadow=12)
        spots = placed([(px, py) for px, py in canvas.inside(26, 0, 0, s * 0.44, s * 0.24)], cx, cy, turn)
        for px, py in spots:
            canvas.flat(blob(rng, px, py, 8, 5.5, turn=rng.uniform(0, 180)), vary(rng, rgb("#e2b873"), 0.12))


def shreds(canvas: Canvas, x: float, y: float, s: float, colour: str = "#e6c48e", count: int = 30, width: float = 9) -> None:
    """Torn or cut to strips: chicken, omelette, bean sprouts, carrot."""
    rng = canvas.rng
    for px, py in canvas.inside(count, x, y, s * 0.75, s * 0.6):
        turn, bend = rng.uniform(-70, 70), rng.uniform(-12, 12)
        canvas.strand(placed([(-s * 0.32, 0), (0, bend), (s * 0.32, 0)], px, py, turn), vary(rng, rgb(colour), 0.14), width)


def avocado(canvas: Canvas, x: float, y: float, s: float) -> None:
    for index in range(5):
        turn, cx = -70 + index * 9, x + (index - 2) * s * 0.26
        canvas.piece(blob(canvas.rng, cx, y, s * 0.8, s * 0.25, turn=turn, wobble=0.02), rgb("#6f9a3c"), bevel=8, shadow=10)
        canvas.piece(
            blob(canvas.rng, cx + 3, y, s * 0.74, s * 0.19, turn=turn, wobble=0.02),
            rgb("#e3e59a"),
            bevel=8,
            relief=0.4,
            shadow=0,
        )


def peas(canvas: Canvas, x: float, y: float, s: float, colour: str = "#8fbf4a") -> None:
    """A small heap of beans, corn or peas."""
    for px, py in canvas.inside(36, x, y, s * 0.8, s * 0.62):
        dome(canvas, px, py, s * 0.13, vary(canvas.rng, rgb(colour), 0.1), shine=0.4)


def sambal(canvas: Canvas, x: float, y: float, s: float, colour: str = "#b3261c") -> None:
    """A saucer of sambal."""
    canvas.disc(x, y, s, rgb("#f5efe3"), bevel=10, shadow=18, dark=0.5)
    canvas.disc(x, y, s * 0.83, mix(rgb("#f5efe3"), SHADE, 0.2), shadow=0, bevel=0)
    sauce(canvas, x, y, s * 0.76, s * 0.74, rgb(colour))
    canvas.dots(canvas.inside(14, x, y, s * 0.6, s * 0.6), [rgb("#f2c45a")], (2, 3.4))


def lontong(canvas: Canvas, x: float, y: float, s: float) -> None:
    """Slices of pressed rice cake."""
    for dx, dy in ((-0.75, 0.2), (0.0, -0.15), (0.75, 0.1), (0.35, 0.75), (-0.4, 0.8)):
        canvas.disc(x + dx * s, y + dy * s, s * 0.48, rgb("#a9bf84"), bevel=8, shadow=11)
        canvas.disc(x + dx * s - 2, y + dy * s - 2, s * 0.43, rgb("#f4f0dd"), bevel=12, relief=0.4, shadow=0)


def seeds(canvas: Canvas, x: float, y: float, s: float, colour: str = "#fbf1d4") -> None:
    """Sesame, or anything strewn as fine."""
    canvas.grains(canvas.inside(34, x, y, s * 1.5, s * 1.5), rgb(colour), 12)


def coconut(canvas: Canvas, x: float, y: float, s: float, colour: str = "#fdfaf0") -> None:
    """Grated coconut, or cheese."""
    canvas.grains(canvas.inside(70, x, y, s, s * 0.8), rgb(colour), 17)


def nori(canvas: Canvas, x: float, y: float, s: float) -> None:
    shreds(canvas, x, y, s, "#26352a", 22, 7)


def fruit(canvas: Canvas, x: float, y: float, s: float) -> None:
    """Cubes of fruit in many colours."""
    rng = canvas.rng
    for px, py in canvas.inside(13, x, y, s * 1.1, s * 0.9):
        tone = rgb(rng.choice(("#f2b632", "#e2543f", "#f6efe0", "#9cc45a", "#f08f3c")))
        canvas.piece(box(px, py, s * 0.42, s * 0.4, corner=9, turn=rng.uniform(0, 90)), tone, bevel=11, relief=0.6, shadow=8)


GARNISHES: dict[str, Drawer] = {
    "fried egg": fried_egg,
    "egg": boiled_egg,
    "cucumber": cucumber,
    "tomato": tomato,
    "lime": citrus,
    "chili": chili,
    "green chili": partial(chili, colour="#4f9a35"),
    "lettuce": greens,
    "spinach": partial(greens, colour="#2f7340", frilly=False),
    "cassava leaf": partial(greens, colour="#3f5f2c", frilly=False),
    "herb": herb,
    "basil": partial(herb, colour="#5aa348"),
    "mint": partial(herb, colour="#4fb06a"),
    "spring onion": rings,
    "chili rings": partial(rings, colour="#d8382a"),
    "shallots": shallots,
    "cracker": cracker,
    "pink cracker": partial(cracker, colour="#f0a99a"),
    "chips": chips,
    "tofu": tofu,
    "tempeh": tempeh,
    "beef": chunks,
    "rendang": partial(chunks, colour="#54301a"),
    "chicken": partial(chunks, colour="#d9a45c"),
    "teriyaki": partial(chunks, colour="#8a4a1c"),
    "shredded chicken": shreds,
    "omelette": partial(shreds, colour="#f3c24a", width=13),
    "sprouts": partial(shreds, colour="#f1ecd2", width=7),
    "carrot": partial(shreds, colour="#ef8a32", width=8),
    "glass noodles": partial(shreds, colour="#dcd7c3", width=6),
    "abon": partial(shreds, colour="#8a5226", width=4, count=60),
    "drumstick": drumstick,
    "grilled drumstick": partial(drumstick, colour="#84431c"),
    "shrimp": shrimp,
    "salmon": salmon,
    "avocado": avocado,
    "clams": clams,
    "meatballs": meatballs,
    "edamame": peas,
    "corn": partial(peas, colour="#f5c33b"),
    "peanuts": partial(peas, colour="#c98a4a"),
    "red beans": partial(peas, colour="#8c3328"),
    "sambal": sambal,
    "sambal hijau": partial(sambal, colour="#5f8a2c"),
    "sambal kecap": partial(sambal, colour="#3a1a10"),
    "lontong": lontong,
    "sesame": seeds,
    "coconut": coconut,
    "nori": nori,
    "fruit": fruit,
    "serundeng": partial(coconut, colour="#c98b3f"),
    "cheese": partial(coconut, colour="#f7d468"),
}


def put(canvas: Canvas, name: str, x: float, y: float, size: float) -> None:
    """Draw the garnish of that name around (x, y); a ``size`` of 100 suits a plate."""
    GARNISHES[name](canvas, x, y, size)
