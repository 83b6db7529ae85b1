"""Runs ``python -m bench``: the chosen works on the chosen stores; prints a table and writes the figures as JSON."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.contenders import CONTENDERS, TurnFailed, versions
from bench.parts import machine, parts
from bench.profiling import profile
from bench.report import page, targets
from bench.work import WORKS, Options, say
from etalase.devstack.makes import Make
from etalase.devstack.process import StackError
from etalase.errors import EtalaseError

RESULTS = Path(__file__).parent / "results"


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0 done, whether targets hold or not; 1 a contender failed; 2 usage."""
    options = _options(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if options.profile:
            return _profile(options)
        result = _measure(options)
    except (EtalaseError, TurnFailed) as error:
        sys.stderr.write(f"bench: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    sys.stdout.write(page(result) + "\n")
    say(f"Figures: {options.json}")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, epilog="How it measures: docs/performance.md")
    parser.add_argument(
        "--store", choices=[*Make, "both"], default="both", help="the make of object store (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds; each runs every contender once, in rotating order (default: %(default)s)"
    )
    parser.add_argument("--photos", type=int, default=4000, help="photos in the menu (default: %(default)s)")
    parser.add_argument("--work", type=_names(WORKS), default=list(WORKS), help=f"of {','.join(WORKS)} (default: all)")
    parser.add_argument(
        "--only", type=_names(CONTENDERS), default=list(CONTENDERS), help=f"of {','.join(CONTENDERS)} (default: all)"
    )
    parser.add_argument(
        "--json", type=Path, default=RESULTS / "last.json", help="file for the figures (default: in bench/results)"
    )
    parser.add_argument("--folder", type=Path, help="folder for the services' data (default: the temporary folder)")
    parser.add_argument("--profile", action="store_true", help="profile one load instead")
    return parser.parse_args(argv)


def _names(known: dict[str, Any]) -> Any:
    def names(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := [name for name in chosen if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: expected are {', '.join(known)}")
        return chosen

    return names


def _makes(options: argparse.Namespace) -> list[Make]:
    """Returns the chosen makes; with «both» reports and skips a make that is not installed."""
    if options.store != "both":
        return [Make(options.store)]
    found = []
    for make in Make:
        try:
            make.find_program()
            found.append(make)
        except StackError as error:
            say(f"without {make}: {error}")
    return found


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    options.json.parent.mkdir(parents=True, exist_ok=True)
    chosen = Options(options.photos, options.rounds, options.only)
    result: dict[str, Any] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "photos": chosen.photos,
        "rounds": chosen.rounds,
        "versions": versions([name for name in chosen.names if not CONTENDERS[name].missing()]),
        "stores": {},
    }
    for make in _makes(options):
        works: dict[str, Any] = {}
        result["stores"][make.value] = works
        for name in options.work:
            say(f"{make}: {name}")
            # New services for each work, so that no work affects another.
            with (
                tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as folder,
                parts(make, Path(folder)) as running,
            ):
                works[name] = WORKS[name](running, chosen)
            works["targets"] = [target.as_json() for target in targets(make.value, works)]
            # After each work: a complete bench takes an hour and may be interrupted.
            options.json.write_text(json.dumps(result, indent=1) + "\n")
    return result


def _profile(options: argparse.Namespace) -> int:
    RESULTS.mkdir(exist_ok=True)
    make = _makes(options)[0]
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as folder, parts(make, Path(folder)) as running:
        sys.stdout.write(profile(running, options.photos, RESULTS) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
