"""Reads and writes ``etalase_own_photo``: rows that an adoption found and that head office never listed."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from etalase.edge.database import cursor, translated
from etalase.edge.integrity import Damage
from etalase.edge.models import OwnPhoto, OwnState

# The value of ``what`` for a row whose object belongs to a listed photo (:class:`etalase.edge.adoption.decisions.Code`).
WITHOUT_OBJECT = "row_without_own_object"


def exempt(*, but_undecided: Collection[UUID] = ()) -> set[UUID]:
    """Returns the rows that no run removes, moves or overwrites; of ``but_undecided``, only those that a person keeps."""
    with cursor() as db:
        # A state that another version wrote exempts: nothing is removed for want of a word.
        db.execute(
            "SELECT photo_id FROM etalase_own_photo WHERE state <> %s"
            " AND NOT (state = %s AND decided_at IS NULL AND photo_id = ANY(%s))",
            [OwnState.DISOWNED, OwnState.KEPT, list(but_undecided)],
        )
        return {record[0] for record in db.fetchall()}


def have_objects() -> dict[UUID, bool]:
    """Returns for each exempt row whether the object under its key is its own, as far as known.

    The object may be that of a listed photo since before the adoption, or known to be lost.
    """
    with cursor() as db:
        db.execute(
            "SELECT o.photo_id, what <> %s AND d.photo_id IS NULL FROM etalase_own_photo o"
            " LEFT JOIN etalase_doubt d ON d.photo_id = o.photo_id AND d.kind <> ALL(%s) WHERE state <> %s",
            [WITHOUT_OBJECT, [Damage.UNREADABLE, Damage.MISTYPED], OwnState.DISOWNED],
        )
        return dict(db.fetchall())


def every() -> list[OwnPhoto]:
    """Returns all records."""
    with translated():
        return list(OwnPhoto.objects.order_by("product_name", "photo_id"))


def counts() -> tuple[int, int]:
    """Returns the number of exempt rows that are there, and how many of them nobody has decided on."""
    with cursor() as db:
        db.execute(
            "SELECT count(*), count(*) FILTER (WHERE state = %s AND decided_at IS NULL)"
            " FROM etalase_own_photo JOIN product_photo ON id = photo_id WHERE state <> %s",
            [OwnState.KEPT, OwnState.DISOWNED],
        )
        exempt, undecided = db.fetchone()
        return exempt, undecided


def record(records: Iterable[OwnPhoto]) -> None:
    """Inserts records; an existing one keeps its state."""
    with translated():
        OwnPhoto.objects.bulk_create(list(records), batch_size=1000, ignore_conflicts=True)


def decide(photo_ids: Collection[UUID], state: OwnState, *, at: datetime) -> int:
    """Writes a person's decision. Returns the number of records that it changed."""
    with translated():
        undecided = OwnPhoto.objects.filter(photo_id__in=photo_ids).exclude(state=state, decided_at__isnull=False)
        return undecided.update(state=state, decided_at=at)


def end(photo_ids: Collection[UUID]) -> None:
    """Deletes the records of photos that head office lists: they are head office's from now on."""
    if photo_ids:
        with cursor() as db:
            db.execute("DELETE FROM etalase_own_photo WHERE photo_id = ANY(%s)", [list(photo_ids)])


def end_undecided(photo_ids: Collection[UUID]) -> None:
    """Deletes the records of photos that head office deletes and nobody has decided on: it has listed them once."""
    if photo_ids:
        with cursor() as db:
            statement = "DELETE FROM etalase_own_photo WHERE photo_id = ANY(%s) AND state = %s AND decided_at IS NULL"
            db.execute(statement, [list(photo_ids), OwnState.KEPT])


def delete_without_row() -> None:
    """Deletes the undecided records of rows that another program has deleted."""
    with cursor() as db:
        db.execute(
            "DELETE FROM etalase_own_photo o WHERE state = %s AND decided_at IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM product_photo WHERE id = o.photo_id)",
            [OwnState.KEPT],
        )
