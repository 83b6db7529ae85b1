"""What fills a dish: rice, noodles, sauce and broth, and the round thing that many pieces are."""

import math

from etalase.demo.draw_canvas import SHADE, WHITE, Canvas, Colour, blob, mix, placed, rgb, shaded, vary


def rice(canvas: Canvas, x: float, y: float, rx: float, ry: float, colour: Colour, bits: tuple[str, ...] = ()) -> None:
    """A mound of rice; ``bits`` are the colours of what was fried with it."""
    rng = canvas.rng
    canvas.piece(blob(rng, x, y, rx, ry, wobble=0.04), shaded(colour), bevel=50, relief=0.5, shadow=22, dark=0.5)
    area = int(rx * ry / 24)
    canvas.grains(canvas.inside(area, x - 3, y - 3, rx * 0.99, ry * 0.99), mix(colour, SHADE, 0.12), 21)
    canvas.grains(canvas.inside(area, x - 5, y - 6, rx * 0.93, ry * 0.93), colour, 21)
    if bits:
        canvas.dots(canvas.inside(int(area / 9), x, y, rx * 0.92, ry * 0.92), [rgb(b) for b in bits], (4, 8.5))
        canvas.grains(canvas.inside(area // 4, x - 5, y - 6, rx * 0.9, ry * 0.9), colour, 21)
    canvas.glow(x - rx * 0.25, y - ry * 0.3, rx * 0.8, ry * 0.75, (255, 246, 222), 0.42)
    canvas.glow(x + rx * 0.6, y + ry * 0.62, rx * 0.6, ry * 0.55, SHADE, 0.3)


def noodles(canvas: Canvas, x: float, y: float, r: float, colour: Colour, width: float = 13, count: int = 95) -> None:
    """A nest of noodles, swirl over swirl."""
    rng = canvas.rng
    canvas.piece(
        blob(rng, x, y, r * 0.84, r * 0.8, wobble=0.05),
        mix(colour, shaded(colour), 0.7),
        bevel=40,
        relief=0.4,
        shadow=20,
        dark=0.5,
    )
    for index in range(count):
        reach = r * (1 - 0.75 * index / count) * rng.uniform(0.75, 1.0)
        start, sweep, squeeze = rng.uniform(0, math.tau), rng.uniform(1.2, 3.0), rng.uniform(0.55, 1.0)
        cx, cy = x + rng.uniform(-0.2, 0.2) * r, y + rng.uniform(-0.2, 0.2) * r
        oval = [(reach * math.cos(start + sweep * t / 5), reach * squeeze * math.sin(start + sweep * t / 5)) for t in range(6)]
        tone = vary(rng, mix(colour, SHADE, 0.16 * (1 - index / count)), 0.1)
        canvas.strand(placed(oval, cx, cy, rng.uniform(0, 360)), tone, width * rng.uniform(0.85, 1.1))
    canvas.glow(x - r * 0.3, y - r * 0.35, r * 0.8, r * 0.7, (255, 244, 214), 0.3)
    canvas.glow(x + r * 0.6, y + r * 0.6, r * 0.6, r * 0.6, SHADE, 0.28)


def sauce(
    canvas: Canvas, x: float, y: float, rx: float, ry: float, colour: Colour, *, turn: float = 0.0, chunky: bool = True
) -> None:
    """A pool of thick sauce, with a gleam on it."""
    rng = canvas.rng
    canvas.piece(blob(rng, x, y, rx, ry, turn=turn, wobble=0.16), colour, bevel=12, relief=0.4, shadow=5, dark=0.3)
    if chunky:
        tones = [mix(colour, SHADE, 0.3), mix(colour, WHITE, 0.25), mix(colour, SHADE, 0.12)]
        canvas.dots(canvas.inside(int(rx * ry / 140) + 6, x, y, rx * 0.85, ry * 0.85), tones, (1.5, 5))
    canvas.glow(x - rx * 0.35, y - ry * 0.35, rx * 0.42, ry * 0.3, WHITE, 0.4, turn=turn)


def broth(canvas: Canvas, radius: float, colour: Colour) -> None:
    """What swims on a soup: drops of fat and herbs."""
    rng = canvas.rng
    for x, y in canvas.inside(46, 0, 0, radius * 0.9, radius * 0.9):
        r = rng.uniform(4, 17)
        canvas.disc(x, y, r, mix(colour, (255, 214, 120), 0.4), bevel=5, relief=0.6, shadow=0, alpha=0.6)


def dome(
    canvas: Canvas, x: float, y: float, r: float, colour: Colour, *, squash: float = 1.0, turn: float = 0.0, shine: float = 0.65
) -> None:
    """A ball or a bun: round on top, with a spot of light."""
    canvas.piece(
        blob(canvas.rng, x, y, r, r * squash, turn=turn, wobble=0.02),
        colour,
        bevel=r * 0.75,
        relief=0.85,
        shadow=r * 0.28,
        dark=0.5,
    )
    canvas.glow(x - r * 0.3, y - r * 0.34 * squash, r * 0.42, r * 0.32 * squash, mix(colour, WHITE, 0.75), shine)
