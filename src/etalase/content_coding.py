"""Tells whether a client takes a compressed response (RFC 9110, section 12.5.3). Pure."""

import re

_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)


def accepts_gzip(accept_encoding: str) -> bool:
    """Returns whether the header ``Accept-Encoding`` names gzip, and not with the weight 0."""
    return _GZIP.search(accept_encoding) is not None
