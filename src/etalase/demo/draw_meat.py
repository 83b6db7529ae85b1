"""Meat, fish, shellfish and eggs, each around (x, y); a size ``s`` of 100 suits a plate."""

import math

from etalase.demo.draw_canvas import SHADE, WHITE, Canvas, Point, blob, box, curve, mix, placed, rgb, vary
from etalase.demo.draw_heaps import dome


def fried_egg(canvas: Canvas, x: float, y: float, s: float) -> None:
    rng = canvas.rng
    canvas.piece(blob(rng, x, y, s * 1.06, s * 0.97, turn=30, wobble=0.05), rgb("#d79a4c"), bevel=8, shadow=12)
    canvas.piece(
        blob(rng, x - 2, y - 2, s * 1.01, s * 0.92, turn=30, wobble=0.06), rgb("#fffaf0"), bevel=22, relief=0.4, shadow=0
    )
    dome(canvas, x + s * 0.08, y - s * 0.04, s * 0.44, rgb("#fbb22c"), shine=0.9)


def boiled_egg(canvas: Canvas, x: float, y: float, s: float) -> None:
    turn = canvas.rng.uniform(-50, 50)
    canvas.piece(
        blob(canvas.rng, x, y, s * 0.95, s * 0.72, turn=turn, wobble=0.01), rgb("#fff8ea"), bevel=16, relief=0.5, shadow=12
    )
    dome(canvas, x, y, s * 0.42, rgb("#f3a52c"), shine=0.5)


def chunks(canvas: Canvas, x: float, y: float, s: float, colour: str = "#7a4424", count: int = 5) -> None:
    """Pieces of meat."""
    rng = canvas.rng
    for index in range(count):
        a = index * math.tau / count + rng.uniform(-0.3, 0.3)
        cx, cy = x + s * 0.58 * math.cos(a), y + s * 0.5 * math.sin(a)
        tone = vary(rng, rgb(colour), 0.12)
        turn = rng.uniform(0, 180)
        corners = [
            (s * rng.uniform(0.36, 0.5) * math.cos(k * math.tau / 6), s * rng.uniform(0.27, 0.4) * math.sin(k * math.tau / 6))
            for k in range(6)
        ]
        canvas.piece(placed(curve([*corners, corners[0]], 4), cx, cy, turn), tone, bevel=17, relief=0.6, shadow=11)
        canvas.dots(canvas.inside(9, cx, cy, s * 0.26, s * 0.2), [mix(tone, SHADE, 0.2), mix(tone, WHITE, 0.12)], (1.5, 4))
        canvas.glow(cx - s * 0.12, cy - s * 0.1, s * 0.2, s * 0.12, WHITE, 0.35, turn=turn)


def drumstick(canvas: Canvas, x: float, y: float, s: float, colour: str = "#b8702c", turn: float = 25) -> None:
    """A chicken leg, fried or grilled."""
    tone = rgb(colour)
    canvas.piece(placed(box(s * 1.0, 0, s * 0.75, s * 0.2, corner=12), x, y, turn), rgb("#efdcbb"), bevel=9, shadow=12)
    for end in (-1, 1):
        ((kx, ky),) = placed([(s * 1.36, end * s * 0.1)], x, y, turn)
        canvas.disc(kx, ky, s * 0.13, rgb("#f4e4c8"), bevel=8, shadow=6)
    shape: list[Point] = [
        (s * 0.85, -s * 0.13),
        (s * 0.4, -s * 0.4),
        (-s * 0.2, -s * 0.62),
        (-s * 0.85, -s * 0.42),
        (-s * 1.0, s * 0.1),
        (-s * 0.7, s * 0.52),
        (-s * 0.1, s * 0.6),
        (s * 0.45, s * 0.36),
        (s * 0.85, s * 0.13),
    ]
    canvas.piece(placed(curve(shape, 5), x, y, turn), tone, bevel=s * 0.34, relief=0.7, shadow=20, dark=0.55)
    spots = placed(list(canvas.inside(60, -s * 0.15, 0, s * 0.7, s * 0.42)), x, y, turn)
    canvas.dots(iter(spots), [mix(tone, SHADE, 0.35), mix(tone, (255, 190, 90), 0.4), mix(tone, SHADE, 0.18)], (2.5, 9))
    ((gx, gy),) = placed([(-s * 0.35, -s * 0.2)], x, y, turn)
    canvas.glow(gx, gy, s * 0.45, s * 0.2, (255, 236, 200), 0.55, turn=turn)


def fish(canvas: Canvas, x: float, y: float, s: float, colour: str = "#a5622c", turn: float = -18) -> None:
    """A whole fish with its cuts."""
    tone = rgb(colour)
    tail: list[Point] = [(s * 1.05, 0), (s * 1.62, -s * 0.42), (s * 1.5, 0), (s * 1.62, s * 0.42)]
    canvas.piece(placed(tail, x, y, turn), mix(tone, SHADE, 0.25), bevel=12, shadow=14)
    fin: list[Point] = [(-s * 0.4, -s * 0.4), (s * 0.1, -s * 0.72), (s * 0.7, -s * 0.3)]
    canvas.piece(placed(fin, x, y, turn), mix(tone, SHADE, 0.3), bevel=8, shadow=10)
    body: list[Point] = [
        (-s * 1.5, s * 0.06),
        (-s * 1.1, -s * 0.36),
        (-s * 0.3, -s * 0.56),
        (s * 0.5, -s * 0.34),
        (s * 1.15, -s * 0.1),
        (s * 1.15, s * 0.12),
        (s * 0.5, s * 0.36),
        (-s * 0.3, s * 0.52),
        (-s * 1.1, s * 0.36),
        (-s * 1.5, s * 0.06),
    ]
    canvas.piece(placed(curve(body, 6), x, y, turn), tone, bevel=s * 0.3, relief=0.65, shadow=24, dark=0.55)
    for k in range(5):
        cut: list[Point] = [
            (-s * 0.62 + k * s * 0.33, -s * 0.3),
            (-s * 0.5 + k * s * 0.33, 0),
            (-s * 0.62 + k * s * 0.33, s * 0.3),
        ]
        canvas.strand(placed(cut, x, y, turn), mix(tone, SHADE, 0.6), 10)
        canvas.line(placed([(px + 9, py) for px, py in cut], x, y, turn), mix(tone, (255, 220, 170), 0.55), 5)
    canvas.line(
        placed(curve([(-s * 0.95, -s * 0.36), (-s * 0.82, 0), (-s * 0.95, s * 0.34)]), x, y, turn), mix(tone, SHADE, 0.5), 6
    )
    ((ex, ey),) = placed([(-s * 1.16, -s * 0.1)], x, y, turn)
    canvas.disc(ex, ey, s * 0.085, rgb("#f7efe0"), bevel=4, shadow=3)
    canvas.disc(ex, ey, s * 0.045, rgb("#1d1511"), bevel=2, shadow=0)
    canvas.glow(x - s * 0.3, y - s * 0.18, s * 0.9, s * 0.16, (255, 232, 196), 0.5, turn=turn)


def shrimp(canvas: Canvas, x: float, y: float, s: float, colour: str = "#f08a5a") -> None:
    turn, tone = canvas.rng.uniform(0, 360), rgb(colour)
    for k in range(9):
        a = math.radians(k * 27)
        ((px, py),) = placed([(s * 0.5 * math.cos(a), s * 0.5 * math.sin(a))], x, y, turn)
        r = s * (0.3 - 0.018 * k)
        canvas.disc(px, py, r, tone if k % 2 else mix(tone, WHITE, 0.4), bevel=r * 0.6, relief=0.7, shadow=7)
    ((px, py),) = placed([(s * 0.5 * math.cos(4.3), s * 0.5 * math.sin(4.3))], x, y, turn)
    canvas.piece(blob(canvas.rng, px, py, s * 0.22, s * 0.13, turn=turn - 20), mix(tone, SHADE, 0.25), bevel=6, shadow=6)


def salmon(canvas: Canvas, x: float, y: float, s: float) -> None:
    """Slices of raw salmon, fanned."""
    for index in range(5):
        cx, turn = x + (index - 2) * s * 0.36, 66 + index * 7
        cy = y + abs(index - 2) * s * 0.07
        canvas.piece(
            blob(canvas.rng, cx, cy, s * 0.86, s * 0.34, turn=turn, wobble=0.04),
            rgb("#f4804a"),
            bevel=12,
            relief=0.6,
            shadow=12,
        )
        for k in range(-3, 4):
            fat: list[Point] = [
                (k * s * 0.22 - 10, -s * 0.3 * math.cos(k / 3.4)),
                (k * s * 0.22 + 14, 0),
                (k * s * 0.22 - 10, s * 0.3 * math.cos(k / 3.4)),
            ]
            canvas.line(placed(curve(fat, 4), cx, cy, turn), rgb("#fdc8a4"), 5)


def clams(canvas: Canvas, x: float, y: float, s: float) -> None:
    rng = canvas.rng
    for dx, dy in ((-0.55, 0.2), (0.5, -0.25), (0.2, 0.6)):
        cx, cy, turn = x + dx * s, y + dy * s, rng.uniform(0, 360)
        for lean, tone in ((0, "#8d7f78"), (64, "#b9a99d")):
            shell = [(s * 0.5 * math.cos(math.radians(a)), s * 0.4 * math.sin(math.radians(a))) for a in range(-80, 85, 8)]
            canvas.piece(placed([(-s * 0.3, 0), *shell], cx, cy, turn + lean), rgb(tone), bevel=10, relief=0.7, shadow=11)
            for a in range(-60, 70, 20):
                end = (s * 0.44 * math.cos(math.radians(a)), s * 0.34 * math.sin(math.radians(a)))
                canvas.line(placed([(-s * 0.2, 0), end], cx, cy, turn + lean), mix(rgb(tone), SHADE, 0.3), 2.6)
        ((px, py),) = placed([(s * 0.16, s * 0.1)], cx, cy, turn + 32)
        dome(canvas, px, py, s * 0.2, rgb("#f3c887"), squash=0.75)


def meatballs(canvas: Canvas, x: float, y: float, s: float, colour: str = "#a8764c") -> None:
    for dx, dy, r in ((-0.62, 0.1, 0.5), (0.42, -0.42, 0.52), (0.36, 0.6, 0.56)):
        dome(canvas, x + dx * s, y + dy * s, s * r, vary(canvas.rng, rgb(colour), 0.06), shine=0.5)


def skewer(canvas: Canvas, x: float, y: float, s: float, colour: str, turn: float, pieces: int = 5) -> None:
    """A stick of sate."""
    rng, tone = canvas.rng, rgb(colour)
    canvas.piece(placed(box(s * 0.5, 0, s * 4.6, 11, corner=5), x, y, turn), rgb("#dcb877"), bevel=5, shadow=14)
    for index in range(pieces):
        ((px, py),) = placed([(-s * 1.55 + index * s * 0.62, rng.uniform(-3, 3))], x, y, turn)
        own = vary(rng, tone, 0.12)
        canvas.piece(
            blob(rng, px, py, s * 0.38, s * 0.33, turn=turn + rng.uniform(-20, 20), wobble=0.12),
            own,
            bevel=17,
            relief=0.75,
            shadow=10,
        )
        for lean in (-0.12, 0.12):
            char: list[Point] = [(lean * s, -s * 0.22), (lean * s + 4, s * 0.22)]
            canvas.line(placed(char, px, py, turn + 14), mix(own, (20, 10, 6), 0.6), 6)
        canvas.glow(px - s * 0.1, py - s * 0.12, s * 0.2, s * 0.12, (255, 236, 205), 0.6)
