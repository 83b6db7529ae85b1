"""Arguments and output of the commands that write a bundle, for both halves."""

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from etalase.support.bundle import Bundle


def add_arguments(parser: ArgumentParser) -> None:
    """Adds ``--output`` and ``--read-only``."""
    parser.add_argument(
        "--output", metavar="FILE", help="the file to write; default: a new one in this folder, or in the user's own"
    )
    parser.add_argument("--read-only", action="store_true", help="let the doctor put no probe into the bucket")


def result(bundle: Bundle) -> dict[str, Any]:
    """Returns the object of ``--json``."""
    return {"path": str(bundle.path), "ok": not bundle.failed, "parts": [asdict(part) for part in bundle.parts]}


def sentence(bundle: Bundle) -> str:
    """Returns the same for a person."""
    lines = [f"Wrote {bundle.path}. It has no password, key or token; look through it before you send it."]
    lines += [f"Missing: {part.id}: {part.detail} {part.hint}".rstrip() for part in bundle.failed]
    return "\n".join(lines)
