"""Checks the worked example of the digest (API reference, "The digest")."""

import hashlib
import json
from pathlib import Path

import msgspec

from etalase.photo_digest import digest_line, photos_digest
from etalase.protocol import Photo

EXAMPLE = json.loads((Path(__file__).parent / "photo_digest.json").read_text("utf-8"))
PHOTOS = msgspec.convert(EXAMPLE["photos"], list[Photo])


def test_a_photo_is_written_as_one_line() -> None:
    assert [digest_line(photo) for photo in PHOTOS] == EXAMPLE["lines"]


def test_the_digest_is_the_md5_of_the_md5s_of_the_lines() -> None:
    assert [hashlib.md5(line.encode()).hexdigest() for line in EXAMPLE["lines"]] == EXAMPLE["line_digests"]
    assert hashlib.md5("".join(EXAMPLE["line_digests"]).encode()).hexdigest() == EXAMPLE["digest"]
    assert photos_digest(PHOTOS) == EXAMPLE["digest"]
