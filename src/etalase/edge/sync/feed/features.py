"""Reads the abilities that a head office of ours announces with each response (ADR 0030, ADR 0040). Pure."""

from typing import Final

from etalase.renditions import RENDITIONS_PREFERENCE
from etalase.report import REPORT_FEATURE

MAX_FEATURES_CHARS = 500
_RENDITIONS: Final = f"{RENDITIONS_PREFERENCE}=1"


def kept(header: str) -> str:
    """Returns the header in a form that a database column takes, empty where it is not one of ours."""
    return header if header.isascii() and header.isprintable() and len(header) <= MAX_FEATURES_CHARS else ""


def offers_renditions(features: str) -> bool:
    """Returns whether head office lists renditions in the form that this edge reads: ``renditions=1``."""
    return _RENDITIONS in _named(features)


def takes_reports(features: str) -> bool:
    """Returns whether head office takes reports in the form that this edge sends: ``report=1``."""
    return REPORT_FEATURE in _named(features)


def without_renditions(features: str) -> str:
    """Returns the other abilities, for an edge that is not to take head office's renditions."""
    return ", ".join(feature for feature in _named(features) if feature != _RENDITIONS)


def _named(features: str) -> list[str]:
    return [feature.strip() for feature in features.split(",")]
