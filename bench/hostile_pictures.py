"""Measures what hostile pictures cost: CPU of the processes with limits and of this one, and the most memory of either.

Run it with `python -m bench.hostile_pictures`. Each picture has processes of its own, whose start (some 0.5 s of CPU) counts.
"""

import resource
import time

from tests.hostile_pictures import CRAFTED

from etalase.errors import PictureRefused
from etalase.pictures.decoder import Decoder
from etalase.pictures.making import Maker
from etalase.pictures.metadata import without_metadata
from etalase.pictures.reading import read_outline

MAX_PIXELS = 250_000_000
SHOWN = 12


def main() -> None:
    """Prints the pictures that cost the most CPU."""
    costs = []
    for name, make in CRAFTED.items():
        data = make()
        children = _children_seconds()
        own = time.process_time()
        refusal = _judged(data)
        costs.append((_children_seconds() - children, time.process_time() - own, name, len(data), refusal))
    for in_children, own, name, size, refusal in sorted(costs, reverse=True)[:SHOWN]:
        print(f"{in_children:6.1f} s + {own:4.2f} s  {size:>9} bytes  {name}: {refusal}")
    print(f"most CPU here: {max((own, name) for _, own, name, _, _ in costs)}")
    for who, what in ((resource.RUSAGE_CHILDREN, "a process with limits"), (resource.RUSAGE_SELF, "this process")):
        print(f"most memory of {what}: {resource.getrusage(who).ru_maxrss >> 10} MiB")


def _judged(data: bytes) -> str:
    """Returns the end of the way of an upload at head office."""
    decoder, maker = Decoder(processes=1), Maker(processes=1)
    try:
        content_type, outline = read_outline(data)
        if outline.pixels > MAX_PIXELS:
            return "too many pixels"
        photo = without_metadata(data, content_type, outline)
        decoder.check(photo, content_type)
        maker.renditions(photo)
    except PictureRefused as refused:
        try:
            maker.photo(data, max_side_pixels=2048, max_bytes=600_000)
        except PictureRefused:
            return str(refused)
        return f"{refused} As an upload it is accepted."
    else:
        return "accepted"
    finally:
        decoder.close()
        maker.close()


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
