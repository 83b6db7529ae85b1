"""Makes sound pictures with something wrong beside the image: checksums, lengths, places, repetitions of side parts."""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from PIL import Image, ImageCms

from etalase.pictures.jpeg import read_jpeg
from etalase.pictures.orientation import EXIF_HEADER, exif_of
from tests.hidden_places import chunk, riff, segment
from tests.pictures import animated, png_chunk

SIZE = (64, 48)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
Rows = Iterator[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Side:
    """A chunk beside a PNG's image: one that a decoder accepts, and one that is too short."""

    good: bytes
    short: bytes = b""


SIDES: Mapping[bytes, Side] = {
    b"tRNS": Side(b"\0\1\0\2\0\3", b"\0\1"),
    b"gAMA": Side(b"\0\0\xb1\x8f", b"\0\0"),
    b"cHRM": Side(struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000), bytes(5)),
    b"sRGB": Side(b"\0"),
    b"iCCP": Side(b"x\0\0" + zlib.compress(PROFILE), b"x\0\0abc"),
    b"sBIT": Side(b"\x08\x08\x08", b"\x08"),
    b"bKGD": Side(bytes(6), b"\0"),
    b"hIST": Side(bytes(32), bytes(3)),
    b"pHYs": Side(bytes(9), bytes(4)),
    b"sPLT": Side(b"n\0\x08" + bytes(6), b"n"),
    b"tIME": Side(b"\x07\xea\x01\x01\x01\x01\x01", b"\x07"),
    b"tEXt": Side(b"Comment\0hi"),
    b"zTXt": Side(b"Comment\0\0" + zlib.compress(b"hi"), b"Comment"),
    b"iTXt": Side(b"Title\0\0\0\0\0hi", b"Ti"),
    b"eXIf": Side(exif_of(6), b"MM"),
    b"cICP": Side(b"\x01\x0d\0\x01", b"\x01"),
    b"mDCV": Side(bytes(24), b"\0"),
    b"cLLI": Side(bytes(8), b"\0"),
    b"acTL": Side(b"\0\0\0\1\0\0\0\0", b"\0\0"),
    b"fcTL": Side(struct.pack(">5I2H2B", 0, *SIZE, 0, 0, 1, 10, 0, 0), b"\0\0"),
    b"fdAT": Side(b"\0\0\0\1" + zlib.compress(bytes(193 * 48)), b"\0"),
    b"prVt": Side(b"abc"),
    b"oFFs": Side(bytes(9), b"a"),
    b"pCAL": Side(b"a\0" + bytes(10), b"a"),
    b"caBX": Side(b"C2PA"),
}
IN_PALETTE = {b"tRNS": b"\xff" * 5 + b"\x80", b"bKGD": b"\1"}


def plain(kind: str, mode: str = "RGB", **options: object) -> bytes:
    """Returns a colourful picture."""
    image = Image.new("RGB", SIZE)
    image.putdata([(4 * x, 5 * y, x * y % 256) for y in range(SIZE[1]) for x in range(SIZE[0])])
    file = io.BytesIO()
    (image.quantize(16) if mode == "P" else image.convert(mode)).save(file, kind, **options)
    return file.getvalue()


def spoilt(chunk_: bytes) -> bytes:
    """Returns a PNG chunk with a wrong checksum."""
    return chunk_[:-4] + bytes(byte ^ 0x55 for byte in chunk_[-4:])


def png_rows(mode: str) -> Rows:
    """Yields a PNG with each chunk of the specification in each wrong form."""
    data = plain("PNG", mode)
    image, end = data.index(b"IDAT") - 4, len(data) - 12
    for kind, side in SIDES.items():
        good = IN_PALETTE.get(kind, side.good) if mode == "P" else side.good
        one = png_chunk(kind, good)
        for form, extra, at in (
            ("as it should be", one, image),
            ("with a wrong checksum", spoilt(one), image),
            ("too short", png_chunk(kind, side.short), image),
            ("empty", png_chunk(kind, b""), image),
            ("too long", png_chunk(kind, good + bytes(300)), image),
            ("twice", one * 2, image),
            ("wrong, then right", spoilt(one) + one, image),
            ("right, then wrong", one + spoilt(one), image),
            ("before the palette", one, 33),
            ("after the image", one, end),
            ("wrong after the image", spoilt(one), end),
        ):
            yield f"{mode} {kind.decode()} {form}", data[:at] + extra + data[at:]
        length = int.from_bytes(data[image : image + 4], "big")
        coded = data[image + 8 : image + 8 + length]
        halves = [png_chunk(b"IDAT", coded[: length // 2]), png_chunk(b"IDAT", coded[length // 2 :])]
        yield (
            f"{mode} {kind.decode()} within the image",
            data[:image] + halves[0] + one + halves[1] + data[image + 12 + length :],
        )
    yield f"{mode} IEND with a wrong checksum", data[:-4] + bytes(4)
    yield f"{mode} empty IDAT", data[:image] + png_chunk(b"IDAT", b"") + data[image:]
    yield f"{mode} empty IDAT at the end", data[:end] + png_chunk(b"IDAT", b"") + data[end:]
    if mode != "P":
        yield f"{mode} palette as a proposal", data[:33] + png_chunk(b"PLTE", bytes(768)) + data[33:]
        yield f"{mode} palette as a proposal, wrong", data[:33] + spoilt(png_chunk(b"PLTE", bytes(768))) + data[33:]


def jpeg_rows(*, progressive: bool) -> Rows:
    """Yields a JPEG with segments that decoders skip, in each wrong form, at each place; with tables that no scan uses."""
    data = plain("JPEG", quality=90, progressive=progressive)
    name = "progressive" if progressive else "baseline"
    parts = read_jpeg(data).parts
    frame = next(part for part in parts if part.kind.startswith("SOF"))
    scans = [part for part in parts if part.kind == "SOS"]
    places = {"after the JFIF header": 20, "after the frame header": frame.end, "before the first scan": scans[0].start}
    places |= {"before the second scan": scans[1].start} if progressive else {}
    places |= {"at the end": len(data) - 2}
    extras = {
        "fill bytes": b"\xff" * 300,
        "stray bytes": b"abc",
        "escaped byte": b"\xff\0",
        "restart marker": b"\xff\xd0",
        "TEM": b"\xff\x01",
        "reserved": segment(2, b"abc"),
        "JPG": segment(0xC8, b"abc"),
        "JPG13": segment(0xFD, b"abc"),
        "DAC": segment(0xCC, b"\0\1"),
        "DNL": segment(0xDC, b"\0\x30"),
        "DHP": segment(0xDE, bytes(17)),
        "EXP": segment(0xDF, b"\0"),
        "COM": segment(0xFE, b"abc"),
        "empty COM": segment(0xFE, b""),
        "DRI 0": segment(0xDD, b"\0\0"),
        "longer DRI": segment(0xDD, b"\0\0\0"),
        "empty DQT": segment(0xDB, b""),
        "unused DQT": segment(0xDB, b"\3" + b"\1" * 64),
        "short DQT": segment(0xDB, b"\3" + b"\1" * 60),
        "DQT of no number": segment(0xDB, b"\4" + b"\1" * 64),
        "empty DHT": segment(0xC4, b""),
        "unused DHT": segment(0xC4, b"\3\0\1" + bytes(14) + b"\5"),
        "short DHT": segment(0xC4, b"\3\0\1" + bytes(10)),
        "DHT of no number": segment(0xC4, b"\7\0\1" + bytes(14) + b"\5"),
        "DHT and more": segment(0xC4, b"\3\0\1" + bytes(14) + b"\5abc"),
        "APP5 of length 0": b"\xff\xe5\0\0",
        "APP5 of length 1": b"\xff\xe5\0\1",
        "empty APP5": segment(0xE5, b""),
        "APP5, longer than it says": b"\xff\xe5\0\6abcdefgh",
        "APP5 with a marker, longer than it says": b"\xff\xe5\0\6abcd\xff\0\xff\xd0",
        "ICC 1 of 2": segment(0xE2, b"ICC_PROFILE\0\1\2" + PROFILE),
        "ICC 0 of 0": segment(0xE2, b"ICC_PROFILE\0\0\0" + PROFILE),
        "ICC cut": segment(0xE2, b"ICC_PROFILE\0\1\1" + PROFILE[:200]),
        "ICC twice": segment(0xE2, b"ICC_PROFILE\0\1\1" + PROFILE) * 2,
        "Exif cut": segment(0xE1, EXIF_HEADER + exif_of(6)[:12]),
        "Exif turned by 9": segment(0xE1, EXIF_HEADER + exif_of(9)),
        "short Adobe": segment(0xEE, b"Adobe\0"),
    }
    for extra, content in extras.items():
        for place, at in places.items():
            yield f"{name} {extra} {place}", data[:at] + content + data[at:]
    yield f"{name} Exif after the last scan", data[:-2] + segment(0xE1, EXIF_HEADER + exif_of(6)) + data[-2:]
    yield f"{name} without JFIF", data[:2] + data[20:]
    yield f"{name} short JFIF", data[:2] + segment(0xE0, b"JFIF\0\1") + data[20:]
    yield f"{name} JFIF 9.9", data[:11] + b"\x09\x09" + data[13:]
    yield f"{name} JFIF without its thumbnail", data[:18] + b"\x08\x08" + data[20:]
    for part in parts:
        if part.kind in {"DQT", "DHT"}:
            place = f"at {part.start}"
            yield f"{name} {part.kind} twice {place}", data[: part.end] + data[part.start : part.end] + data[part.end :]
            longer = segment(data[part.start + 1], data[part.content : part.end] + b"abcde")
            yield f"{name} longer {part.kind} {place}", data[: part.start] + longer + data[part.end :]


def webp_rows(*, lossless: bool) -> Rows:
    """Yields a WebP with chunks in each wrong form beside its image."""
    name = "lossless" if lossless else "lossy"
    image = plain("WEBP", lossless=lossless, quality=90)[12:]
    sides = {b"ICCP": PROFILE, b"EXIF": exif_of(9), b"XMP ": b"<x/>", b"note": b"abc"}
    flags_of = {b"ICCP": 0x20, b"EXIF": 8, b"XMP ": 4, b"note": 0}

    def extended(flags: int, before: bytes = b"", after: bytes = b"", *, header: bytes = b"") -> bytes:
        canvas = b"".join((side - 1).to_bytes(3, "little") for side in SIZE)
        return riff(chunk(b"VP8X", bytes([flags, 0, 0, 0]) + canvas + header) + before + image + after)

    for kind, content in sides.items():
        one = chunk(kind, content)
        for announced, flags in (("", flags_of[kind]), (", unannounced", 0)):
            label = f"{name} {kind.decode().strip()}{announced}"
            yield f"{label} before the image", extended(flags, one)
            yield f"{label} after the image", extended(flags, after=one)
            yield f"{label} empty", extended(flags, chunk(kind, b""))
            yield f"{label} twice", extended(flags, one * 2)
            yield f"{label} with padding that is not zero", extended(flags, after=kind + struct.pack("<I", 3) + b"abcZ")
            yield f"{label} without padding at the end", extended(flags, after=kind + struct.pack("<I", 3) + b"abc")
        yield f"{name} announced {kind.decode().strip()} that is missing", extended(flags_of[kind])
    yield f"{name} reserved bits", extended(0xC1)
    yield f"{name} longer header", extended(0, header=b"abcd")
    yield f"{name} chunk after a simple image", riff(image + chunk(b"note", b"abc"))
    yield f"{name} second image", riff(image * 2)
    for rest in (b"a", b"abcdefg"):
        yield f"{name} {len(rest)} bytes at the end", riff(image + rest)


def rows() -> dict[str, dict[str, bytes]]:
    """Returns the pictures of each kind by name."""
    return {
        "PNG": dict([*png_rows("RGB"), *png_rows("P")]),
        "JPEG": dict([*jpeg_rows(progressive=False), *jpeg_rows(progressive=True)]),
        "WEBP": dict([*webp_rows(lossless=False), *webp_rows(lossless=True)]),
    }


def damaged_animations() -> Rows:
    """Yields animations whose frames are out of order, or not intact."""
    data = animated("PNG", size=SIZE)
    for kind in (b"fcTL", b"fdAT"):
        start = data.rindex(kind) - 4
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        one = data[start:end]
        forms = {"twice": one * 2, "gone": b"", "empty": png_chunk(kind, b""), "wrong": spoilt(one)}
        forms["longer"] = png_chunk(kind, one[8:-4] + b"abc")
        for form, content in forms.items():
            yield f"{kind.decode()} {form}", data[:start] + content + data[end:]


def plain_of(name: str, kind: str) -> bytes:
    """Returns the picture without what is wrong."""
    first = name.partition(" ")[0]
    options = {"P": {"mode": "P"}, "progressive": {"progressive": True}, "lossless": {"lossless": True}}.get(first, {})
    return plain(kind, **({} if kind == "PNG" else {"quality": 90}), **options)  # type: ignore[arg-type]
