"""Measures first loads over links of several kinds: ``python -m bench.links``, from a checkout, as root.

Head office is at the other end of a link of real packets between two network namespaces; the edge's own database and bucket are
on its side. Every contender loads the same photos over the same link, in turns. The ideal is one bulk download over that link.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from tests.acceptance.slow_link.link import HEAD_OFFICE_ADDRESS, Link, Weather
from tests.acceptance.slow_link.namespace import why_impossible
from tests.acceptance.slow_link.site import store_on_a_weak_link

from bench.contenders import CONTENDERS, Program, Turn, TurnFailed, run_programs, sync
from bench.parts import HeadOffice, Parts, machine, parts, s3_client
from bench.photos import RENDITION_BYTES, BenchPhoto, equal_photos
from bench.work import order, say
from etalase.devstack.makes import Make
from etalase.renditions import PUBLIC_PREFIXES

PHOTO_BYTES = 46_000
BULK_BUCKET, BULK_KEY = "bulk", "noise"
# A till's download begins so long after the load, and is measured for so long.
TILL_AFTER_SECONDS, TILL_SECONDS = 15.0, 10
TRANSFERS = re.compile(r"(rclone(?:-tuned)?)-(\d+)")
RESULTS = Path(__file__).parent / "results" / "links.json"


@dataclass(frozen=True, slots=True)
class Line:
    """A kind of link. ``round_trip_ms`` includes both ways; ``megabytes`` are those of the photos."""

    name: str
    mbit: float
    round_trip_ms: float
    megabytes: float

    def weather(self, *, queue_ms: float, loss: float) -> Weather:
        """Returns the link; its queue holds ``queue_ms`` of the rate, and not less than the bytes of one round trip."""
        bits_per_second = self.mbit * 1e6
        queue_seconds = max(queue_ms, self.round_trip_ms) / 1000
        return Weather(bits_per_second, self.round_trip_ms / 2000, round(bits_per_second / 8 * queue_seconds), loss=loss)


LINES = {
    line.name: line
    for line in (
        Line("4/40", 4, 40, 5.4),
        Line("50/30", 50, 30, 18.4),
        Line("20/150", 20, 150, 18.4),
        Line("100/20", 100, 20, 100),
        Line("20/600", 20, 600, 18.4),
        Line("20/600-long", 20, 600, 180),
        Line("4/40-long", 4, 40, 20),  # for a till's flow beside it
    )
}


def main() -> int:
    """Prints a table for each link, and writes the figures of each round. Returns the exit status."""
    options = _options()
    if problem := why_impossible():
        sys.exit(f"This machine cannot simulate a link: {problem}.")
    result: dict[str, Any] = {"machine": machine(), "queue_ms": options.queue_ms, "loss": options.loss, "links": {}}
    for name in options.links:
        say(f"{name} (Mbit/s, ms of a round trip)")
        try:
            figures = _measure(LINES[name], options)
        except TurnFailed as error:
            sys.stderr.write(f"bench: {error}\n")
            return 1
        result["links"][name] = figures
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + "\n")
        sys.stdout.write(table(LINES[name], figures) + "\n\n")
        sys.stdout.flush()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.links", description=__doc__)
    parser.add_argument(
        "--links",
        type=_some_of(LINES),
        default=[name for name in LINES if name != "4/40-long"],
        help=f"of {','.join(LINES)} (default: all)",
    )
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=["etalase", "rclone-4", "rclone-10", "rclone-32", "rclone-64", "rclone-tuned-32", "mc"],
        help="contenders: etalase, mc, rclone-N, rclone-tuned-N; N are the transfers (default: several)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="each runs every contender once (default: %(default)s)")
    parser.add_argument("--queue-ms", type=float, default=100, help="of the link's queue; not less than a round trip's bytes")
    parser.add_argument("--loss", type=float, default=0, help="share of packets that are lost, each way (default: 0)")
    parser.add_argument("--bulk-mb", type=float, default=200, help="of the bulk download (default: %(default)s)")
    parser.add_argument("--till", action="store_true", help="measure another download beside each load by Etalase")
    parser.add_argument("--renditions", action="store_true", help="head office lists three renditions a photo, too")
    parser.add_argument("--set", metavar="NAME=VALUE", nargs="*", default=[], help="settings of the edge: WORKERS=10")
    parser.add_argument("--store", type=Make, choices=list(Make), default=Make.SEAWEEDFS)
    parser.add_argument("--json", type=Path, default=RESULTS)
    return parser.parse_args()


def _some_of(known: dict[str, Line]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        if unknown := [name for name in text.split(",") if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: expected are {', '.join(known)}")
        return text.split(",")

    return names


def _measure(line: Line, options: argparse.Namespace) -> dict[str, Any]:
    photos = equal_photos(round(line.megabytes * 1e6 / PHOTO_BYTES), PHOTO_BYTES)
    objects = [PHOTO_BYTES, *RENDITION_BYTES.values()] if options.renditions else [PHOTO_BYTES]
    figures: dict[str, Any] = {
        "objects": len(photos) * len(objects), "bytes": len(photos) * sum(objects), "seconds": {}, "quiet": [],
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, parts(options.store, Path(folder)) as running:
        public_url = f"http://{HEAD_OFFICE_ADDRESS}:{running.head_office_s3.port}"
        with (
            running.head_office(
                photos, public_url=public_url, address=HEAD_OFFICE_ADDRESS, renditions=options.renditions
            ) as head_office,
            _bulk_object(running, round(options.bulk_mb * 1e6)) as bulk_url,
            store_on_a_weak_link(
                line.weather(queue_ms=options.queue_ms, loss=options.loss),
                edge_ports=[running.database.port, running.edge_s3.port],
                head_office_ports=[head_office.port, head_office.s3.port],
            ) as link,
        ):
            seconds = _in_the_store(link, [_bulk(bulk_url)], running.folder)
            say(f"  bulk download: {options.bulk_mb:g} MB in {seconds:.1f} s")
            figures["bulk_bytes_per_second"] = options.bulk_mb * 1e6 / seconds
            for turn in range(options.rounds):
                for name in order(options.only, turn):
                    with ThreadPoolExecutor(1) as thread:
                        till = thread.submit(_till, link, bulk_url) if options.till and name == "etalase" else None
                        seconds = _turn(name, link, running, head_office, photos, options, figures)
                    if till is not None:
                        share = till.result() / figures["bulk_bytes_per_second"]
                        figures.setdefault("till_shares", []).append(share)
                        say(f"  round {turn + 1}: a till's download beside it gets {share:.0%} of the link")
                    figures["seconds"].setdefault(name, []).append(seconds)
                    say(f"  round {turn + 1}: {name:<16} {seconds:7.2f} s")
    return figures


def _turn(
    name: str,
    link: Link,
    running: Parts,
    head_office: HeadOffice,
    photos: Sequence[BenchPhoto],
    options: argparse.Namespace,
    figures: dict[str, Any],
) -> float:
    with running.edge(head_office) as near:
        changed = {f"ETALASE_{key}": value for key, _, value in (given.partition("=") for given in options.set)}
        changed["ETALASE_HO_URL"] = f"http://{HEAD_OFFICE_ADDRESS}:{head_office.port}"
        edge = replace(near, settings={**near.settings, **changed})
        seconds = _in_the_store(
            link, _programs(name, Turn(head_office, edge, photos, running.folder, running.make)), running.folder
        )
        if (arrived := edge.objects(*PUBLIC_PREFIXES)) != (figures["objects"], figures["bytes"]):
            raise TurnFailed(f"{name}: {arrived} (objects, bytes) are in the bucket.")
        if name == "etalase":
            figures["quiet"].append(_in_the_store(link, [sync(edge)], running.folder))
        return seconds


def _programs(name: str, turn: Turn) -> list[Program]:
    """Returns the contender's programs, with head office's bucket across the link."""
    if name == "etalase":
        return [sync(turn.edge)]
    found = TRANSFERS.fullmatch(name)
    (program,) = CONTENDERS[found[1] if found else name].steps(turn)
    s3 = turn.head_office.s3
    across = {
        key: value.replace(f"127.0.0.1:{s3.port}", f"{HEAD_OFFICE_ADDRESS}:{s3.port}") for key, value in program.env.items()
    }
    argv = [*program.argv, "--transfers", found[2], "--checkers", found[2]] if found else program.argv
    return [replace(program, argv=argv, env=across)]


def _in_the_store(link: Link, programs: Sequence[Program], folder: Path) -> float:
    """Runs programs on the edge's side of the link; returns their seconds."""

    def run() -> float:
        with link.edge.entered():
            return run_programs(programs, folder).wall_seconds

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(run).result()


def _till(link: Link, url: str) -> float:
    """Returns the rate of another download in the store, in bytes a second, over its first seconds."""
    time.sleep(TILL_AFTER_SECONDS)
    with link.edge.entered():
        flow = ["curl", "--silent", "--noproxy", "*", "--output", "/dev/null", "--max-time", str(TILL_SECONDS)]
        done = subprocess.run([*flow, "--write-out", "%{size_download}", url], capture_output=True, text=True, check=False)
    return int(done.stdout) / TILL_SECONDS


def _bulk(url: str) -> Program:
    return Program(
        "bulk", ["curl", "--silent", "--fail", "--noproxy", "*", "--output", "/dev/null", url], {"PATH": "/usr/bin:/bin"}
    )


@contextmanager
def _bulk_object(running: Parts, size: int) -> Iterator[str]:
    """Yields the address, across the link, of an object of noise in head office's object store."""
    s3 = running.head_office_s3
    with closing(s3_client(s3, s3.endpoint)) as here:
        here.create_bucket(Bucket=BULK_BUCKET)
        here.put_object(Bucket=BULK_BUCKET, Key=BULK_KEY, Body=Random(0).randbytes(size))
    with closing(s3_client(s3, f"http://{HEAD_OFFICE_ADDRESS}:{s3.port}")) as across:
        place = {"Bucket": BULK_BUCKET, "Key": BULK_KEY}
        yield across.generate_presigned_url("get_object", Params=place, ExpiresIn=86_400)


def table(line: Line, figures: dict[str, Any]) -> str:
    """Returns the figures of a link as Markdown."""
    ideal = figures["bytes"] / figures["bulk_bytes_per_second"]
    bulk_mbit = figures["bulk_bytes_per_second"] * 8 / 1e6
    title = f"{line.mbit:g} Mbit/s, {line.round_trip_ms:g} ms, {figures['bytes'] / 1e6:.1f} MB; ideal {ideal:.1f} s,"
    title += f" by a bulk download at {bulk_mbit:.1f} Mbit/s"
    if figures["quiet"]:
        title += f"; a quiet run of Etalase {median(figures['quiet']):.1f} s"
    if shares := figures.get("till_shares"):
        title += f"; a till's download beside Etalase {median(shares):.0%} of the link"
    lines = [title, "", "| | seconds | beyond a quiet run | of the link |", "|---|---:|---:|---:|"]
    for name, seconds in sorted(figures["seconds"].items(), key=lambda item: median(item[1])):
        beyond = median(seconds) - (median(figures["quiet"]) if name == "etalase" else 0)
        spread = f"{median(seconds):.1f} ({min(seconds):.1f}–{max(seconds):.1f})"
        lines.append(f"| {name} | {spread} | {beyond:.1f} | {ideal / beyond:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
