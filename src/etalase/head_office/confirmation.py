"""Writes the admin's texts before a removal: affected dishes, photos and stores, and the number to type."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from etalase.head_office.change_bound import Change
from etalase.head_office.messages import text
from etalase.head_office.removals import Impact

MAX_NAMED = 20


@dataclass(frozen=True, slots=True)
class Section:
    """A title with a count, and the first of the counted names."""

    title: str
    names: Sequence[str]
    more: str


def is_confirmed(request: HttpRequest, impact: Impact) -> bool:
    """Returns whether a person has confirmed: by the button, and beyond the bound also by the number."""
    confirmation = impact.confirmation
    return "post" in request.POST and (not confirmation.is_required or confirmation.is_given_by(request.POST.get("number", "")))


def confirmation_context(request: HttpRequest, impact: Impact) -> dict[str, Any]:
    """Returns the template context of a confirmation page."""
    confirmation = impact.confirmation
    return {
        "sections": _sections(impact),
        "photos_line": text("count_photos", count=impact.photos) if impact.photos else "",
        "nothing_line": "" if impact.number or impact.photos else text("none_lost"),
        "beyond_line": text("beyond", changes=changes_text(confirmation.beyond)) if confirmation.is_required else "",
        "number_label": text("type_number", number=confirmation.number) if confirmation.is_required else "",
        "wrong_number": text("wrong_number", number=confirmation.number) if "post" in request.POST else "",
        "sure_text": text("asked_title"),
        "yes_text": text("yes_go_on"),
        "no_text": text("no_back"),
    }


def changes_text(changes: Sequence[Change]) -> str:
    """Returns the first changes in one sentence."""
    parts = []
    for change in changes[:5]:
        one = text(f"beyond_{change.kind.value}", now=change.now, of=change.of, where=change.where)
        parts.append(f"{one} ({text('beyond_lately', lately=change.lately)})" if change.lately else one)
    more = [text("and_more", count=len(changes) - 5)] if len(changes) > 5 else []
    return "; ".join(parts + more)


def impact_text(impact: Impact) -> str:
    """Returns the impact in one sentence."""
    return "; ".join(f"{section.title} ({', '.join(section.names[:5])})" for section in _sections(impact))


def _sections(impact: Impact) -> list[Section]:
    stores = [text("store_line", store=store, count=count) for store, count in impact.stores.items()]
    named = {
        "count_removed": impact.removed,
        "count_bare": impact.bare,
        "count_unsold": impact.unsold,
        "count_fewer": impact.fewer,
        "count_stores": stores,
        "count_cut_off": impact.cut_off,
    }
    return [_section(key, names) for key, names in named.items() if names]


def _section(key: str, names: Sequence[str]) -> Section:
    more = len(names) - MAX_NAMED
    return Section(text(key, count=len(names)), names[:MAX_NAMED], text("and_more", count=more) if more > 0 else "")
