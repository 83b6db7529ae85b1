"""Leaves of an ICC profile what changes colours (ICC.1:2022, sections 7 to 10): its texts can hide a place as well. Pure."""

import struct

MAX_PROFILE_BYTES = 4 * 1024**2
HEADER_BYTES, ENTRY_BYTES, MAX_TAGS = 128, 12, 100
SIGNATURE_AT, SIGNATURE = 36, b"acsp"
# Date, and what made the device, the profile and its checksum.
BLANKED = (slice(24, 36), slice(48, 56), slice(80, 128))
COLOURS = frozenset(
    {b"wtpt", b"bkpt", b"chad", b"cicp", b"gamt"}
    | {colour + kind for colour in (b"r", b"g", b"b") for kind in (b"XYZ", b"TRC")}
    | {b"kTRC"}
    | {way + bytes([n]) for way in (b"A2B", b"B2A", b"D2B", b"B2D") for n in b"0123"}
)
# Types of a known length: bytes after it are not read.
LENGTHS = {b"XYZ ": 20, b"sf32": 44, b"para": 40}
NAME = b"RGB"


def colour_profile(profile: bytes) -> bytes:
    """Returns the profile with the tags that change colours; nothing for data that are not a profile. Repeatable."""
    if not HEADER_BYTES + 4 <= len(profile) <= MAX_PROFILE_BYTES or profile[SIGNATURE_AT : SIGNATURE_AT + 4] != SIGNATURE:
        return b""
    (count,) = struct.unpack_from(">I", profile, HEADER_BYTES)
    if count > MAX_TAGS or len(profile) < HEADER_BYTES + 4 + count * ENTRY_BYTES:
        return b""
    tags: dict[bytes, bytes] = {}
    for n in range(count):
        tag, start, size = struct.unpack_from(">4sII", profile, HEADER_BYTES + 4 + n * ENTRY_BYTES)
        if tag in COLOURS:
            tags.setdefault(tag, _element(profile[start : start + size]))
    if sum(map(len, set(tags.values()))) > len(profile):
        return b""  # tags that overlap: each of a hundred may be the whole file
    return _assembled(profile, tags | _texts(profile[8])) if tags else b""


def _element(content: bytes) -> bytes:
    """Returns a tag's content without bytes after its end."""
    kind = content[:4]
    if kind == b"curv" and len(content) >= 12:
        return content[: 12 + 2 * int.from_bytes(content[8:12], "big")]
    return content[: LENGTHS.get(kind)]


def _texts(version: int) -> dict[bytes, bytes]:
    """Returns the two texts that a profile has to have, with nothing in them."""
    if version >= 4:
        text = NAME.decode().encode("utf-16-be")
        words = b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, *struct.unpack(">HH", b"enUS"), len(text), 28) + text
        return {b"desc": words, b"cprt": words}
    described = b"desc" + struct.pack(">II", 0, len(NAME) + 1) + NAME + b"\0" + bytes(4 + 4 + 2 + 1 + 67)
    return {b"desc": described, b"cprt": b"text" + bytes(4) + NAME + b"\0"}


def _assembled(profile: bytes, tags: dict[bytes, bytes]) -> bytes:
    """Returns a profile of these tags; equal contents stand once."""
    header = bytearray(profile[:HEADER_BYTES])
    for blanked in BLANKED:
        header[blanked] = bytes(blanked.stop - blanked.start)
    start = HEADER_BYTES + 4 + len(tags) * ENTRY_BYTES
    table, contents, places = [], bytearray(), dict[bytes, int]()
    for tag, content in sorted(tags.items()):
        if content not in places:
            places[content] = start + len(contents)
            contents += content + bytes(-len(content) % 4)
        table.append(struct.pack(">4sII", tag, places[content], len(content)))
    header[:4] = (start + len(contents)).to_bytes(4, "big")
    return bytes(header) + struct.pack(">I", len(tags)) + b"".join(table) + bytes(contents)
