"""Measures a new store's first load over a weak link, from a real head office: ``python -m tests.acceptance.slow_link --help``.

Exits with 1 if a link carried more than allowed, or if some photos did not arrive.
"""

import argparse
import csv
import io
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from etalase.demo import layout
from etalase.devstack import postgres, seaweedfs
from etalase.devstack.ports import LOOPBACK, free_port
from etalase.devstack.postgres import Postgres
from etalase.devstack.process import spawn
from etalase.devstack.s3 import S3Server
from tests.acceptance.conftest import Edge, new_edge, responses
from tests.acceptance.slow_link.link import HEAD_OFFICE_ADDRESS, Cut, Link, Weather
from tests.acceptance.slow_link.namespace import why_impossible
from tests.acceptance.slow_link.site import spread, store_on_a_weak_link
from tests.django_settings import COMPANY_ID, STORE_ID

AT_MOST = 1.05
MAX_RUNS = 20
SMALLEST_BYTES, LARGEST_BYTES = 45_000, 5_000_000
PNG_ROW_PIXELS = 400
STORE_PASSWORD = "a test's own password"


@dataclass(frozen=True, slots=True)
class HeadOffice:
    """A running head office, and the bytes of its photos for the store."""

    port: int
    s3: S3Server
    photos: int
    photo_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a first load under one kind of cut. ``runs`` are successive calls of ``etalase edge sync``."""

    weather: Weather
    complete: bool
    seconds: float
    runs: int
    cuts: int
    photo_bytes: int
    body: int
    carried: int
    responses: int
    feed: int

    @property
    def ratio(self) -> float:
        """Returns all bytes from head office's bucket, with headers and retransmissions, divided by the photos' bytes."""
        return self.carried / self.photo_bytes

    @property
    def good(self) -> bool:
        """Returns whether every photo arrived within the allowed ratio."""
        return self.complete and self.ratio <= AT_MOST

    def cells(self) -> list[str]:
        """Returns the row of the table, below :data:`HEADINGS`."""
        ratios = [f"{count / self.photo_bytes:.4f}" for count in (self.body, self.carried)]
        counts = [f"{count:,}" for count in (self.cuts, self.runs, self.responses, self.photo_bytes, self.body, self.carried)]
        verdict = "good" if self.good else f"more than {AT_MOST}" if self.complete else "incomplete"
        return [
            self.weather.cut.value,
            f"{self.seconds:.0f} s",
            *counts[:-1],
            ratios[0],
            counts[-1],
            ratios[1],
            f"{self.feed:,}",
            verdict,
        ]


HEADINGS = ["cut", "time", "cuts", "runs", "answers", "photos", "bodies", "ratio", "link", "ratio", "feed", ""]
EXPLAINED = """
All in bytes. bodies: of the bucket's responses, as received by the edge's kernel. link: all TCP payload from the bucket, with
headers, retransmissions and losses of a cut; its ratio to the photos decides. feed: TCP payload of the API.
"""


def main() -> int:
    """Prints a table of all measurements."""
    options = _options()
    if problem := why_impossible():
        sys.exit(f"This machine cannot simulate a weak link: {problem}.")
    weather = Weather(options.mbit * 1e6, options.delay_ms / 1000, options.queue_kb * 1000, options.every)
    cuts = {
        Cut.RESET: replace(weather, cut=Cut.RESET, down_seconds=1),
        Cut.SILENCE: replace(weather, cut=Cut.SILENCE, down_seconds=5),
    }
    sizes = spread(round(options.megabytes * 1e6), SMALLEST_BYTES, LARGEST_BYTES)
    _say(
        f"An own relay of packets between two network namespaces: {options.mbit:g} Mbit/s, {options.delay_ms:g} ms each way,"
        f" {options.queue_kb} kB of queue.\nCut every {options.every:g} s; reset: both sides hear of it, away for 1 s; silence:"
        " nobody hears of it, away for 5 s."
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slow-link-")))
        database = postgres.start(folder / "postgres", free_port(), durable=False)
        stack.callback(database.stop)
        head_office = stack.enter_context(_head_office(folder / "ho", database, sizes))
        _say(f"{head_office.photos} photos, {min(sizes):,} to {max(sizes):,} bytes.\n\n{_row(HEADINGS)}")
        outcomes = []
        for cut in options.cut:
            outcomes.append(_first_load(folder / cut.value, database, head_office, cuts[cut], options))
            _say(_row(outcomes[-1].cells()))
    _say(EXPLAINED)
    return 0 if all(outcome.good for outcome in outcomes) else 1


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _row(cells: Sequence[str]) -> str:
    return "  ".join(f"{cell:>10}" for cell in cells)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.slow_link", description=__doc__.partition("\n")[0])
    parser.add_argument("--cut", type=Cut, nargs="*", default=list(Cut), help="reset, silence (default: one after the other)")
    parser.add_argument("--megabytes", type=float, default=40, help="of photos (default %(default)s)")
    parser.add_argument("--mbit", type=float, default=2, help="a second, each way (default %(default)s)")
    parser.add_argument("--delay-ms", type=float, default=150, help="each way (default %(default)s)")
    parser.add_argument("--queue-kb", type=int, default=150, help="what waits before the link, each way (default %(default)s)")
    parser.add_argument("--every", type=float, default=30, help="seconds from cut to cut (default %(default)s)")
    parser.add_argument(
        "--set", metavar="NAME=VALUE", nargs="*", default=[], help="settings of the edge: IDLE_TIMEOUT_SECONDS=10"
    )
    parser.add_argument("--verbose", action="store_true", help="show what each run says")
    return parser.parse_args()


def _first_load(folder: Path, database: Postgres, ho: HeadOffice, weather: Weather, options: argparse.Namespace) -> Outcome:
    with ExitStack() as stack:
        s3 = seaweedfs.start(folder / "s3", seaweedfs.SeaweedPorts.free(), access_key="edge", secret_key=secrets.token_hex())
        stack.callback(s3.stop)
        edge = stack.enter_context(new_edge(database, s3, f"http://{HEAD_OFFICE_ADDRESS}:{ho.port}", folder))
        edge.environment["ETALASE_SPOOL_DIR"] = str(folder / "spool")
        edge.environment |= {f"ETALASE_{name}": value for name, _, value in (given.partition("=") for given in options.set)}
        _must(edge.run("migrate"))
        link = stack.enter_context(
            store_on_a_weak_link(weather, edge_ports=[database.port, s3.port], head_office_ports=[ho.port, ho.s3.port])
        )
        began = time.monotonic()
        runs, complete = _sync_until_complete(edge, link, verbose=options.verbose)
        photos, feed = link.from_head_office(ho.s3.port), link.from_head_office(ho.port)
        (here,) = edge.sql("SELECT count(*), coalesce(sum(size), 0) FROM product_photo")
        return Outcome(
            weather=weather,
            complete=complete and here == (ho.photos, ho.photo_bytes),
            seconds=time.monotonic() - began,
            runs=runs,
            cuts=link.cuts,
            photo_bytes=ho.photo_bytes,
            body=photos.body,
            carried=photos.carried,
            responses=photos.responses,
            feed=feed.carried,
        )


def _sync_until_complete(edge: Edge, link: Link, *, verbose: bool) -> tuple[int, bool]:
    with ThreadPoolExecutor(1) as in_the_store:
        for number in range(1, MAX_RUNS + 1):
            done = in_the_store.submit(_sync, edge, link).result()
            if verbose:
                sys.stderr.write(f"run {number}: exit status {done.returncode}\n{done.stderr}{done.stdout}\n")
            if done.returncode == 0:
                return number, True
    return MAX_RUNS, False


def _sync(edge: Edge, link: Link) -> "subprocess.CompletedProcess[str]":
    with link.edge.entered():
        return edge.run("sync")


@contextmanager
def _head_office(folder: Path, database: Postgres, sizes: Sequence[int]) -> Iterator[HeadOffice]:
    """Starts head office on 127.0.0.1, with one store and a photo of about each size."""
    folder.mkdir()
    database.create_database("head_office")
    s3 = seaweedfs.start(folder / "s3", seaweedfs.SeaweedPorts.free(), access_key="ho", secret_key=secrets.token_hex())
    environment = layout.environment(
        {
            "DATABASE_URL": database.url("head_office"),
            "ETALASE_SECRET_KEY": secrets.token_hex(),
            "ETALASE_ALLOWED_HOSTS": f"{LOOPBACK},{HEAD_OFFICE_ADDRESS}",
            "ETALASE_S3_ENDPOINT": s3.endpoint,
            "ETALASE_S3_PUBLIC_URL": f"http://{HEAD_OFFICE_ADDRESS}:{s3.port}",
            "ETALASE_S3_ACCESS_KEY": s3.access_key,
            "ETALASE_S3_SECRET_KEY": s3.secret_key,
            # Head office makes none of these photos smaller.
            "ETALASE_PHOTO_MAX_PIXELS": "16383",
            "ETALASE_PHOTO_MAX_BYTES": str(2 * LARGEST_BYTES),
        }
    )
    command = [sys.executable, "-m", "etalase.cli", "head-office"]

    def etalase(*args: str | Path) -> None:
        _must(
            subprocess.run(
                [*command, *map(str, args)], env=environment, capture_output=True, text=True, input=STORE_PASSWORD, check=False
            )
        )

    try:
        etalase("migrate")
        etalase("create-company", "Company", "--id", COMPANY_ID)
        etalase("create-store", "STORE", "Store", "--id", STORE_ID, "--account", "store", "--password-file", "-")
        photo_bytes = _write_menu(folder / "menu", sizes)
        etalase("import", folder / "menu" / "menu.csv", folder / "menu", "--quiet")
        port = free_port()
        server = spawn("Head office", [*command, "serve", "--bind", f"{LOOPBACK}:{port}"], run_dir=folder, env=environment)
        try:
            server.wait_ready(lambda: responses(f"http://{LOOPBACK}:{port}/api/v1/schema/"), 60)
            yield HeadOffice(port, s3, len(sizes), photo_bytes)
        finally:
            server.stop()
    finally:
        s3.stop()


def _write_menu(folder: Path, sizes: Sequence[int]) -> int:
    """Writes ``menu.csv`` and its images in random order of size. Returns the bytes of the images."""
    folder.mkdir()
    order = list(enumerate(sizes))
    random.Random(40).shuffle(order)
    photo_bytes = 0
    with (folder / "menu.csv").open("w", newline="") as file:
        menu = csv.writer(file)
        menu.writerow(["sku", "name", "file", "is_primary", "sort_order", "stores"])
        for number, size in order:
            picture = _picture(number, size)
            (folder / f"{number}.png").write_bytes(picture)
            menu.writerow([f"SKU-{number}", f"Dish {number}", f"{number}.png", "yes", 0, "STORE"])
            photo_bytes += len(picture)
    return photo_bytes


def _picture(seed: int, size: int) -> bytes:
    """Returns a PNG of noise of about ``size`` bytes."""
    rows = size // (PNG_ROW_PIXELS + 1)
    noise = random.Random(seed).randbytes(PNG_ROW_PIXELS * rows)
    body = io.BytesIO()
    Image.frombytes("L", (PNG_ROW_PIXELS, rows), noise).save(body, "PNG", compress_level=0)
    return body.getvalue()


def _must(done: "subprocess.CompletedProcess[str]") -> None:
    if done.returncode:
        sys.exit(f"{done.args} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    sys.exit(main())
