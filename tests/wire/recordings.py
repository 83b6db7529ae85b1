"""Records the wire of each release. Later versions replay all recordings, because both halves are upgraded one by one.

``edge.json`` has the requests of an edge, ``head_office.json`` requests with head office's responses. Times, tokens, passwords,
positions and amounts differ with each run, so that ``<...>`` replaces them.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "releases"
RELEASES = sorted((path.name for path in FOLDER.iterdir()), key=lambda name: [int(part) for part in name.split(".")])
# Texts and numbers that differ with each run.
TEXTS = frozenset({"access", "refresh", "password", "username", "digest", "instance", "agent", "nonce", "proof"})
AMOUNTS = frozenset(
    {"duration_seconds", "spool_free_bytes", "bucket_free_bytes", "today_bytes", "month_bytes", "report_sequence"}
)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)")


def recorded(release: str, side: str) -> list[dict[str, Any]]:
    """Returns the exchanges of a release; ``side`` is ``edge`` or ``head_office``."""
    exchanges: list[dict[str, Any]] = json.loads((FOLDER / release / f"{side}.json").read_text("utf-8"))
    return exchanges


def record(side: str, exchanges: list[dict[str, Any]]) -> None:
    """Writes the exchanges of a new release, if the environment names one in ``RECORD_RELEASE``."""
    if release := os.environ.get("RECORD_RELEASE"):
        (FOLDER / release).mkdir(parents=True, exist_ok=True)
        text = json.dumps(exchanges, indent=1, ensure_ascii=False)
        (FOLDER / release / f"{side}.json").write_text(f"{text}\n", "utf-8")


def neutral(value: Any, name: str = "") -> Any:
    """Returns JSON with a mark in the place of each value that differs with every run."""
    match value:
        case dict():
            return {key: neutral(inner, key) for key, inner in value.items()}
        case list() if name == "challenges":  # of photos by chance
            return "<challenges>"
        case list():
            return [neutral(inner) for inner in value]
        case str() if name in TEXTS:
            return f"<{name}>"
        case int() | float() if name in AMOUNTS:
            return "<amount>"
        case str() if TIME.fullmatch(value):
            return "<time>"
        case int() if name in {"next_offset", "offset"} and value:
            return "<position>"
    return value


def differences(recording: Any, now: Any, at: str = "") -> list[str]:
    """Returns the places where ``now`` lacks a field of the recording or has another value; added fields are allowed."""
    if isinstance(recording, dict) and isinstance(now, dict):
        return [
            wrong
            for name, value in recording.items()
            for wrong in (differences(value, now[name], f"{at}.{name}") if name in now else [f"{at}.{name} is missing"])
        ]
    if isinstance(recording, list) and isinstance(now, list) and len(recording) == len(now):
        return [
            wrong
            for number, pair in enumerate(zip(recording, now, strict=True))
            for wrong in differences(*pair, f"{at}[{number}]")
        ]
    return [] if recording == now else [f"{at}: {recording!r} was {now!r}"]
