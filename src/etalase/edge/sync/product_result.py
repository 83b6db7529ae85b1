"""The result of publishing one product, as the worker hands it to the run. Pure data."""

from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from etalase.edge.integrity import Damage
from etalase.edge.sync.plan.model import ProductPlan, Row, Step
from etalase.errors import PhotoError
from etalase.protocol import Photo

# Key, expected MD5, and the damage.
Rotten = tuple[str, str, Damage]


class Replaced(NamedTuple):
    """A deleted row whose place another photo has taken: the cause of its removal, and the whole row as PostgreSQL's JSON."""

    row: Row
    cause: str
    whole: str


@dataclass(slots=True, eq=False)
class ProductResult:
    """The result of one product. The objects of ``published`` are in the bucket, and their rows are not committed yet.

    ``keep_primary`` are photos that head office demoted in favour of one that did not arrive: they stay primary for now.
    ``unsettled_keys`` are live keys whose put may or may not have happened. ``stopped_by`` ends the run.
    """

    plan: ProductPlan
    published: list[Step] = field(default_factory=list)
    failed: list[tuple[Step, PhotoError]] = field(default_factory=list)
    keep_primary: set[UUID] = field(default_factory=set)
    unsettled_keys: set[str] = field(default_factory=set)
    # The served type of photos that head office gives another type.
    retyped: list[tuple[Photo, str]] = field(default_factory=list)
    # Published pictures that are damaged at head office already, and how.
    damaged: list[tuple[Photo, str]] = field(default_factory=list)
    # Damaged sources of copies.
    rotten: list[Rotten] = field(default_factory=list)
    # What the commit has deleted of the plan's leaving rows.
    replaced: list[Replaced] = field(default_factory=list)
    # The whole rows that the transaction has deleted and inserts again, as PostgreSQL's JSON.
    lifted: dict[UUID, str] = field(default_factory=dict)
    stopped_by: BaseException | None = None

    @property
    def resolved(self) -> list[Step]:
        """Returns the published steps that leave nothing to retry: all but those of photos that stay primary for now."""
        return [step for step in self.published if step.photo.id not in self.keep_primary]

    @property
    def displaced(self) -> tuple[UUID, ...]:
        """Returns the rows whose keys were really taken over."""
        taken = {step.photo.object_key for step in self.published}
        return tuple(photo_id for photo_id, key in self.plan.displaced if key in taken)
