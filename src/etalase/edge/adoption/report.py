"""The result of a look at an edge, or of its adoption. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from etalase.objectstore.bucket_policy import PolicyChange


@dataclass(frozen=True, slots=True)
class Precondition:
    """A condition of an adoption; without it (``ok`` false), an adoption is impossible. ``hint`` says what to do."""

    id: str
    ok: bool
    detail: str
    hint: str = ""

    def as_json(self) -> dict[str, Any]:
        """Returns the object of ``--json``."""
        return {"id": self.id, "ok": self.ok, "detail": self.detail, "hint": self.hint}


@dataclass(frozen=True, slots=True)
class Clash:
    """A thing of the project under a name that Etalase uses, too. ``detail`` says whose it is."""

    code: str
    name: str
    detail: str
    hint: str

    def as_json(self) -> dict[str, Any]:
        """Returns the object of ``--json``."""
        return {"code": self.code, "name": self.name, "detail": self.detail, "hint": self.hint}


@dataclass(frozen=True, slots=True)
class OpenDecision:
    """A question to a person about ``count`` things. ``default`` is the choice that changes nothing."""

    id: str
    code: str
    text: str
    count: int
    examples: Sequence[str]
    choices: Sequence[str]
    default: str

    def as_json(self) -> dict[str, Any]:
        """Returns the object of ``--json``."""
        return {
            "id": self.id,
            "code": self.code,
            "text": self.text,
            "count": self.count,
            "examples": list(self.examples),
            "choices": list(self.choices),
            "default": self.default,
        }


@dataclass(slots=True)
class Adoption:
    """All that ``photos_adopt`` reports. ``decisions`` are the open ones; a part that could not be read is empty.

    ``applied``: this is the result of ``--apply``, which takes the default of each open decision.
    """

    applied: bool = False
    preconditions: list[Precondition] = field(default_factory=list)
    clashes: list[Clash] = field(default_factory=list)
    decisions: list[OpenDecision] = field(default_factory=list)
    rows: Mapping[str, Any] = field(default_factory=dict)
    bucket: Mapping[str, int] = field(default_factory=dict)
    policy: PolicyChange | None = None
    first_run: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_possible(self) -> bool:
        """Returns whether every precondition holds."""
        return all(condition.ok for condition in self.preconditions)

    @property
    def is_reachable(self) -> bool:
        """Returns whether the bucket and head office answered."""
        return all(condition.ok for condition in self.preconditions if condition.id in {"bucket", "head_office"})

    @property
    def exit_status(self) -> int:
        """Returns 0 if all is clean or was applied, 1 if there is something to decide, 2 if an adoption is impossible."""
        if not self.is_possible:
            return 2
        return int(not self.applied and bool(self.decisions or self.clashes))

    def as_json(self) -> dict[str, Any]:
        """Returns the object of ``--json``."""
        return {
            "ok": self.exit_status == 0,
            "decisions": [decision.as_json() for decision in self.decisions],
            "preconditions": [condition.as_json() for condition in self.preconditions],
            "clashes": [clash.as_json() for clash in self.clashes],
            "rows": {**({"seconds_to_fetch": None} if "to_fetch" in self.rows else {}), **self.rows},
            "bucket": dict(self.bucket),
            "policy": {
                "added": self.policy.added if self.policy else [],
                "kept": self.policy.kept if self.policy else [],
                **({"removed": self.policy.removed} if self.policy and self.policy.removed else {}),
            },
            "first_run": dict(self.first_run),
        }
