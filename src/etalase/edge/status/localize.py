"""Writes times, sizes and counts in one language."""

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from string import Formatter
from typing import Any

from etalase import formatting
from etalase.edge.pos.messages import Language
from etalase.edge.status.messages import TEXTS

MAX_SECONDS = 1e9
UNITS = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


class Words:
    """The sentences of :mod:`etalase.edge.status.messages` in one language, with their gaps filled."""

    def __init__(self, language: Language, zone: tzinfo = UTC) -> None:
        self.language, self.zone = language, zone
        self._texts = TEXTS[language]

    def say(self, key: str, **values: Any) -> str:
        """Returns the text ``key`` with its gaps filled; integers get thousands separators."""
        filled = {name: self.number(value) if type(value) is int else str(value) for name, value in values.items()}
        return self._texts[key].format(s="" if values.get("count") == 1 else "s", **filled)

    def has(self, key: str, values: Mapping[str, Any]) -> bool:
        """Returns whether the text exists and ``values`` fill its gaps."""
        gaps = {name for _, name, _, _ in Formatter().parse(self._texts.get(key, "")) if name}
        return key in self._texts and gaps - {"s"} <= values.keys()

    def word(self, prefix: str, code: str) -> str:
        """Returns the word for a code, or an unknown code itself."""
        return self._texts.get(f"{prefix}_{code}", code)

    def notice(self, notice: Mapping[str, Any]) -> str:
        """Returns the notice of a run as a sentence, or its code if that is unknown."""
        key, values = f"notice_{notice.get('code')}", {name: value for name, value in notice.items() if name != "key"}
        if "photos" in values:
            values["count"] = values["photos"]
        if isinstance(seconds := values.get("seconds"), int | float) and 0 <= seconds < MAX_SECONDS:
            values["time"] = self.duration(timedelta(seconds=seconds))
        for name in ("told", "kept"):
            with suppress(KeyError, TypeError, ValueError):  # a clock's time, as head office wrote it
                values[name] = self.date(datetime.fromisoformat(values[name]))
        return self.say(key, **values) if self.has(key, values) else str(notice.get("code"))

    def number(self, number: int) -> str:
        """Returns ``12,345`` or ``12.345``."""
        return f"{number:,}".replace(",", "." if self.language == "id" else ",")

    def size(self, size_bytes: int) -> str:
        """Returns ``800 B`` or ``12.0 MiB``."""
        text = formatting.size(size_bytes)
        return text.replace(".", ",") if self.language == "id" else text

    def duration(self, length: timedelta) -> str:
        """Returns ``6 minutes``: rounded down, in the largest unit that fits."""
        seconds = max(0, round(length.total_seconds()))
        unit, unit_seconds = next(((unit, size) for unit, size in UNITS if seconds >= size), UNITS[-1])
        return self.say(unit, count=seconds // unit_seconds)

    def about(self, length: timedelta) -> str:
        """Returns ``40 minutes`` or ``3 hours``: rounded; minutes up to an hour and a half, hours up to a day and a half."""
        seconds = length.total_seconds()
        unit, unit_seconds = next(
            (u for u, most in zip(UNITS, (36 * 3600, 90 * 60, 0), strict=False) if seconds > most), UNITS[2]
        )
        return self.say(unit, count=max(1, round(seconds / unit_seconds)))

    def at(self, moment: datetime, now: datetime) -> str:
        """Returns a moment by the store's clock: ``at 14:02``, ``yesterday at 14:02``, ``on Monday at 02:13``."""
        local = moment.astimezone(self.zone)
        days = (local.date() - now.astimezone(self.zone).date()).days
        time = f"{local:%H:%M}"
        match days:
            case 0:
                return self.say("at", time=time)
            case -1:
                return self.say("yesterday", time=time)
            case 1:
                return self.say("tomorrow", time=time)
            case _:
                day = self.say("weekdays").split()[local.weekday()] if abs(days) < 7 else f"{local:%Y-%m-%d}"
                return self.say("on_day", day=day, time=time)

    def date(self, moment: datetime | None) -> str:
        """Returns ``2026-11-26 06:00``, by the store's clock."""
        return f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M}" if moment else ""


def language_of_terminal() -> Language:
    """Returns Indonesian for such a locale of messages (POSIX: LC_ALL, then LC_MESSAGES, then LANG), else English."""
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), "")
    return "id" if locale.lower().startswith("id") else "en"
