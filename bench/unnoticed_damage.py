"""Measures how much damage intake does not notice: ``python -m bench.unnoticed_damage [variants]``.

Each variant is damaged at a random place of its image data. Unnoticed: accepted, with other pixels than before.
"""

import io
import random
import sys
from collections import Counter
from collections.abc import Callable

import pyvips
from PIL import Image

from etalase.errors import PictureRefused
from etalase.pictures.decoder import Decoder
from etalase.pictures.metadata import without_metadata
from etalase.pictures.reading import read_outline

SIZE = (320, 240)
KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "JPEG": ("JPEG", {"quality": 85}),
    "JPEG, progressive": ("JPEG", {"quality": 85, "progressive": True}),
    "JPEG, restart markers": ("JPEG", {"quality": 85, "restart_marker_rows": 1}),
    "PNG": ("PNG", {}),
    "WebP": ("WEBP", {"quality": 85}),
    "WebP, lossless": ("WEBP", {"lossless": True}),
}
IMAGE_DATA = {"SOS", "IDAT", "VP8 ", "VP8L"}
HEADER_BYTES = 16  # of a scan or a frame


def flipped(bits: int) -> Callable[[bytearray, list[range], random.Random], None]:
    """Returns the damage of some flipped bits."""

    def damage(data: bytearray, coded: list[range], chance: random.Random) -> None:
        for _ in range(bits):
            places = chance.choices(coded, [len(part) for part in coded])[0]
            data[chance.choice(places)] ^= 1 << chance.randrange(8)

    return damage


def zeroed(data: bytearray, coded: list[range], chance: random.Random) -> None:
    """Zeroes up to 1 KB of the image data."""
    places = max(coded, key=len)
    start = chance.choice(places)
    end = min(start + 1024, places.stop)
    data[start:end] = bytes(end - start)


def half_lost(data: bytearray, coded: list[range], chance: random.Random) -> None:
    """Zeroes the image data from some place in the middle half to the end: decoders show grey."""
    first, last = coded[0].start, coded[-1].stop
    start = first + int((last - first) * chance.uniform(0.25, 0.75))
    for places in coded:
        begin = max(start, places.start)
        if begin < places.stop:
            data[begin : places.stop] = bytes(places.stop - begin)


DAMAGES = {
    "1 bit": flipped(1),
    "3 bits": flipped(3),
    "10 bits": flipped(10),
    "1 KB zeroed": zeroed,
    "half zeroed": half_lost,
}


def photo(number: int) -> Image.Image:
    """Returns a picture with soft shapes and a camera's noise."""
    noise = Image.effect_noise(SIZE, 12).convert("RGB")
    shapes = Image.radial_gradient("L").resize(SIZE).rotate(37 * number)
    return Image.blend(Image.merge("RGB", (shapes, shapes.rotate(90), shapes.rotate(180))), noise, 0.3)


def pixels(data: bytes) -> bytes:
    """Returns the pixels that a tolerant decoder shows."""
    return bytes(pyvips.Image.new_from_buffer(data, "", fail_on="none").write_to_memory())


def outcome(data: bytes, sound: bytes, decoder: Decoder) -> str:
    """Returns what intake makes of a damaged picture."""
    try:
        made = without_metadata(data, *read_outline(data))
        content_type, _ = read_outline(made)
        decoder.check(made, content_type)
    except PictureRefused:
        return "refused"
    return "harmless" if pixels(made) == sound else "unnoticed"


def main() -> None:
    """Prints a table."""
    variants = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    decoder = Decoder(processes=1)
    print(f"| unnoticed of {variants} | " + " | ".join(DAMAGES) + " |\n|---|" + "---|" * len(DAMAGES))
    for name, (kind, options) in KINDS.items():
        row = []
        for damage in DAMAGES.values():
            chance, counts = random.Random(name), Counter[str]()
            for number in range(variants):
                if number % 20 == 0:
                    file = io.BytesIO()
                    photo(number).save(file, kind, **options)
                    body = file.getvalue()
                    parts = [part for part in read_outline(body)[1].parts if part.kind in IMAGE_DATA]
                    coded = [range(part.content + HEADER_BYTES, part.end) for part in parts if part.end - part.content > 40]
                    sound = pixels(body)
                data = bytearray(body)
                damage(data, coded, chance)
                counts[outcome(bytes(data), sound, decoder)] += 1
            row.append(f"{counts['unnoticed'] / variants:.0%}")
        print(f"| {name} | " + " | ".join(row) + " |", flush=True)
    decoder.close()


if __name__ == "__main__":
    main()
