"""Checks the worked example of the digest of renditions (API reference, "Renditions")."""

import hashlib
import json
from pathlib import Path
from uuid import UUID

from etalase.renditions import ListedRenditions, RenditionKey, digest_line, renditions_digest

EXAMPLE = json.loads((Path(__file__).parent / "rendition_digest.json").read_text("utf-8"))
REFERENCE = Path(__file__).parents[2] / "docs" / "PRODUCT_PHOTO_SYNC_API_REFERENCE.md"


def listed(photo: dict[str, object]) -> ListedRenditions:
    """Returns a photo of the example as an edge lists it."""
    id_ = UUID(str(photo["photo_id"]))
    renditions = photo["renditions"]
    assert isinstance(renditions, list)
    keys = [str(RenditionKey(id_, one["checksum"], one["width"], one["content_type"])) for one in renditions]
    return ListedRenditions(id_, str(photo["photo_checksum"]), str(photo["thumbhash"]), keys)


LISTED = [listed(photo) for photo in EXAMPLE["photos"]]


def test_the_renditions_of_a_photo_are_written_as_one_line() -> None:
    assert [digest_line(photo) for photo in LISTED] == EXAMPLE["lines"]


def test_the_digest_is_the_md5_of_the_md5s_of_the_lines() -> None:
    assert [hashlib.md5(line.encode()).hexdigest() for line in EXAMPLE["lines"]] == EXAMPLE["line_digests"]
    assert hashlib.md5("".join(EXAMPLE["line_digests"]).encode()).hexdigest() == EXAMPLE["digest"]
    assert renditions_digest(LISTED) == EXAMPLE["digest"]


def test_the_reference_shows_the_example() -> None:
    reference = REFERENCE.read_text("utf-8")
    for shown in (*EXAMPLE["lines"], *EXAMPLE["line_digests"], EXAMPLE["digest"]):
        assert shown in reference
