"""Makes ThumbHashes: some 25 bytes from which a browser paints a blurred picture (evanw.github.io/thumbhash). Pure.

A port of the reference encoder, with its rounding, so that each decoder shows the same colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, floor, pi

MAX_SIDE = 100


@dataclass(frozen=True, slots=True)
class _Channel:
    """The cosine transform of a channel: its mean, its other terms between 0 and 1, and their scale."""

    mean: float
    terms: Sequence[float]
    scale: float


def thumbhash(width: int, height: int, rgba: bytes) -> bytes:
    """Returns the hash of a picture of up to :data:`MAX_SIDE` pixels a side; ``rgba`` is not premultiplied."""
    if max(width, height) > MAX_SIDE:
        raise ValueError(f"a ThumbHash is made of at most {MAX_SIDE}×{MAX_SIDE} pixels")
    red, green, blue, alpha = ([value / 255 for value in rgba[n::4]] for n in range(4))
    has_alpha = min(alpha) < 1
    opacity = sum(alpha)
    red, green, blue = (_over_average(colour, alpha, opacity) for colour in (red, green, blue))
    limit = 5 if has_alpha else 7
    columns, rows = (max(1, _round(limit * side / max(width, height))) for side in (width, height))
    colours = list(zip(red, green, blue, strict=True))

    light = _transform([(r + g + b) / 3 for r, g, b in colours], (width, height), (max(3, columns), max(3, rows)))
    yellow = _transform([(r + g) / 2 - b for r, g, b in colours], (width, height), (3, 3))
    reddish = _transform([r - g for r, g, _ in colours], (width, height), (3, 3))
    channels = [light, yellow, reddish]

    is_landscape = width > height
    head = _round(63 * light.mean) | _round(31.5 + 31.5 * yellow.mean) << 6 | _round(31.5 + 31.5 * reddish.mean) << 12
    head |= _round(31 * light.scale) << 18 | has_alpha << 23
    head |= (rows if is_landscape else columns) << 24
    head |= _round(63 * yellow.scale) << 27 | _round(63 * reddish.scale) << 33 | is_landscape << 39
    made = bytearray(head.to_bytes(5, "little"))
    if has_alpha:
        channels.append(_transform(alpha, (width, height), (5, 5)))
        made.append(_round(15 * channels[-1].mean) | _round(15 * channels[-1].scale) << 4)
    halves = [_round(15 * term) for channel in channels for term in channel.terms]
    halves.append(0)
    made += bytes(low | high << 4 for low, high in zip(halves[:-1:2], halves[1::2], strict=True))
    return bytes(made)


def _over_average(colour: list[float], alpha: list[float], opacity: float) -> list[float]:
    """Returns the colour where the average of the visible colours shines through."""
    average = sum(c * a for c, a in zip(colour, alpha, strict=True)) / opacity if opacity else 0
    return [average * (1 - a) + c * a for c, a in zip(colour, alpha, strict=True)]


def _transform(values: list[float], size: tuple[int, int], terms: tuple[int, int]) -> _Channel:
    """Returns the terms of the triangle that low frequencies fill: ``terms`` across and down."""
    (width, height), (across, down) = size, terms
    rows = [values[start : start + width] for start in range(0, width * height, width)]
    waves = [[cos(pi / width * n * (x + 0.5)) for x in range(width)] for n in range(across)]
    found = []
    for down_n in range(down):
        wave = [cos(pi / height * down_n * (y + 0.5)) for y in range(height)]
        column = [sum(row[x] * w for row, w in zip(rows, wave, strict=True)) for x in range(width)]
        across_n = 0
        while across_n * down < across * (down - down_n):
            found.append(sum(c * w for c, w in zip(column, waves[across_n], strict=True)) / (width * height))
            across_n += 1
    mean, *rest = found
    scale = max(map(abs, rest))
    return _Channel(mean, [0.5 + 0.5 / scale * term for term in rest] if scale else rest, scale)


def _round(value: float) -> int:
    """Rounds a half up, as JavaScript does."""
    return floor(value + 0.5)
