"""Leaves of an ICC profile what changes colours (ICC.1:2022, sections 7 to 10): its texts can hide a place as well. Pure."""

import struct

MAX_PROFILE_BYTES = 4 * 1024**2
HEADER_BYTES, ENTRY_BYTES, MAX_TAGS = 128, 12, 100
SIGNATURE_AT, SIGNATURE = 36, b"acsp"
# Date, and what made the device, the profile and its checksum.
BLANKED = (slice(24, 36), slice(48, 56), slice(80, 128))
# The types of element that each tag may have: one of another type, as a text, changes no colour.
_TABLES = frozenset({b"mft1", b"mft2"})
TYPES: dict[bytes, frozenset[bytes]] = {
    **dict.fromkeys((b"wtpt", b"bkpt", b"rXYZ", b"gXYZ", b"bXYZ"), frozenset({b"XYZ "})),
    **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC", b"kTRC"), frozenset({b"curv", b"para"})),
    **{b"A2B" + bytes([n]): _TABLES | {b"mAB "} for n in b"0123"},
    **{b"B2A" + bytes([n]): _TABLES | {b"mBA "} for n in b"0123"},
    **{way + bytes([n]): frozenset({b"mpet"}) for way in (b"D2B", b"B2D") for n in b"0123"},
    b"chad": frozenset({b"sf32"}),
    b"cicp": frozenset({b"cicp"}),
    b"gamt": _TABLES | {b"mBA "},
}
# Types of a known length: bytes after it are not read.
LENGTHS = {b"XYZ ": 20, b"sf32": 44, b"cicp": 12}
PARAMETERS = (1, 3, 4, 5, 7)  # of each function of a parametric curve
MAX_CHANNELS = 15
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
        element = _element(profile[start : start + size])
        if element[:4] in TYPES.get(tag, ()):
            tags.setdefault(tag, element)
    if sum(map(len, set(tags.values()))) > len(profile):
        return b""  # tags that overlap: each of a hundred may be the whole file
    return _assembled(profile, tags | _texts(profile[8])) if tags else b""


def _element(content: bytes) -> bytes:
    """Returns a tag's content without bytes after its end; nothing for one that is cut, or that is not of its type."""
    kind = content[:4]
    length = _length(kind, content)
    return content[:length] if length and len(content) >= length else b""


def _length(kind: bytes, content: bytes) -> int:
    """Returns the number of bytes that an element of this type has, or 0 for an unknown or impossible one."""
    if kind in LENGTHS:
        return LENGTHS[kind]
    if len(content) < 12:
        return 0
    if kind == b"curv":
        return 12 + 2 * int.from_bytes(content[8:12], "big")
    if kind == b"para":
        function = int.from_bytes(content[8:10], "big")
        return 12 + 4 * PARAMETERS[function] if function < len(PARAMETERS) else 0
    if kind in _TABLES:
        return _table_length(kind, content)
    # Their parts may stand in any order.
    channels = content[8:10] if kind in {b"mAB ", b"mBA "} else content[9:12:2]
    return len(content) if all(1 <= number <= MAX_CHANNELS for number in channels) else 0


def _table_length(kind: bytes, content: bytes) -> int:
    """Returns the number of bytes of a table: header, matrix, curves of the input, grid, and curves of the output."""
    inputs, outputs, points = content[8:11]
    if not (1 <= inputs <= MAX_CHANNELS and 1 <= outputs <= MAX_CHANNELS):
        return 0
    grid: int = points**inputs * outputs
    if kind == b"mft1":
        return 48 + 256 * inputs + grid + 256 * outputs
    entries = [int.from_bytes(content[at : at + 2], "big") for at in (48, 50)]
    return 52 + 2 * (entries[0] * inputs + grid + entries[1] * outputs)


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
