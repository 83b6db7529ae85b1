"""Reads and writes ``etalase_removal``: removals that are held, waiting, refused or applied."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from etalase.edge.database import cursor, translated
from etalase.edge.models import Removal


def in_states(states: Sequence[str]) -> list[Removal]:
    """Returns the removals in one of ``states``."""
    with translated():
        return list(Removal.objects.filter(state__in=states).order_by("product_name", "photo_id"))


def count_held() -> int:
    """Returns the number of removals that a person has to decide."""
    with translated():
        return Removal.objects.filter(state=Removal.State.HELD).count()


def products_removed_since(since: datetime) -> set[UUID]:
    """Returns the products that lost a photo since ``since``, removed by a run or approved by a person."""
    with translated():
        gone = Removal.objects.filter(state=Removal.State.APPLIED, decided_at__gte=since)
        return set(gone.values_list("product_id", flat=True))


def applied_by_run(run_id: int) -> list[Removal]:
    """Returns the applied removals that run ``run_id`` proposed, applied by the run or approved by a person."""
    with translated():
        return list(Removal.objects.filter(state=Removal.State.APPLIED, run_id=run_id).order_by("product_name", "photo_id"))


def applied_of(photo_ids: Collection[UUID]) -> list[Removal]:
    """Returns the applied removals of these photos."""
    with translated():
        gone = Removal.objects.filter(state=Removal.State.APPLIED, photo_id__in=list(photo_ids))
        return list(gone.order_by("product_name", "photo_id"))


def products_bared_since(moment: datetime) -> int:
    """Returns the number of products that lost their last photo since ``moment`` without a person's approval."""
    with translated():
        gone = Removal.objects.filter(state=Removal.State.APPLIED, left_bare=True, approved=False, decided_at__gte=moment)
        return gone.values("product_id").distinct().count()


def cancel(photo_ids: Collection[UUID]) -> None:
    """Deletes the open and refused removals of photos that head office lists again."""
    with cursor() as db:
        db.execute(
            "DELETE FROM etalase_removal WHERE photo_id = ANY(%s) AND state <> %s",
            [list(photo_ids), Removal.State.APPLIED],
        )


def delete_without_row() -> None:
    """Deletes open and refused removals whose photo row is gone, for example through a customer's deletion of the product."""
    with cursor() as db:
        db.execute(
            "DELETE FROM etalase_removal r WHERE state <> %s"
            " AND NOT EXISTS (SELECT 1 FROM product_photo WHERE id = r.photo_id)",
            [Removal.State.APPLIED],
        )


def record(records: Iterable[Removal]) -> None:
    """Inserts or replaces the removals of these photos."""
    with translated():
        Removal.objects.bulk_create(
            list(records),
            update_conflicts=True,
            unique_fields=["photo_id"],
            update_fields=[
                "product_id", "product_name", "cause", "state", "left_bare", "approved", "row", "run_id", "decided_at",
            ],
        )  # fmt: skip
