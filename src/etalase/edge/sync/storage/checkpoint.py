"""Reads and writes ``etalase_checkpoint``: the store that owns this database, its tokens and its position in the feed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django.db import transaction

from etalase.edge.command_names import as_typed
from etalase.edge.database import cursor, translated
from etalase.edge.models import Checkpoint, ProductPhoto
from etalase.errors import NotAdopted, StoreMismatch
from etalase.protocol import BearerToken, TokenPair


@dataclass(frozen=True, slots=True)
class OwnStore:
    """The store that this database belongs to."""

    company_id: UUID
    store_id: UUID

    def claim(self) -> Checkpoint:
        """Returns this store's checkpoint, created at the first run.

        Raises :class:`StoreMismatch` if the database belongs to another store, :class:`NotAdopted` if it has photos of
        another program's making.
        """
        with translated():
            if is_filled():
                raise NotAdopted(
                    "This edge has photos that Etalase did not bring, and has not adopted yet: nothing was done.",
                    hint=as_typed(
                        "Look at what an adoption would do with `etalase edge adopt --dry-run`, "
                        "then adopt with `etalase edge adopt --apply`."
                    ),
                )
            return self.adopt()

    def adopt(self) -> Checkpoint:
        """Returns this store's checkpoint, created also on a filled edge. Raises :class:`StoreMismatch`."""
        with translated():
            other = Checkpoint.objects.exclude(store_id=self.store_id, company_id=self.company_id).first()
            if other is not None and other.sync_timestamp is None and not ProductPhoto.objects.exists():
                other.delete()  # the settings were wrong before the first photo arrived
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
        """Returns the tokens of the last run, with an empty text for a token that is missing or malformed."""
        with translated():
            kept = Checkpoint.objects.filter(store_id=self.store_id).values_list("access_token", "refresh_token").first()
        access, refresh = (token if is_token(token) else "" for token in kept or ("", ""))
        return TokenPair(access, refresh or None)

    def save_tokens(self, tokens: TokenPair) -> None:
        """Saves ``tokens`` for this run and the next ones."""
        with translated(), transaction.atomic():
            # A dry run keeps them too: head office has revoked the old ones.
            with cursor() as db:
                db.execute("SET TRANSACTION READ WRITE")
            Checkpoint.objects.filter(store_id=self.store_id).update(
                access_token=tokens.access, refresh_token=tokens.refresh or ""
            )


def is_filled() -> bool:
    """Returns whether this edge has photo rows and no checkpoint: another program has filled it, and nobody has adopted it."""
    with translated():
        return not Checkpoint.objects.exists() and ProductPhoto.objects.exists()


def is_token(token: str) -> bool:
    """Returns whether ``token`` is valid in an ``Authorization`` header."""
    try:
        msgspec.convert(token, BearerToken)
    except msgspec.ValidationError:
        return False
    return True


def features_of(head_office_url: str) -> str:
    """Returns the abilities that this head office announced last, empty for one that has not responded yet."""
    with translated():
        known = Checkpoint.objects.filter(features_of=head_office_url).values_list("features", flat=True).first()
    return known or ""


def update(store_id: UUID, changes: Mapping[str, Any]) -> None:
    """Writes the named fields of the checkpoint."""
    with translated():
        Checkpoint.objects.filter(store_id=store_id).update(**changes)


# The expected number of rows
def row_counts() -> tuple[int | None, int]:
    """Returns the expected number of photo rows (None before the first complete run) and the actual number."""
    with cursor() as db:
        db.execute("SELECT (SELECT photos FROM etalase_checkpoint LIMIT 1), (SELECT count(*) FROM product_photo)")
        known, there = db.fetchone()
        return known, there


def set_row_count() -> None:
    """Sets the expected number of rows to the actual number."""
    with cursor() as db:
        db.execute("UPDATE etalase_checkpoint SET photos = (SELECT count(*) FROM product_photo)")


def add_to_row_count(more: int) -> None:
    """Adds ``more``, which may be negative, to the expected number of rows."""
    if more:
        with cursor() as db:
            db.execute("UPDATE etalase_checkpoint SET photos = photos + %s", [more])
