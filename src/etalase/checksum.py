"""Calculates checksums: the MD5 of bytes, as the guide's ``checksum`` has it, and the digest of a list of lines. Pure."""

import hashlib
from collections.abc import Iterable
from mmap import mmap
from uuid import UUID


def md5_hex(data: bytes | mmap) -> str:
    """Returns the MD5 in hex, lower case."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def digest_of_lines(lines: Iterable[tuple[UUID, str]]) -> str:
    """Returns the MD5 of all lines' MD5s, one after the other (API reference, "The digest").

    Each line comes with the id of its photo, in ascending order of id, each once; otherwise raises :class:`ValueError`.
    """
    whole = hashlib.md5(usedforsecurity=False)
    last = -1
    for photo_id, line in lines:
        if photo_id.int <= last:
            raise ValueError(f"photo {photo_id} is out of order")
        last = photo_id.int
        whole.update(md5_hex(line.encode()).encode())
    return whole.hexdigest()
