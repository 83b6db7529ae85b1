"""The structure of a HEIC tells lost image data: its decoder does not."""

import base64
import struct

import pytest

from etalase.errors import PictureFault, PictureRefused
from etalase.pictures.heic import MAX_META_BYTES, refuse_lost_data
from etalase.pictures.outline import MAX_PARTS

# 64×48 pixels, by libheif and x265.
REAL = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABoQ"
    "ABAAAAAAAAAB8AAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA"
    "/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAA"
    "ATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhp"
    "cG1hAAAAAAAAAAEAAQWBAgMFhAAAACdtZGF0AAAAGygBrwtg9QruC418WNfdRrq5+3/KjM9HuAA9Ww=="
)
FTYP = struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic"


def box(kind: bytes, content: bytes) -> bytes:
    """Returns a box."""
    return struct.pack(">I", len(content) + 8) + kind + content


def full(kind: bytes, content: bytes, version: int = 0) -> bytes:
    """Returns a box with a version."""
    return box(kind, bytes([version, 0, 0, 0]) + content)


def unit(length: int = 400) -> bytes:
    """Returns a NAL unit with the length before it."""
    return struct.pack(">I", length) + b"\x28\1" + b"\xa5" * (length - 2)


def heic(tiles: list[bytes], *, thumbnail: bytes = b"", extents: int = 1, places: list[tuple[int, int]] | None = None) -> bytes:
    """Returns a HEIC as a phone writes it: a grid of tiles, and a thumbnail."""
    coded = [*tiles, thumbnail]

    def meta(start: int) -> bytes:
        located = places or []
        for one in coded:
            located = located if places else [*located, (start, len(one))]
            start += len(one)
        infos = b"".join(full(b"infe", struct.pack(">HH4sx", n, 0, b"hvc1"), 2) for n in range(1, len(located) + 1))
        grid = full(b"infe", struct.pack(">HH4sx", 100, 0, b"grid"), 2)
        table = b"".join(
            struct.pack(">HHH", n, 0, extents) + struct.pack(">II", *place) * extents for n, place in enumerate(located, 1)
        )
        tiled = struct.pack(f">HH{len(tiles)}H", 100, len(tiles), *range(1, len(tiles) + 1))
        return full(
            b"meta",
            full(b"pitm", struct.pack(">H", 100))
            + full(b"iinf", struct.pack(">H", len(located) + 1) + infos + grid)
            + full(b"iref", box(b"dimg", tiled))
            + box(b"iprp", box(b"ipco", box(b"hvcC", bytes(21) + b"\3")))
            + full(b"iloc", struct.pack(">HH", 0x4400, len(located)) + table),
        )

    return FTYP + meta(len(FTYP) + len(meta(0)) + 8) + box(b"mdat", b"".join(coded))


TILES = [unit() + unit(30), unit()]
SOUND = heic(TILES, thumbnail=unit())
MIDDLE = SOUND.index(TILES[1]) + 100


@pytest.mark.parametrize(
    "data",
    [
        REAL,
        REAL + b"a tail",
        SOUND,
        SOUND + b"<script>" + bytes(64),
        heic(TILES, thumbnail=bytes(400)),  # damage beside the picture
        FTYP,
        FTYP + bytes(64),
        FTYP + box(b"moov", bytes(100)),
    ],
)
def test_a_sound_picture_passes_whatever_is_beside_it(data: bytes) -> None:
    refuse_lost_data(data)


@pytest.mark.parametrize("data", [REAL, SOUND])
def test_a_picture_that_is_cut_anywhere_is_refused(data: bytes) -> None:
    for end in range(data.index(b"meta") + 4, len(data)):
        with pytest.raises(PictureRefused):
            refuse_lost_data(data[:end])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (SOUND[:MIDDLE] + bytes(50) + SOUND[MIDDLE + 50 :], PictureFault.UNDECODABLE),  # zeroed
        (SOUND[:MIDDLE] + SOUND[MIDDLE + 50 :], PictureFault.UNDECODABLE),  # a hole
        (SOUND[:MIDDLE] + bytes(len(SOUND) - MIDDLE), PictureFault.UNDECODABLE),  # the second half zeroed
        (heic([unit()[:-1], unit()]), PictureFault.UNDECODABLE),  # a unit that is longer than its place
        (heic([b"\0\0\0\1\x28", unit()]), PictureFault.UNDECODABLE),
        (heic(TILES, places=[(1, 10**6)]), PictureFault.CUT_SHORT),
    ],
)
def test_lost_image_data_are_refused(data: bytes, code: PictureFault) -> None:
    with pytest.raises(PictureRefused) as refused:
        refuse_lost_data(data)
    assert refused.value.code is code


@pytest.mark.parametrize(
    "data",
    [
        heic(TILES, places=[(0, 1000)] * 5),  # each tile is the whole file
        heic([struct.pack(">I", 2) + b"\x28\1"] * 2 + [(struct.pack(">I", 2) + b"\x28\1") * (MAX_PARTS + 1)]),
        heic(TILES, extents=MAX_PARTS),
        FTYP + full(b"meta", bytes(MAX_META_BYTES + 1)),
        FTYP + box(b"free", b"") * (MAX_PARTS + 2),
    ],
)
def test_a_structure_that_would_take_long_is_refused(data: bytes) -> None:
    with pytest.raises(PictureRefused) as refused:
        refuse_lost_data(data)
    assert refused.value.code is PictureFault.TOO_COMPLEX
