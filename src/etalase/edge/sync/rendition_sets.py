"""Keeps the renditions of a feed on disk, as :mod:`.scratch` keeps its photos."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Final
from uuid import UUID

import msgspec

from etalase.edge.sync.plan.renditions import RenditionSet
from etalase.edge.sync.scratch import Scratch, batches

SLICE_SETS: Final = 500

_encoder = msgspec.json.Encoder()
_set = msgspec.json.Decoder(RenditionSet)


class RenditionSets:
    """The sets that a feed lists, by photo."""

    def __init__(self) -> None:
        self._db = Scratch("CREATE TABLE listed (photo_id BLOB PRIMARY KEY, body BLOB) WITHOUT ROWID")

    def put(self, sets: Iterable[RenditionSet]) -> None:
        """Adds sets; replaces earlier ones of the same photos."""
        self._db.write("REPLACE INTO listed VALUES (?, ?)", [(one.photo_id.bytes, _encoder.encode(one)) for one in sets])

    def discard(self, photo_ids: Collection[UUID]) -> None:
        """Removes the sets of these photos."""
        self._db.write("DELETE FROM listed WHERE photo_id = ?", [(photo_id.bytes,) for photo_id in photo_ids])

    def by_id(self) -> Iterator[RenditionSet]:
        """Yields all sets, in the order of the photos' ids."""
        for (body,) in self._db.read("SELECT body FROM listed ORDER BY photo_id"):
            yield _set.decode(body)

    def in_slices(self) -> Iterator[list[RenditionSet]]:
        """Yields all sets in lists."""
        rest = self.by_id()
        while some := list(islice(rest, SLICE_SETS)):
            yield some

    def known_among(self, photo_ids: Iterable[UUID]) -> set[UUID]:
        """Returns the photos among ``photo_ids`` that have a set here, also an empty one."""
        found: set[UUID] = set()
        for some in batches(photo_id.bytes for photo_id in photo_ids):
            marks = ",".join("?" * len(some))
            found.update(
                UUID(bytes=id_) for (id_,) in self._db.read(f"SELECT photo_id FROM listed WHERE photo_id IN ({marks})", some)
            )
        return found
