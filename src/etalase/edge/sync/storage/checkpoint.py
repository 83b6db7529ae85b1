"""Reads and writes ``etalase_checkpoint``: the store that owns this database, its tokens, and how far its feed has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from etalase.edge.database import cursor, translated
from etalase.edge.models import Checkpoint, ProductPhoto
from etalase.errors import StoreMismatch
from etalase.protocol import BearerToken, TokenPair


@dataclass(frozen=True, slots=True)
class Store:
    """The store that this database belongs to."""

    company_id: UUID
    store_id: UUID

    def claim(self) -> Checkpoint:
        """This store's checkpoint, made at the first run. Raises :class:`StoreMismatch` for another store's database."""
        with translated():
            other = Checkpoint.objects.exclude(store_id=self.store_id, company_id=self.company_id).first()
            if other is not None and other.sync_timestamp is None and not ProductPhoto.objects.exists():
                other.delete()  # settings that were wrong before anything came
            elif other is not None:
                raise StoreMismatch(
                    f"This database holds the photos of store {other.store_id} (company {other.company_id}),"
                    f" and the settings name store {self.store_id} (company {self.company_id}).",
                    hint="One edge database belongs to one store: correct ETALASE_STORE_ID and ETALASE_COMPANY_ID, "
                    "or use another database.",
                )
            checkpoint, _ = Checkpoint.objects.get_or_create(store_id=self.store_id, defaults={"company_id": self.company_id})
            return checkpoint

    def load_tokens(self) -> TokenPair:
        """The tokens of the last run; empty ones before the first, and in the place of what cannot be a token."""
        with translated():
            kept = Checkpoint.objects.filter(store_id=self.store_id).values_list("access_token", "refresh_token").first()
        access, refresh = (token if is_token(token) else "" for token in kept or ("", ""))
        return TokenPair(access, refresh or None)

    def save_tokens(self, tokens: TokenPair) -> None:
        """Keep ``tokens`` for this and the next runs."""
        with translated():
            Checkpoint.objects.filter(store_id=self.store_id).update(
                access_token=tokens.access, refresh_token=tokens.refresh or ""
            )


def is_token(token: str) -> bool:
    try:
        msgspec.convert(token, BearerToken)
    except msgspec.ValidationError:
        return False
    return True


def update(store_id: UUID, changes: Mapping[str, Any]) -> None:
    """Write the named fields of the checkpoint."""
    with translated():
        Checkpoint.objects.filter(store_id=store_id).update(**changes)


# How many rows there should be
def row_counts() -> tuple[int | None, int]:
    """How many rows the checkpoint knows of, None before the first complete run; and how many there are, at that moment."""
    with cursor() as db:
        db.execute("SELECT (SELECT photos FROM etalase_checkpoint LIMIT 1), (SELECT count(*) FROM product_photo)")
        known, there = db.fetchone()
        return known, there


def set_row_count() -> None:
    """What there is from here on is what should be."""
    with cursor() as db:
        db.execute("UPDATE etalase_checkpoint SET photos = (SELECT count(*) FROM product_photo)")


def add_to_row_count(more: int) -> None:
    """So many rows more, or less, are as they should be."""
    if more:
        with cursor() as db:
            db.execute("UPDATE etalase_checkpoint SET photos = photos + %s", [more])
