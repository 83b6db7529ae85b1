"""A POS that looks while a run works: each row leads to whole bytes that head office promised for its product (I1, I2)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from tests.integration.sync.conftest import Edge

from etalase.edge.sync.services import Services
from etalase.errors import ObjectStoreAway


@dataclass
class Watcher:
    """A POS in a session of its own, which looks before and after each put and deletion of a run.

    ``promised`` has bytes by product and by photo: an object is there before its row, which may move to another product.
    """

    edge: Edge
    session: psycopg.Connection[tuple[Any, ...]]
    promised: dict[str, set[str]] = field(default_factory=dict)
    # The products with a photo at the beginning, which head office lists with one.
    shown: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def promise(self) -> None:
        """Notes the bytes that the rows have and head office lists, for their products."""
        rows = self.session.execute("SELECT product_id::text, lower(checksum) FROM product_photo").fetchall()
        listed = [(wire["product_id"], wire["checksum"]) for wire in self.edge.ho.photos.values()]
        of_photos = [(wire["id"], wire["checksum"]) for wire in self.edge.ho.photos.values()]
        for product, checksum in [*rows, *listed, *of_photos]:
            self.promised.setdefault(product, set()).add(checksum)
        self.shown = {product for product, _ in rows} & {product for product, _ in listed}

    def look(self, moment: str) -> None:
        """Notes each row with other bytes, and each product that has lost its photo."""
        found = {info.key: info.etag for info in self.edge.bucket.list("products/")}
        rows = self.session.execute("SELECT id::text, product_id::text, object_key FROM product_photo").fetchall()
        after = {info.key: info.etag for info in self.edge.bucket.list("products/")}
        for photo, product, key in rows:
            promised = self.promised.get(product, set()) | self.promised.get(photo, set())
            if not {found.get(key), after.get(key)} & promised:
                self.faults.append(f"{moment}: {key} of {photo} gives {found.get(key)}, never promised for {product}")
        self.faults += [f"{moment}: {product} has no photo" for product in self.shown - {product for _, product, _ in rows}]

    def inject(self, services: Services, *, refuse_put: str = "") -> None:
        """Makes the run's bucket ask this POS to look. The put under ``refuse_put`` is refused."""
        put, delete = services.bucket.put, services.bucket.delete

        def watched_put(key: str, *args: Any, **named: Any) -> str:
            self.look(f"before the put of {key}")
            if key == refuse_put:
                raise ObjectStoreAway("no response")
            etag = put(key, *args, **named)
            self.look(f"after the put of {key}")
            return etag

        def watched_delete(keys: Any) -> Any:
            gone = delete(keys)
            self.look("after a deletion")
            return gone

        services.bucket.put = watched_put  # type: ignore[method-assign]
        services.bucket.delete = watched_delete  # type: ignore[method-assign]


@contextmanager
def watched(edge: Edge) -> Iterator[Watcher]:
    """Yields a watcher of the runs in the block, and looks once more at its end."""
    with edge.other_connection() as session:
        watcher = Watcher(edge, session)
        watcher.promise()
        yield watcher
        watcher.look("at the end")
