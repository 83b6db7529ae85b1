"""Every kind of change to head office's data, by SQL in another session."""

from collections.abc import Callable
from typing import Any

import psycopg

from etalase.head_office.models import Photo

Session = psycopg.Connection[Any]


CHANGES: dict[str, Callable[[Session, Photo, Photo], Any]] = {
    "photo changed": lambda s, a, _: s.execute("UPDATE head_office_photo SET sort_order = 7 WHERE id = %s", [a.id]),
    "photo deleted": lambda s, a, _: s.execute("DELETE FROM head_office_photo WHERE id = %s", [a.id]),
    "product renamed": lambda s, a, _: s.execute(
        "UPDATE head_office_product SET name = 'RENAMED' WHERE id = %s", [a.product_id]
    ),
    "no longer sold": lambda s, a, _: s.execute("DELETE FROM head_office_assortment WHERE product_id = %s", [a.product_id]),
    "newly sold": lambda s, _, unsold: s.execute(
        "INSERT INTO head_office_assortment (store_id, product_id) SELECT store_id, %s FROM head_office_assortment LIMIT 1",
        [unsold.product_id],
    ),
    "product deleted": lambda s, a, _: s.execute("DELETE FROM head_office_product WHERE id = %s", [a.product_id]),
}
