"""Reads and writes ``etalase_own_object``: objects that an adoption found and that neither a row nor head office names."""

from collections.abc import Collection, Iterable
from datetime import datetime

from etalase.edge.database import cursor, translated
from etalase.edge.models import OwnObject, OwnState


def exempt() -> set[str]:
    """Returns the keys of the objects that no run deletes."""
    with cursor() as db:
        db.execute("SELECT object_key FROM etalase_own_object WHERE state <> %s", [OwnState.DISOWNED])
        return {record[0] for record in db.fetchall()}


def every() -> list[OwnObject]:
    """Returns all records."""
    with translated():
        return list(OwnObject.objects.order_by("object_key"))


def counts() -> tuple[int, int]:
    """Returns the number of exempt objects, and how many of them nobody has decided on."""
    with cursor() as db:
        db.execute(
            "SELECT count(*), count(*) FILTER (WHERE state = %s AND decided_at IS NULL)"
            " FROM etalase_own_object WHERE state <> %s",
            [OwnState.KEPT, OwnState.DISOWNED],
        )
        exempt, undecided = db.fetchone()
        return exempt, undecided


def record(records: Iterable[OwnObject]) -> None:
    """Inserts records; an existing one keeps its state."""
    with translated():
        OwnObject.objects.bulk_create(list(records), batch_size=1000, ignore_conflicts=True)


def decide(keys: Collection[str], state: OwnState, *, at: datetime) -> int:
    """Writes a person's decision. Returns the number of records that it changed."""
    with translated():
        undecided = OwnObject.objects.filter(object_key__in=keys).exclude(state=state, decided_at__isnull=False)
        return undecided.update(state=state, decided_at=at)


def end(keys: Collection[str]) -> None:
    """Deletes the records of keys that rows name."""
    if keys:
        with cursor() as db:
            db.execute("DELETE FROM etalase_own_object WHERE object_key = ANY(%s)", [list(keys)])
