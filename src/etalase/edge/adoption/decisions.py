"""Makes the decisions that an adoption leaves to a person, and reads the choices. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from types import MappingProxyType
from typing import Final
from uuid import UUID

import msgspec

from etalase.edge.adoption.report import OpenDecision
from etalase.errors import UsageError
from etalase.protocol import printable

MAX_EXAMPLES: Final = 5
# Objects of one name in so many folders are one question.
MANY: Final = 3


class Code(StrEnum):
    """The subject of a decision. The words are part of ``--json`` and of ``etalase_own_photo.what``."""

    ROW_NOT_LISTED = "row_not_listed"
    ROW_WITHOUT_OWN_OBJECT = "row_without_own_object"
    OBJECT_UNKNOWN = "object_unknown"


class Choice(StrEnum):
    """An answer to a decision; the words are part of ``--json``."""

    KEEP = "keep"
    APPROVE = "approve"
    DISOWN = "disown"


# The value of ``state`` in our tables for each choice (:class:`etalase.edge.models.OwnState`).
STATE_OF: Final[Mapping[Choice, str]] = MappingProxyType(
    {Choice.KEEP: "kept", Choice.APPROVE: "approved", Choice.DISOWN: "disowned"}
)
_TEXTS: Final[Mapping[Code, str]] = MappingProxyType(
    {
        Code.ROW_NOT_LISTED: (
            "Photos of {name} that head office does not list and has never named as deleted: {count}. keep: stay on the tills, "
            "as an open question; approve: the store's own for good; disown: removed like photos that head office no longer "
            "lists (bounded, and undoable for a while)."
        ),
        Code.ROW_WITHOUT_OWN_OBJECT: (
            "Rows of {name} that head office does not list, over an object that belongs to a listed photo: {count}. keep: the "
            "rows stay; approve: the store's own for good; disown: removed like photos that head office no longer lists. The "
            "object stays in any case."
        ),
        Code.OBJECT_UNKNOWN: (
            "Objects below products/ that neither a row nor head office names, {name}: {count}. keep: nothing deletes them, as "
            "an open question; approve: the store's own for good; disown: deleted after the grace period."
        ),
    }
)


@dataclass(frozen=True, slots=True)
class OpenRow:
    """A row about which nobody has decided."""

    photo_id: UUID
    product_id: UUID
    product_name: str
    what: str
    object_key: str


def open_decisions(rows: Iterable[OpenRow], keys: Iterable[str]) -> list[OpenDecision]:
    """Returns one decision for each product and kind of row, and one for each name that objects share."""
    found = []
    for (what, product_id), group in _grouped(rows):
        some = list(group)
        found.append(_decision(Code(what), str(product_id), printable(some[0].product_name) or str(product_id), _shown(some)))
    for name, some_keys in sorted(objects_by_name(keys).items()):
        shown = "under various names" if name == "*" else f"each named {printable(name)}"
        found.append(_decision(Code.OBJECT_UNKNOWN, name, shown, [printable(key) for key in sorted(some_keys)]))
    return found


def _grouped(rows: Iterable[OpenRow]) -> Iterable[tuple[tuple[str, UUID], Iterable[OpenRow]]]:
    def place(row: OpenRow) -> tuple[str, UUID]:
        return (Code.ROW_NOT_LISTED if row.what not in set(Code) else row.what), row.product_id

    return groupby(sorted(rows, key=lambda row: (*place(row), row.photo_id)), key=place)


def _shown(rows: Sequence[OpenRow]) -> list[str]:
    return [f"{row.photo_id} {printable(row.object_key)}".strip() for row in rows]


def objects_by_name(keys: Iterable[str]) -> dict[str, list[str]]:
    """Returns the keys by the last part of their names; names that few objects have are together under ``*``."""
    by_name: dict[str, list[str]] = {}
    for key in keys:
        by_name.setdefault(key.rpartition("/")[2], []).append(key)
    grouped: dict[str, list[str]] = {}
    for name, some in by_name.items():
        grouped.setdefault(name if name and len(some) >= MANY else "*", []).extend(some)
    return grouped


def _decision(code: Code, about: str, name: str, shown: Sequence[str]) -> OpenDecision:
    text = _TEXTS[code].format(name=name, count=len(shown))
    return OpenDecision(f"{code}:{about}", code, text, len(shown), shown[:MAX_EXAMPLES], [*Choice], Choice.KEEP)


def parse_choices(by_id: Iterable[str], by_code: Iterable[str]) -> tuple[dict[str, Choice], dict[Code, Choice]]:
    """Reads ``ID=CHOICE`` and ``CODE=CHOICE``. Raises :class:`UsageError` for a malformed one."""
    of_id = dict(_parsed(text, "--decide") for text in by_id)
    of_code: dict[Code, Choice] = {}
    for text in by_code:
        name, choice = _parsed(text, "--decide-all")
        if name not in set(Code):
            raise UsageError(f"--decide-all {printable(text)}: there is no code «{printable(name)}».", hint=_one_of(Code))
        of_code[Code(name)] = choice
    return of_id, of_code


def _parsed(text: str, option: str) -> tuple[str, Choice]:
    name, equals, choice = text.rpartition("=")
    if not equals or not name or choice not in set(Choice):
        raise UsageError(f"{option} {printable(text)}: expected is NAME=CHOICE.", hint=_one_of(Choice))
    return name, Choice(choice)


def _one_of(words: type[StrEnum]) -> str:
    return f"One of: {', '.join(words)}."


def chosen(decisions: Sequence[OpenDecision], of_id: Mapping[str, Choice], of_code: Mapping[Code, Choice]) -> dict[str, Choice]:
    """Returns the choice for each decided decision, by its id: its own choice counts before that of its code.

    Raises :class:`UsageError` if an id is not that of an open decision.
    """
    ids = {decision.id for decision in decisions}
    if strange := of_id.keys() - ids:
        raise UsageError(
            f"No decision is open under {', '.join(sorted(map(printable, strange)))}; nothing was done.",
            hint="--dry-run --json lists the open decisions with their ids.",
        )
    by_code = {decision.id: of_code[Code(decision.code)] for decision in decisions if decision.code in of_code}
    return by_code | dict(of_id)


def rows_of(decision_id: str, rows: Iterable[OpenRow]) -> list[UUID]:
    """Returns the rows that a decision is about."""
    return [
        row.photo_id for (what, product_id), group in _grouped(rows) for row in group if f"{what}:{product_id}" == decision_id
    ]


def objects_of(decision_id: str, keys: Collection[str]) -> list[str]:
    """Returns the objects that a decision is about."""
    return objects_by_name(keys).get(decision_id.removeprefix(f"{Code.OBJECT_UNKNOWN}:"), [])


def parse_earlier(text: str) -> dict[str, Choice]:
    """Reads what `own list --json` printed: the decided choices, by photo id or object key. Raises ValueError."""
    choice_of = {state: choice for choice, state in STATE_OF.items()}
    listed = msgspec.json.decode(text, type=_Listed)
    decided = [(one.photo_id or one.object_key or "", one.state) for one in (*listed.photos, *listed.objects) if not one.open]
    return {name: choice_of[state] for name, state in decided if state in choice_of}


class _Own(msgspec.Struct):
    state: str
    open: bool
    photo_id: str = ""
    object_key: str | None = None


class _Listed(msgspec.Struct):
    photos: list[_Own]
    objects: list[_Own]
