"""Makes pictures that cost a decoder memory or time, or that are not what they seem: each always the same, by its seed."""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

from PIL import Image

from tests.hidden_places import chunk, in_jpeg, in_png, in_webp, riff, segment
from tests.pictures import animated, picture, png_chunk

KINDS = ("JPEG", "PNG", "WEBP")
UPLOADS = (*KINDS, "TIFF", "BMP", "AVIF")
SEED = 20261126

Make = Callable[[], bytes]


@cache
def sound(kind: str, *, progressive: bool = False) -> bytes:
    """Returns a picture with details, to be spoilt."""
    noise = random.Random(SEED).randbytes(64 * 48 * 3)
    image = Image.frombytes("RGB", (64, 48), noise).resize((160, 120))
    file = io.BytesIO()
    image.save(file, kind, **({"progressive": True} if progressive else {}))
    return file.getvalue()


def webp_of_one_colour(width: int, height: int) -> bytes:
    """Returns a lossless WebP of some 40 bytes: five codes of one symbol, which need no bit for a pixel."""
    # No transform, no cache, no meta codes; each code: simple, one symbol, of one bit, 0. The first bit is the lowest.
    codes = int("0001" * 5 + "000", 2)
    head = (width - 1) | (height - 1) << 14
    return riff(chunk(b"VP8L", b"\x2f" + (head | codes << 32).to_bytes(9, "little")))


def jpeg_of_size(width: int, height: int, *, progressive: bool = True, repeat: int = 1) -> bytes:
    """Returns a JPEG that names a size and has next to no data; its last scan stands ``repeat`` times."""
    data = bytearray(picture(size=(16, 16), progressive=progressive))
    frame = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    struct.pack_into(">HH", data, frame + 5, height, width)
    last = data.rindex(b"\xff\xda")
    return bytes(data[:-2]) + bytes(data[last:-2]) * (repeat - 1) + b"\xff\xd9"


def png_of_size(width: int, height: int, raw_bytes: int, *, colour: int = 2) -> bytes:
    """Returns a PNG that names a size, with so many zeros as its rows."""
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zeros(raw_bytes)) + png_chunk(b"IEND", b"")


@cache
def zeros(raw_bytes: int) -> bytes:
    """Returns so many zeros, compressed to a thousandth."""
    pack = zlib.compressobj(9)
    step = bytes(1_000_000)
    return b"".join(pack.compress(step[: raw_bytes - at]) for at in range(0, raw_bytes, len(step))) + pack.flush()


def exif_with_entries(count: int, *, overlapping: bool) -> bytes:
    """Returns Exif data with a GPS directory of so many entries, each with a long value at one and the same place."""
    pointer = struct.pack(">HHHII", 1, 0x8825, 4, 1, 26) + bytes(4)
    entry = struct.pack(">HHII", 2, 5, 4000 if overlapping else 1, 26)
    return b"Exif\0\0MM\0*\0\0\0\x08" + pointer + struct.pack(">H", count) + entry * count


def nested_segments(count: int) -> bytes:
    """Returns APP1 segments whose content looks like the start of another one, at every place."""
    return segment(0xE1, b"\xff\xe1\xff\xf0Exif\0\0" * 6000) * count


def icc_of_overlapping_tags(size: int) -> bytes:
    """Returns a profile in which each tag is nearly the whole file."""
    names = [b"A2B0", b"A2B1", b"A2B2", b"B2A0", b"B2A1", b"B2A2", b"gamt"] * 14
    table = b"".join(struct.pack(">4sII", name, 128 + n, size - 200 - n) for n, name in enumerate(names))
    head = size.to_bytes(4, "big") + bytes(32) + b"acsp" + bytes(88)
    return (head + struct.pack(">I", len(names)) + table).ljust(size, b"x")


def frames_flood(count: int, side: int) -> bytes:
    """Returns an animation of so many frames, all of one picture."""
    data = animated("WEBP", frames=2, size=(16, 16))
    start = data.index(b"ANMF")
    length = 8 + int.from_bytes(data[start + 4 : start + 8], "little")
    head = bytearray(data[12:start])
    head[12:18] = (side - 1).to_bytes(3, "little") * 2
    return riff(bytes(head) + data[start : start + length + length % 2] * count)


def tiff_of(*entries: tuple[int, int, int, int], after: bytes = b"", following: int = 0) -> bytes:
    """Returns a TIFF of one directory; an entry is tag, type, number of values, value."""
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", following) + after


def tiff_of_size(width: int, height: int, compression: int, data: bytes, *, following: int = 0) -> bytes:
    """Returns a grey TIFF in one strip."""
    tags = {256: width, 257: height, 258: 8, 259: compression, 262: 1, 273: 8 + 2 + 12 * 9 + 4, 277: 1, 278: height}
    entries = [(tag, 4, 1, value) for tag, value in (tags | {279: len(data)}).items()]
    return tiff_of(*entries, after=data, following=following)


def bmp_of_size(width: int, height: int, *, compression: int = 0, colours: int = 0, data: bytes = b"") -> bytes:
    """Returns a BMP that names a size."""
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8 if compression else 24, compression, 0, 1, 1, colours, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + header + data


def box(kind: bytes, content: bytes) -> bytes:
    """Returns a box of an ISO base media file."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def avif_with(old: bytes, new: bytes) -> bytes:
    """Returns an AVIF with the bytes after a box's name replaced."""
    data = bytearray(sound("AVIF"))
    at = data.index(old) + len(old)
    data[at : at + len(new)] = new
    return bytes(data)


def nested_boxes(depth: int) -> bytes:
    """Returns a HEIC whose boxes contain each other."""
    content = b""
    for _ in range(depth):
        content = box(b"meta", bytes(4) + content)
    return box(b"ftyp", b"heic\0\0\0\0mif1heic") + content


def mutated(kind: str, seed: int) -> bytes:
    """Returns a picture with some bytes changed, moved, doubled or lost."""
    chance = random.Random(f"{SEED} {kind} {seed}")
    data = bytearray(sound(kind, progressive=kind == "JPEG" and seed % 2 == 0))
    for _ in range(chance.choice([1, 2, 5, 20])):
        at = chance.randrange(len(data) // (8 if seed % 3 else 1))
        length = chance.choice([1, 2, 4, 30])
        change = chance.randrange(4)
        if change == 0:
            data[at : at + length] = chance.randbytes(length)
        elif change == 1:
            data[at : at + length] = chance.choice([b"\xff", b"\0", b"\x7f\xff"]) * length
        elif change == 2:
            del data[at : at + length]
        else:
            data[at:at] = data[at : at + 30] * length
    return bytes(data)


def cut(kind: str, share: float) -> bytes:
    """Returns the beginning of a picture."""
    data = sound(kind)
    return data[: int(len(data) * share)]


CRAFTED: Mapping[str, Make] = {
    "WebP of 34 bytes and 15,800² pixels": partial(webp_of_one_colour, 15_800, 15_800),
    "WebP of 16,383² pixels": partial(webp_of_one_colour, 16_383, 16_383),
    "WebP with a canvas of 16,777,216²": lambda: in_webp(canvas=b"")[:24] + b"\xff" * 6 + in_webp()[30:],
    "WebP with a flood of frames": partial(frames_flood, 19_000, 16),
    "WebP with 900 frames": partial(frames_flood, 900, 16),
    "WebP with large frames": partial(frames_flood, 100, 16_000),
    "WebP with frames in frames": lambda: riff(
        chunk(b"VP8X", b"\2" + bytes(9)) + chunk(b"ANMF", bytes(16) + chunk(b"ANMF", bytes(16)) * 20_000)
    ),
    "WebP in WebP": lambda: in_webp((b"RIFF", b"WEBP" + sound("WEBP") * 50)),
    "WebP of a million chunks": lambda: riff(chunk(b"VP8X", bytes(10)) + b"note\0\0\0\0" * 1_000_000),
    "WebP of nothing": lambda: riff(b""),
    "WebP with an ICC bomb": lambda: in_webp((b"ICCP", icc_of_overlapping_tags(3_000_000)), flags=0x20),
    "JPEG of 65,500² pixels": partial(jpeg_of_size, 65_500, 65_500),
    "progressive JPEG of 15,800² pixels": partial(jpeg_of_size, 15_800, 15_800),
    "baseline JPEG of 15,800² pixels": partial(jpeg_of_size, 15_800, 15_800, progressive=False),
    "JPEG of 99 scans of 8,000² pixels": partial(jpeg_of_size, 8_000, 8_000, repeat=90),
    "JPEG of 1,000 scans": partial(jpeg_of_size, 4_000, 4_000, repeat=1000),
    "JPEG with overlapping APP1": lambda: in_jpeg(nested_segments(100), sound("JPEG")),
    "JPEG with thousands of GPS entries": lambda: in_jpeg(
        segment(0xE1, exif_with_entries(5000, overlapping=False)), sound("JPEG")
    ),
    "JPEG with overlapping GPS values": lambda: in_jpeg(
        segment(0xE1, exif_with_entries(5000, overlapping=True)) * 90, sound("JPEG")
    ),
    "JPEG of a million comments": lambda: in_jpeg(segment(0xFE, b"") * 1_000_000, sound("JPEG")),
    "JPEG with endless restart markers": lambda: sound("JPEG")[:-2] + b"\xff\xd0\xff\xd1" * 2_000_000 + b"\xff\xd9",
    "JPEG with endless fill bytes": lambda: in_jpeg(b"\xff" * 8_000_000, sound("JPEG")),
    "JPEG with endless zeros": lambda: sound("JPEG")[:-2] + bytes(8_000_000) + b"\xff\xd9",
    "JPEG in arithmetic coding": lambda: sound("JPEG").replace(b"\xff\xc0", b"\xff\xc9", 1),
    "progressive JPEG in arithmetic coding": lambda: sound("JPEG", progressive=True).replace(b"\xff\xc2", b"\xff\xca", 1),
    "lossless JPEG": lambda: sound("JPEG").replace(b"\xff\xc0", b"\xff\xc3", 1),
    "JPEG with an ICC bomb": lambda: sound("JPEG")[:20] + segments_of(icc_of_overlapping_tags(3_900_000)) + sound("JPEG")[20:],
    "JPEG with 255 ICC pieces": lambda: in_jpeg(
        b"".join(segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 255]) + b"x" * 60_000) for n in range(1, 256)), sound("JPEG")
    ),
    "JPEG of no components": lambda: sound("JPEG").replace(
        b"\xff\xc0\0\x11\x08\0\x78\0\xa0\3", b"\xff\xc0\0\x11\x08\0\x78\0\xa0\0", 1
    ),
    "JPEG of the largest sampling": lambda: sound("JPEG").replace(b"\xa0\x03\x01\x22", b"\xa0\x03\x01\xff", 1),
    "JPEG with two frame headers": lambda: sound("JPEG") + sound("JPEG")[2:],
    "JPEG of 0 rows": partial(jpeg_of_size, 100, 0),
    "PNG of 2³¹ rows": partial(png_of_size, 1, 2**31 - 1, 1000),
    "PNG of 250 megapixels of zeros": partial(png_of_size, 15_800, 15_800, 15_800 * (1 + 3 * 15_800)),
    "PNG of 16 bits": partial(png_of_size, 11_000, 11_000, 11_000 * (1 + 4 * 11_000), colour=6),
    "PNG with an IDAT bomb": partial(png_of_size, 10, 10, 400_000_000),
    "PNG with a text bomb": lambda: in_png(png_chunk(b"zTXt", b"Comment\0\0" + zeros(400_000_000)) * 5, sound("PNG")),
    "PNG with an iTXt bomb": lambda: in_png(
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zeros(400_000_000)), sound("PNG")
    ),
    "PNG with an ICC bomb": lambda: in_png(png_chunk(b"iCCP", b"ICC\0\0" + zeros(400_000_000)), sound("PNG")),
    "PNG with a small ICC bomb": lambda: in_png(png_chunk(b"iCCP", b"ICC\0\0" + zeros(50_000_000)), sound("PNG")),
    "PNG with ICC of overlapping tags": lambda: in_png(
        png_chunk(b"iCCP", b"ICC\0\0" + zlib.compress(icc_of_overlapping_tags(3_900_000))), sound("PNG")
    ),
    "PNG of a million chunks": lambda: in_png(png_chunk(b"tEXt", b"a\0b") * 1_000_000, sound("PNG")),
    "PNG of a million IDAT": lambda: in_png(png_chunk(b"IDAT", b"") * 1_000_000, sound("PNG")),
    "PNG with a flood of frames": lambda: in_png(
        png_chunk(b"acTL", struct.pack(">II", 19_000, 0)) + png_chunk(b"fcTL", bytes(26)) * 19_000, sound("PNG")
    ),
    "PNG with frames that never end": lambda: (
        sound("PNG")[:-12]
        + png_chunk(b"fcTL", struct.pack(">5I2H2B", 0, 2**31 - 1, 2**31 - 1, 0, 0, 1, 1, 0, 0))
        + png_chunk(b"fdAT", bytes(4) + zeros(400_000_000))
        + png_chunk(b"IEND", b"")
    ),
    "PNG of 2³¹ bytes": lambda: sound("PNG")[:33] + b"\x7f\xff\xff\xffIDAT" + sound("PNG")[41:],
    "PNG in a PNG": lambda: in_png(png_chunk(b"IDAT", sound("PNG")), sound("PNG")),
    "PNG without an IHDR": lambda: sound("PNG")[:8] + png_chunk(b"IHDR", b"") + sound("PNG")[33:],
    "TIFF of 2³¹ pixels": partial(tiff_of_size, 46_000, 46_000, 1, bytes(100)),
    "TIFF of 4,000,000,000 columns": partial(tiff_of_size, 4_000_000_000, 1, 1, bytes(100)),
    "TIFF with a bomb": lambda: tiff_of_size(15_000, 15_000, 8, zeros(15_000 * 15_000)),
    "TIFF with a PackBits bomb": lambda: tiff_of_size(15_000, 15_000, 32773, b"\x81\0" * 1_800_000),
    "TIFF whose directory follows itself": partial(tiff_of_size, 10, 10, 1, bytes(100), following=8),
    "TIFF of 65,535 entries": lambda: tiff_of(*[(n, 4, 2**30, 8) for n in range(65_535)]),
    "TIFF of nothing": tiff_of,
    "BMP of 2³⁰ pixels": partial(bmp_of_size, 32_768, 32_768),
    "BMP upside down": partial(bmp_of_size, 10, -(2**31)),
    "BMP with a bomb": lambda: bmp_of_size(15_000, 15_000, compression=1, data=bytes(1024) + b"\xff\0" * 900_000),
    "BMP with 4,000,000,000 colours": partial(bmp_of_size, 10, 10, colours=4_000_000_000, data=bytes(2000)),
    "AVIF of 4,294,967,295²": lambda: avif_with(b"ispe\0\0\0\0", b"\xff" * 8),
    "AVIF of 15,000²": lambda: avif_with(b"ispe\0\0\0\0", struct.pack(">II", 15_000, 15_000)),
    "AVIF with 65,535 places": lambda: avif_with(b"iloc", b"\0\0\0\0\x44\0\xff\xff"),
    "HEIC of boxes in boxes": partial(nested_boxes, 5000),
    "HEIC of nothing": lambda: box(b"ftyp", b"heic\0\0\0\0mif1heic"),
    "GIF and JPEG": lambda: b"GIF89a" + sound("JPEG"),
    "ZIP after a JPEG": lambda: sound("JPEG") + b"PK\3\4" + bytes(100),
    "HTML in front": lambda: b"<html><script>" + sound("JPEG"),
    "HTML in a JPEG": lambda: in_jpeg(segment(0xFE, b"*/=1;alert(1)/*<script>"), sound("JPEG")),
    "PDF and PNG": lambda: sound("PNG") + b"%PDF-1.7",
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>',
    "PostScript": lambda: b"%!PS-Adobe-3.0",
    "nothing": bytes,
    "a byte": lambda: b"\xff",
    "zeros": lambda: bytes(100_000),
}


def segments_of(profile: bytes) -> bytes:
    """Returns the JPEG segments of a colour profile."""
    pieces = [profile[start : start + 65_000] for start in range(0, len(profile), 65_000)]
    return b"".join(segment(0xE2, b"ICC_PROFILE\0" + bytes([n, len(pieces)]) + piece) for n, piece in enumerate(pieces, 1))


def hostile_pictures() -> Iterator[tuple[str, Make]]:
    """Yields more than 500 pictures: their name, and what makes them."""
    yield from CRAFTED.items()
    for kind in UPLOADS:
        yield from ((f"{kind}, cut at {n} %", partial(cut, kind, n / 100)) for n in range(3, 100, 7))
        yield from ((f"{kind}, spoilt {n}", partial(mutated, kind, n)) for n in range(80 if kind in KINDS else 40))
