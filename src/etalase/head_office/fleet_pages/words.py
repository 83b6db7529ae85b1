"""Writes states, sides, times and numbers of the fleet in the person's language."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import get_language

from etalase import formatting
from etalase.head_office.fleet.overview import JudgedStore
from etalase.head_office.fleet.states import PROMISE_GRACE, Because, StateCause, StoreState, Tone
from etalase.head_office.messages import TEXTS, text

MONTHS: Final = {
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "id": ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"],
}


class FleetTexts:
    """The texts of the fleet for templates: ``{{ text.title }}`` is the text ``fleet_title``."""

    def __getitem__(self, name: str) -> str:
        """Returns the text."""
        return text(f"fleet_{name}")


def language() -> str:
    """Returns the language of the request: ``en`` or ``id``."""
    chosen = (get_language() or "en")[:2]
    return chosen if chosen in TEXTS else "en"


def say(key: str, **values: Any) -> str:
    """Returns the fleet's text with its gaps filled; integers get thousands separators."""
    return text(f"fleet_{key}", **{name: number(value) if type(value) is int else value for name, value in values.items()})


def number(value: int) -> str:
    """Returns ``12,345`` or ``12.345``."""
    return f"{value:,}".replace(",", "." if language() == "id" else ",")


def size(size_bytes: int) -> str:
    """Returns ``800 B`` or ``12.0 MiB``."""
    shown = formatting.size(size_bytes)
    return shown.replace(".", ",") if language() == "id" else shown


def moment(at: datetime | None, *, now: datetime | None = None) -> str:
    """Returns ``06:10`` for a time of today, else ``26 Nov 06:10``; or the word for an unknown time."""
    if at is None:
        return say("unknown")
    local, today = timezone.localtime(at), timezone.localtime(now or timezone.now())
    day = "" if local.date() == today.date() else f"{local.day} {MONTHS[language()][local.month - 1]} "
    year = "" if local.year == today.year else f"{local.year} "
    return f"{day}{year}{local:%H:%M}"


def is_late(store: JudgedStore) -> bool:
    """Returns whether the store should have fetched a change already."""
    return store.state is StoreState.BEHIND and store.verdict.tone is Tone.AMBER


def state_name(store: JudgedStore) -> str:
    """Returns the name of the store's state."""
    return say("state_late" if is_late(store) else f"state_{store.state}")


def causes(store: JudgedStore, *, fault_sides: Iterable[str] = (), now: datetime | None) -> list[dict[str, Any]]:
    """Returns why the store is in its state, and whose it is: of photos not loaded, the sides of their faults."""
    found = [
        {
            "text": _sentence(because),
            "sides": [side(one) for one in (fault_sides if because.cause is StateCause.OWED else (because.side,)) if one],
        }
        for because in store.verdict.because
    ]
    return found or [{"text": say(f"help_{store.state}"), "sides": []}, *_asked(store, now)]


def _asked(store: JudgedStore, now: datetime | None) -> list[dict[str, Any]]:
    asked_at = store.known.asked_at
    return [] if asked_at is None else [{"text": say("asked", time=moment(asked_at, now=now)), "sides": []}]


def _sentence(because: Because) -> str:
    return text(f"fleet_cause_{because.cause}", photos=number(because.photos))


def promise(store: JudgedStore, *, now: datetime | None) -> str:
    """Returns by when the store fetches what it lacks; empty where it lacks nothing."""
    if store.state is not StoreState.BEHIND or store.known.behind_due_at is None:
        return ""
    if StateCause.CHECKPOINT_AHEAD in {because.cause for because in store.verdict.because}:
        return ""
    return say("late_by" if is_late(store) else "by", time=moment(store.known.behind_due_at + PROMISE_GRACE, now=now))


def duration(seconds: float) -> str:
    """Returns ``35 s``, ``12 min`` or ``3.5 h``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    shown = f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
    return shown.replace(".", ",").replace(" h", " jam").replace(" min", " menit") if language() == "id" else shown


def as_of(now: datetime) -> str:
    """Returns the moment that a page is of, with the time zone of all its times."""
    return say("as_of", time=moment(now, now=now), zone=timezone.get_default_timezone_name())


def side(of: str | None) -> str:
    """Returns whose a fault is; empty where it is nobody's, an unknown word itself."""
    return "" if of is None else _word("side", of)


def reason(code: str) -> str:
    """Returns the words for the reason of a fault, or an unknown reason itself."""
    return _word("reason", code)


def run_word(code: str) -> str:
    """Returns the words for the kind or outcome of a run, or an unknown word itself."""
    return _word("run", code)


def _word(group: str, code: str) -> str:
    return TEXTS[language()].get(f"fleet_{group}_{code}", code)


def outcome(code: str) -> str:
    """Returns the words for the outcome of an order, or an unknown outcome itself."""
    return TEXTS[language()].get(f"fleet_outcome_{code}", code)


def headline(stores: Iterable[JudgedStore]) -> tuple[Tone, str]:
    """Returns the tone of the whole fleet and its headline. It is good only where every store is proved equal."""
    every = list(stores)
    tones = [store.verdict.tone for store in every]
    red, amber, good = (tones.count(tone) for tone in (Tone.RED, Tone.AMBER, Tone.GOOD))
    if not every:
        return Tone.NONE, say("head_none")
    if red:
        return Tone.RED, say("head_red", count=red, total=len(every))
    if amber:
        return Tone.AMBER, say("head_amber", count=amber, total=len(every))
    if good == len(every):
        return Tone.GOOD, say("head_good", total=good)
    return Tone.NEUTRAL, say("head_neutral", equal=good, total=len(every))
