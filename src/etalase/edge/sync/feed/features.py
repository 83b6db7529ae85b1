"""Reads the abilities that a head office of ours announces with each response (ADR 0030). Pure."""

from etalase.renditions import RENDITIONS_PREFERENCE

MAX_FEATURES_CHARS = 500


def kept(header: str) -> str:
    """Returns the header in a form that a database column takes, empty where it is not one of ours."""
    return header if header.isascii() and header.isprintable() and len(header) <= MAX_FEATURES_CHARS else ""


def offers_renditions(features: str) -> bool:
    """Returns whether head office lists renditions in the form that this edge reads: ``renditions=1``."""
    return f"{RENDITIONS_PREFERENCE}=1" in {feature.strip() for feature in features.split(",")}
