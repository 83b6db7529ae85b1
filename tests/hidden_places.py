"""Hides a text in a picture in each way that cameras, programs and attackers have."""

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from PIL import Image, ImageCms

from etalase.pictures.jpeg import read_jpeg
from tests.pictures import ORIENTATION, animated, assembled_png, picture, png_chunk
from tests.pictures import dish as noise

PLACE = "-6.1753924,106.8271528"
SCRIPT = "<script>alert('till')</script>"
SECRET = f"{PLACE} {SCRIPT}"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<r:Description xmlns:{0}="{1}" {0}:{2}="{3}"/></r:RDF></x:xmpmeta>'
)
EXIF_NAMESPACE = "http://ns.adobe.com/exif/1.0/"
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"

Hide = Callable[[], bytes]


@cache
def dish(kind: str, **options: Any) -> bytes:
    """Returns the same picture each time."""
    return noise(kind, **options)


def every_spelling() -> list[bytes]:
    """Returns the secret's place and script in each encoding that a form uses."""
    texts = [text.encode(encoding) for text in (PLACE, SCRIPT) for encoding in ("utf-8", "utf-16-le", "utf-16-be")]
    return [*texts, *(text.hex().encode() for text in texts), *(zlib.compress(text) for text in texts)]


def hides(data: bytes) -> bool:
    """Returns whether a text of the secret is in ``data``, also compressed in a PNG."""
    opened = [data]
    for start in range(len(data)):
        if data[start : start + 1] == b"\x78" and data[start + 1 : start + 2] in {b"\x01", b"\x5e", b"\x9c", b"\xda"}:
            unpack = zlib.decompressobj()
            try:
                opened.append(unpack.decompress(data[start:], 10_000_000) + unpack.unused_data)
            except zlib.error:
                continue
    return any(text in body for body in opened for text in every_spelling())


def tiff(*, place: str = "gps", orientation: int = 6) -> bytes:
    """Returns Exif data that hide the secret in one place."""
    written = Image.Exif()
    written[ORIENTATION] = orientation
    if place == "gps":
        written.get_ifd(0x8825).update({0x1D: SECRET, 1: "S", 2: (6.0, 10.0, 31.4)})
    elif place == "maker note":
        written.get_ifd(0x8769)[0x927C] = b"Apple iOS\0\0\1MM" + SECRET.encode()
    elif place == "user comment":
        written.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + SECRET.encode("utf-16-le")
    elif place == "description":
        written[0x010E] = SECRET
    elif place == "windows":
        written[0x9C9C] = SECRET.encode("utf-16-le")
    return written.tobytes().removeprefix(b"Exif\0\0")


def tiff_with_thumbnail() -> bytes:
    """Returns Exif data whose second directory has a preview with a place of its own."""
    preview = in_jpeg(segment(0xE1, b"Exif\0\0" + tiff()), picture(size=(16, 12)))
    directory = struct.pack(">HHHII", 1, 0x0112, 3, 1, 6 << 16)
    start = 8 + len(directory) + 4
    entries = struct.pack(">HHHIIHHII", 2, 0x0201, 4, 1, start + 30, 0x0202, 4, 1, len(preview))
    return b"MM\0*\0\0\0\x08" + directory + struct.pack(">I", start) + entries + bytes(4) + preview


def profile(*, tag: bytes | None = None, tail: bytes = b"") -> bytes:
    """Returns an sRGB profile with the secret in its description, in a tag of a vendor, or after its end."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = SECRET.encode("utf-16-be")
    if tag is None:
        return made + tail
    (count,) = struct.unpack_from(">I", made, 128)
    content = b"mluc" + struct.pack(">IIIIII", 0, 1, 12, 0x656E5553, len(text), 28) + text + bytes(-len(text) % 4)
    table = bytearray(made[132 : 132 + 12 * count])
    moved = 0 if tag == b"desc" else 12
    for n in range(count):
        sign, start, size = struct.unpack_from(">4sII", table, 12 * n)
        if sign == tag:
            start, size = len(made), len(content)
        struct.pack_into(">4sII", table, 12 * n, sign, start + moved, size)
    if tag != b"desc":
        table += struct.pack(">4sII", tag, len(made) + moved, len(content))
    whole = made[:128] + struct.pack(">I", len(table) // 12) + table + made[132 + 12 * count :] + content
    return len(whole).to_bytes(4, "big") + whole[4:]


def tags_of(profile: bytes) -> dict[bytes, bytes]:
    """Returns the tags of a colour profile, each with its content."""
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = (struct.unpack_from(">4sII", profile, 132 + 12 * n) for n in range(count))
    return {tag: profile[start : start + size] for tag, start, size in entries}


def with_tag(profile: bytes, tag: bytes, content: bytes) -> bytes:
    """Returns the profile with this tag instead of its own one of that name."""
    tags = tags_of(profile) | {tag: content}
    table, contents, start = b"", b"", 132 + 12 * len(tags)
    for name, one in tags.items():
        table += struct.pack(">4sII", name, start + len(contents), len(one))
        contents += one + bytes(-len(one) % 4)
    whole = profile[:128] + struct.pack(">I", len(tags)) + table + contents
    return len(whole).to_bytes(4, "big") + whole[4:]


def segment(marker: int, content: bytes) -> bytes:
    """Returns a JPEG segment."""
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content


def in_jpeg(extra: bytes, data: bytes | None = None) -> bytes:
    """Returns a JPEG with ``extra`` after its JFIF header."""
    data = dish("JPEG") if data is None else data
    return data[:20] + extra + data[20:]


def xmp(prefix: str = "exif", namespace: str = EXIF_NAMESPACE, name: str = "GPSLatitude") -> str:
    """Returns XMP with the secret."""
    return XMP.format(prefix, namespace, name, SECRET.replace("<", "&lt;") + "'")


def in_png(extra: bytes, data: bytes | None = None, *, after: int = 33) -> bytes:
    """Returns a PNG with ``extra`` after its header."""
    data = dish("PNG") if data is None else data
    return data[:after] + extra + data[after:]


def in_webp(*extra: tuple[bytes, bytes], flags: int = 0, data: bytes | None = None, canvas: bytes = b"") -> bytes:
    """Returns an extended WebP with chunks after its picture."""
    data = dish("WEBP") if data is None else data
    header = bytes([flags, 0, 0, 0]) + (319).to_bytes(3, "little") + (239).to_bytes(3, "little") + canvas
    return riff(chunk(b"VP8X", header) + data[12:] + b"".join(chunk(kind, content) for kind, content in extra))


def chunk(kind: bytes, content: bytes) -> bytes:
    """Returns a RIFF chunk."""
    return kind + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)


def riff(content: bytes) -> bytes:
    """Returns a WebP of these chunks."""
    return b"RIFF" + (len(content) + 4).to_bytes(4, "little") + b"WEBP" + content


def _tail_of_a_film() -> bytes:
    box = b"\xa9xyz" + struct.pack(">HH", len(PLACE), 0x15C7) + SECRET.encode()
    return b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + (8 + len(box)).to_bytes(4, "big") + b"moov" + box


def _jfif_with_thumbnail() -> bytes:
    data, text = dish("JPEG"), SECRET.encode().ljust(192, b" ")
    return data[:2] + segment(0xE0, data[6:18] + b"\x08\x08" + text) + data[20:]


def _between_scans(extra: bytes) -> bytes:
    data = dish("JPEG", progressive=True)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    return data[:second] + extra + data[second:]


def _with_adobe(text: bytes) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(dish("PNG"))).convert("CMYK").save(file, "JPEG")
    data = file.getvalue()
    adobe = data.index(b"\xff\xee")
    return data[:adobe] + segment(0xEE, data[adobe + 4 : adobe + 16] + text) + data[adobe + 16 :]


def _raw_profile() -> bytes:
    body = b"Exif\0\0" + tiff()
    return b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n%8d\n" % len(body) + body.hex().encode())


def _iend_with_content() -> bytes:
    data = dish("PNG")
    return data[:-12] + png_chunk(b"IEND", SECRET.encode())


def _animated_webp() -> bytes:
    data = animated("WEBP", size=(48, 32))
    at = data.index(b"ANMF")
    length = int.from_bytes(data[at + 4 : at + 8], "little")
    content = data[at + 8 : at + 8 + length] + chunk(b"note", SECRET.encode())
    return riff(data[12:at] + chunk(b"ANMF", content) + data[at + 8 + length + length % 2 :])


def _table(kind: int) -> bytes:
    """Returns a table that no scan uses, with the place in its values, and more after it."""
    text = SECRET.encode()[:64]
    if kind == 0xDB:
        return segment(0xDB, b"\3" + text.ljust(64) + SECRET.encode())
    return segment(0xC4, b"\x13" + bytes(15) + bytes([len(text)]) + text + SECRET.encode())


def _replaced_tables() -> bytes:
    """Returns a JPEG whose first tables hide the place: the right ones follow."""
    data = dish("JPEG")
    text = SECRET.encode()[:64].ljust(64)
    return data[:20] + segment(0xDB, b"\0" + text) + segment(0xC4, b"\0" + bytes(15) + b"\x40" + text) + data[20:]


def _longer_tables(marker: bytes) -> bytes:
    data = dish("JPEG")
    start = data.index(marker)
    end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    return data[:start] + segment(marker[1], data[start + 4 : end] + SECRET.encode()) + data[end:]


def _palette(colours: int) -> bytes:
    """Returns a PNG of 1 bit a pixel with more colours than it can have."""
    file = io.BytesIO()
    Image.new("P", (32, 32)).save(file, "PNG", bits=1)
    data = file.getvalue()
    start = data.index(b"PLTE") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    text = SECRET.encode().ljust(3 * colours - 6, b" ")
    return data[:start] + png_chunk(b"PLTE", bytes(6) + text) + data[end:]


def _intervals() -> bytes:
    text = SECRET.encode().ljust(len(SECRET) + len(SECRET) % 2)
    return in_jpeg(b"".join(segment(0xDD, text[at : at + 2]) for at in range(0, len(text), 2)) + segment(0xDD, bytes(2)))


def _mpf() -> bytes:
    return in_jpeg(segment(0xE2, b"MPF\0MM\0*" + SECRET.encode())) + in_jpeg(segment(0xE1, b"Exif\0\0" + tiff()))


JPEG: Mapping[str, Hide] = {
    "Exif GPS": lambda: in_jpeg(segment(0xE1, b"Exif\0\0" + tiff())),
    "Exif maker note": lambda: in_jpeg(segment(0xE1, b"Exif\0\0" + tiff(place="maker note"))),
    "Exif user comment": lambda: in_jpeg(segment(0xE1, b"Exif\0\0" + tiff(place="user comment"))),
    "Exif description": lambda: in_jpeg(segment(0xE1, b"Exif\0\0" + tiff(place="description"))),
    "Exif text of Windows": lambda: in_jpeg(segment(0xE1, b"Exif\0\0" + tiff(place="windows"))),
    "Exif preview": lambda: in_jpeg(segment(0xE1, b"Exif\0\0" + tiff_with_thumbnail())),
    "second Exif": lambda: in_jpeg(segment(0xE1, b"Exif\0\0" + tiff(place="")) + segment(0xE1, b"Exif\0\0" + tiff())),
    "Exif in another segment": lambda: in_jpeg(segment(0xE5, b"Exif\0\0" + tiff())),
    "XMP": lambda: in_jpeg(segment(0xE1, XMP_HEADER + xmp().encode())),
    "XMP with another prefix": lambda: in_jpeg(segment(0xE1, XMP_HEADER + xmp("e").encode())),
    "XMP in UTF-16": lambda: in_jpeg(segment(0xE1, XMP_HEADER + xmp().encode("utf-16"))),
    "XMP of DJI": lambda: in_jpeg(
        segment(0xE1, XMP_HEADER + xmp("drone-dji", "http://www.dji.com/drone-dji/1.0/", "GpsLatitude").encode())
    ),
    "extended XMP": lambda: in_jpeg(segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + xmp().encode())),
    "unknown APP1": lambda: in_jpeg(segment(0xE1, b"note\0" + SECRET.encode())),
    "comment": lambda: in_jpeg(segment(0xFE, SECRET.encode())),
    "comment between scans": lambda: _between_scans(segment(0xFE, SECRET.encode())),
    "IPTC": lambda: in_jpeg(segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x40\x1c\x02\x78" + SECRET.encode())),
    "MPF": _mpf,
    "FlashPix": lambda: in_jpeg(segment(0xE2, b"FPXR\0" + SECRET.encode())),
    "JFIF preview": _jfif_with_thumbnail,
    "JFXX preview": lambda: in_jpeg(segment(0xE0, b"JFXX\0\x10" + SECRET.encode())),
    "C2PA": lambda: in_jpeg(segment(0xEB, b"JP\0\1\0\0\0\1" + SECRET.encode())),
    "Ducky": lambda: in_jpeg(segment(0xEC, b"Ducky\0" + SECRET.encode())),
    "APP15": lambda: in_jpeg(segment(0xEF, SECRET.encode())),
    "Adobe, longer": lambda: _with_adobe(SECRET.encode()),
    "JPG3": lambda: in_jpeg(segment(0xF3, SECRET.encode())),
    "reserved": lambda: in_jpeg(segment(0x02, SECRET.encode())),
    "DNL": lambda: in_jpeg(segment(0xDC, SECRET.encode())),
    "between segments": lambda: in_jpeg(SECRET.encode()),
    "quantization table": lambda: in_jpeg(_table(0xDB)),
    "Huffman table": lambda: in_jpeg(_table(0xC4)),
    "tables after the image": lambda: dish("JPEG")[:-2] + _table(0xDB) + _table(0xC4) + b"\xff\xd9",
    "replaced tables": _replaced_tables,
    "longer quantization tables": lambda: _longer_tables(b"\xff\xdb"),
    "longer Huffman tables": lambda: _longer_tables(b"\xff\xc4"),
    "short Huffman table": lambda: in_jpeg(segment(0xC4, b"\3" + b"\xff" * 16 + SECRET.encode())),
    "tables between scans": lambda: _between_scans(segment(0xDB, b"\3" + SECRET.encode()[:64].ljust(64))),
    "text between scans": lambda: _between_scans(SECRET.encode()),
    "longer JFIF": lambda: dish("JPEG")[:2] + segment(0xE0, dish("JPEG")[6:20] + SECRET.encode()) + dish("JPEG")[20:],
    "longer restart interval": lambda: in_jpeg(segment(0xDD, b"\0\0" + SECRET.encode())),
    "film": lambda: dish("JPEG") + _tail_of_a_film(),
    "second picture": lambda: dish("JPEG") + in_jpeg(segment(0xE1, b"Exif\0\0" + tiff())),
    "HTML after the end": lambda: dish("JPEG") + SECRET.encode(),
    "ICC description": lambda: dish("JPEG", icc_profile=profile(tag=b"desc")),
    "ICC tag of a vendor": lambda: dish("JPEG", icc_profile=profile(tag=b"note")),
    "after the ICC profile": lambda: dish("JPEG", icc_profile=profile(tail=SECRET.encode())),
    "second ICC profile": lambda: in_jpeg(segment(0xE2, b"ICC_PROFILE\0\1\1" + profile(tag=b"desc")), dish("JPEG")),
    "not an ICC profile": lambda: in_jpeg(segment(0xE2, b"ICC_PROFILE\0\1\1" + SECRET.encode())),
}
PNG: Mapping[str, Hide] = {
    "tEXt": lambda: in_png(png_chunk(b"tEXt", b"Comment\0" + SECRET.encode())),
    "zTXt": lambda: in_png(png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(SECRET.encode()))),
    "iTXt": lambda: in_png(png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp("e").encode())),
    "iTXt compressed": lambda: in_png(png_chunk(b"iTXt", b"Title\0\1\0\0\0" + zlib.compress(SECRET.encode()))),
    "raw profile": lambda: in_png(png_chunk(b"zTXt", _raw_profile())),
    "eXIf": lambda: in_png(png_chunk(b"eXIf", tiff())),
    "unknown chunk": lambda: in_png(png_chunk(b"prVt", SECRET.encode())),
    "after the image data": lambda: in_png(png_chunk(b"tEXt", b"Comment\0" + SECRET.encode()), after=len(dish("PNG")) - 12),
    "C2PA": lambda: in_png(png_chunk(b"caBX", SECRET.encode())),
    "palette's name": lambda: in_png(png_chunk(b"sPLT", SECRET.encode() + b"\0\x08")),
    "profile's name": lambda: in_png(png_chunk(b"iCCP", SECRET.encode() + b"\0\0" + zlib.compress(profile()))),
    "profile's description": lambda: in_png(png_chunk(b"iCCP", b"ICC\0\0" + zlib.compress(profile(tag=b"desc")))),
    "after the profile": lambda: in_png(png_chunk(b"iCCP", b"ICC\0\0" + zlib.compress(profile()) + SECRET.encode())),
    "longer gamma": lambda: in_png(png_chunk(b"gAMA", b"\0\0\xb1\x8f" + SECRET.encode())),
    "time": lambda: in_png(png_chunk(b"tIME", SECRET.encode())),
    "second gamma": lambda: in_png(
        png_chunk(b"gAMA", b"\0\0\xb1\x8f") + png_chunk(b"cHRM", bytes(32)) + png_chunk(b"cHRM", SECRET.encode()[:32])
    ),
    "palette as a proposal": lambda: in_png(png_chunk(b"PLTE", SECRET.encode().ljust(69))),
    "palette of too many colours": lambda: _palette(256),
    "transparency of too many colours": lambda: in_png(png_chunk(b"tRNS", SECRET.encode())),
    "animation without a header": lambda: in_png(png_chunk(b"fcTL", SECRET.encode()) + png_chunk(b"fdAT", SECRET.encode())),
    "bits of too many colours": lambda: in_png(png_chunk(b"sBIT", SECRET.encode())),
    "chunk of the third edition": lambda: in_png(png_chunk(b"mDCV", SECRET.encode())),
    "background": lambda: in_png(png_chunk(b"bKGD", SECRET.encode())),
    "end": _iend_with_content,
    "tail": lambda: dish("PNG") + SECRET.encode(),
    "film": lambda: dish("PNG") + _tail_of_a_film(),
}
WEBP: Mapping[str, Hide] = {
    "EXIF": lambda: in_webp((b"EXIF", tiff()), flags=8),
    "EXIF with JPEG's prefix": lambda: in_webp((b"EXIF", b"Exif\0\0" + tiff()), flags=8),
    "unannounced EXIF": lambda: in_webp((b"EXIF", tiff())),
    "XMP": lambda: in_webp((b"XMP ", xmp().encode()), flags=4),
    "XMP in UTF-16": lambda: in_webp((b"XMP ", xmp("e").encode("utf-16")), flags=4),
    "unknown chunk": lambda: in_webp((b"note", SECRET.encode())),
    "unknown chunk of a simple file": lambda: riff(dish("WEBP")[12:] + chunk(b"note", SECRET.encode())),
    "second picture": lambda: in_webp((b"VP8 ", dish("WEBP")[20:] + SECRET.encode())),
    "longer header": lambda: in_webp(canvas=SECRET.encode()),
    "profile's description": lambda: riff_with_profile(profile(tag=b"desc")),
    "chunk of a frame": _animated_webp,
    "tail": lambda: dish("WEBP") + SECRET.encode(),
    "film": lambda: dish("WEBP") + _tail_of_a_film(),
    "after an odd chunk": lambda: in_webp((b"note", b"abc"), (b"note", SECRET.encode())),
    "longer animation header": lambda: in_webp((b"ANIM", bytes(6) + SECRET.encode())),
    "end of the container": lambda: riff(dish("WEBP")[12:] + SECRET.encode()[:7]) + SECRET.encode(),
}
FORMS: Mapping[str, Mapping[str, Hide]] = {"JPEG": JPEG, "PNG": PNG, "WEBP": WEBP}


def riff_with_profile(content: bytes) -> bytes:
    """Returns a WebP with a profile."""
    data = in_webp(flags=0x20)
    return riff(data[12:30] + chunk(b"ICCP", content) + data[30:])


def in_image_data() -> Mapping[str, bytes]:
    """Returns pictures with the secret where only a decoder can see that it is no image data."""
    size, rows = (60, 40), bytes(181 * 40)
    sound, text = assembled_png(size, rows), SECRET.encode() * 3
    coded = zlib.compress(rows)
    end = png_chunk(b"IEND", b"")
    jpeg = dish("JPEG")
    progressive = dish("JPEG", progressive=True)
    first_scan = progressive[: next(part.end for part in read_jpeg(progressive).parts if part.kind == "SOS")]
    restarts = dish("JPEG", restart_marker_blocks=20)
    restart = restarts.index(b"\xff\xd3", restarts.index(b"\xff\xda"))
    before_restart = restarts[:restart] + text + restarts[restart:]
    return {
        "PNG, after the compressed data": sound[:33] + png_chunk(b"IDAT", coded + text) + end,
        "PNG, another IDAT": sound[:33] + png_chunk(b"IDAT", coded) + png_chunk(b"IDAT", text) + end,
        "PNG, more rows": assembled_png(size, rows + text),
        "JPEG, before the end": jpeg[:-2] + text + jpeg[-2:],
        "JPEG, after a scan": first_scan + text + progressive[len(first_scan) :],
        "JPEG, before a restart marker": before_restart,
    }
