"""Runs ``python -m bench.fleet``: head office under the requests of a chain's edges, on the cores that PostgreSQL uses, too.

Prints CPU of all processes of ``serve`` and of PostgreSQL for each request, the rate of a closed loop (wrk, a process of its
own), and then how long 10,000 stores wait that all ask within a minute.
"""

import argparse
import asyncio
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

from bench.fleet_data import PRODUCTS_PATH, Login, Request, change_a_dish, fill, logins, offsets, report, request
from etalase.demo.layout import environment
from etalase.devstack import postgres, seaweedfs
from etalase.devstack.ports import free_port
from etalase.devstack.process import spawn

WRK_CONNECTIONS = 16
FLEET_CONNECTIONS = 64
TICKS = 100  # proc(5): clock ticks a second


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0, or 2 where wrk is missing."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--stores", type=int, default=10_000)
    parser.add_argument(
        "--dishes", type=int, default=500, help="that each store sells, each with a photo (default: %(default)s)"
    )
    parser.add_argument("--big", type=int, default=100_000, help="dishes of one big store (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=10, help="for each kind of request (default: %(default)s)")
    parser.add_argument("--minute", type=float, default=60, help="within which each store asks once (default: %(default)s)")
    parser.add_argument("--reports", action="store_true", help="measure polls with and without a report only")
    options = parser.parse_args(argv)
    if shutil.which("wrk") is None:
        sys.stderr.write("bench: wrk is missing (Debian: apt install wrk)\n")
        return 2
    with tempfile.TemporaryDirectory() as folder, ExitStack() as undo:
        _run(options, Path(folder), undo)
    return 0


def _run(options: argparse.Namespace, folder: Path, undo: ExitStack) -> None:
    database = postgres.start(folder / "postgres", free_port())
    undo.callback(database.stop)
    s3 = seaweedfs.start(folder / "s3", seaweedfs.SeaweedPorts.free(), access_key="bench-key", secret_key=secrets.token_hex(20))
    undo.callback(s3.stop)
    database.create_database("fleet")
    url, secret_key, port = database.url("fleet"), secrets.token_urlsafe(32), free_port()
    settings = {
        "DATABASE_URL": url,
        "ETALASE_SECRET_KEY": secret_key,
        "ETALASE_ALLOWED_HOSTS": "127.0.0.1",
        "ETALASE_LOG_LEVEL": "ERROR",
        "ETALASE_S3_ENDPOINT": s3.endpoint,
        "ETALASE_S3_PUBLIC_URL": s3.endpoint,
        "ETALASE_S3_ACCESS_KEY": s3.access_key,
        "ETALASE_S3_SECRET_KEY": s3.secret_key,
        "ETALASE_S3_BUCKET": "fleet",
    }
    command = [sys.executable, "-m", "etalase.cli", "head-office"]
    subprocess.run([*command, "migrate", "--verbosity", "0"], env=environment(settings), check=True)
    fill(url, stores=options.stores, dishes=options.dishes, big=options.big)
    serve = spawn(
        "serve", [*command, "serve", "--bind", f"127.0.0.1:{port}"], run_dir=folder / "serve", env=environment(settings)
    )
    undo.callback(serve.stop)
    serve.wait_ready(lambda: _responds(port), 60)
    stores = logins(url, secret_key=secret_key)
    # As in operation, each store has asked before: its summary is kept.
    asyncio.run(_minute([request(store) for store in stores], port, 0))
    pids = (serve.pid, database.child.pid)
    for name, requests in kinds(url, stores).items():
        if not options.reports:
            _closed_loop(name, requests, port, pids, options.seconds, folder / "requests")
    _reports(url, stores[1:], port, pids, options.seconds, folder / "requests")
    if options.reports:
        return
    before = _memory(serve.pid)
    times, statuses = asyncio.run(_minute(minute(url, stores), port, options.minute))
    times.sort()
    sys.stdout.write(
        f"{len(times)} stores within {options.minute:g} s: median {1000 * times[len(times) // 2]:.0f} ms, p99"
        f" {1000 * times[int(len(times) * 0.99)]:.0f} ms, longest {1000 * times[-1]:.0f} ms; statuses {dict(statuses)};"
        f" memory {before} -> {_memory(serve.pid)} MB\n"
    )


def kinds(url: str, stores: Sequence[Login]) -> dict[str, list[Request]]:
    """Returns the requests by kind; each store asks in turn, and a poll asks for what changed since now."""
    big, others, now = stores[0], stores[1:], datetime.now(UTC).isoformat(timespec="microseconds")
    places = list(offsets(url, big.store_id, limit=100))
    return {
        "poll": [request(store, since=now) for store in others],
        "poll of products": [request(store, since=now, prefer="", path=PRODUCTS_PATH) for store in others],
        "full, with digests": [request(store, since=now, prefer="photo-digest, renditions") for store in others],
        "page of 100": [request(store, prefer="") for store in others],
        "page of 1,000": [request(big, limit=1000, offset=place, prefer="") for place in places[:-10:10]],
        "page of 100, renditions": [request(store) for store in others],
        "page of 1,000, renditions": [request(big, limit=1000, offset=place) for place in places[:-10:10]],
        "big store, page 1": [request(big, prefer="")],
        f"big store, page {len(places) - 1}": [request(big, offset=places[-2], prefer="")],
    }


def _reports(url: str, stores: Sequence[Login], port: int, pids: tuple[int, int], seconds: int, file: Path) -> None:
    """Measures polls with a report beside polls without, in quiet and just after a change that every store sees."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    numbers = iter(range(1, 1_000_000))

    def polls() -> list[Request]:
        number = next(numbers)
        return [request(store, since=now, report=report(store, sequence=number, checkpoint=now)) for store in stores]

    asyncio.run(_minute(polls(), port, 0))  # the first report of a store counts its list
    _closed_loop("poll", [request(store, since=now) for store in stores], port, pids, seconds, file)
    # As many rounds as the loop may take: a report that is sent again is a replay.
    _closed_loop("poll with report", [poll for _ in range(8) for poll in polls()], port, pids, seconds, file)
    changed = change_a_dish(url)
    _closed_loop(f"the same, {changed} changed", [request(store, since=now) for store in stores], port, pids, seconds, file)
    change_a_dish(url)
    _closed_loop("with report, changed", [poll for _ in range(8) for poll in polls()], port, pids, seconds, file)


def minute(url: str, stores: Sequence[Login]) -> list[Request]:
    """Returns one request of each store: polls; 100 first loads, 1 % with changes, and some that are refused."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    requests = [request(store, since=now) for store in stores]
    for number in range(0, len(stores), max(1, len(stores) // 100)):
        requests[number] = request(stores[number])
    for number in range(7, len(stores), 500):  # another's store: 404
        requests[number] = Request(requests[number].path, stores[number].token, "", requests[number - 1].body)
    for number in range(11, len(stores), 500):  # no token: 401
        requests[number] = Request(requests[number].path, "", "", requests[number].body)
    with closing(psycopg.connect(url)) as db, db:  # of 1 % of the stores
        db.execute(
            "DELETE FROM head_office_assortment a USING (SELECT DISTINCT ON (store_id) id FROM head_office_assortment"
            " WHERE store_id = ANY(%s)) ended WHERE a.id = ended.id",
            [[store.store_id for store in stores[3::100]]],
        )
    return requests


def _closed_loop(name: str, requests: Sequence[Request], port: int, pids: tuple[int, int], seconds: int, file: Path) -> None:
    lines = (f"{r.path}\t{r.token}\t{r.prefer}\t{r.body.decode()}\n" for r in requests)
    file.write_text("".join(lines))

    def wrk(duration: int) -> str:
        argv = ["wrk", "-t1", f"-c{WRK_CONNECTIONS}", f"-d{duration}s", "-s", str(Path(__file__).with_name("fleet.lua"))]
        argv += [f"http://127.0.0.1:{port}", "--", str(file)]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    wrk(max(2, seconds // 3))
    before = [_cpu(pid) for pid in pids]
    out = wrk(seconds)
    served, stored = (_cpu(pid) - cpu for pid, cpu in zip(pids, before, strict=True))
    count = next(int(line.split()[0]) for line in out.splitlines() if "requests in" in line)
    refused = [line.strip() for line in out.splitlines() if "Non-2xx" in line or "Socket" in line]
    sys.stdout.write(
        f"{name:<26} {count / seconds:5.0f}/s   serve {1000 * served / count:.2f} ms"
        f"   PostgreSQL {1000 * stored / count:.2f} ms   {' '.join(refused)}\n"
    )


async def _minute(requests: Sequence[Request], port: int, seconds: float) -> tuple[list[float], Counter[int]]:
    """Sends each request at a random moment, whether earlier ones are answered or not. Returns times and statuses."""
    times: list[float] = []
    statuses: Counter[int] = Counter()
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(FLEET_CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))

    async def one(asked: Request, delay: float) -> None:
        await asyncio.sleep(delay)
        began = time.monotonic()
        reader, writer = await free.get()
        writer.write(asked.wire())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
        free.put_nowait((reader, writer))
        times.append(time.monotonic() - began)
        statuses[int(head.split()[1])] += 1

    await asyncio.gather(*(one(asked, random.uniform(0, seconds)) for asked in requests))
    while not free.empty():
        free.get_nowait()[1].close()
    return times, statuses


def _responds(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz"):
            return True
    except (URLError, OSError):
        return False


def _tree(pid: int) -> list[int]:
    children = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    return [pid, *(below for child in children for below in _tree(child))]


def _cpu(pid: int) -> float:
    """Returns the seconds of CPU of a process and all below it, also of those that have ended."""
    fields = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in _tree(pid)]
    return sum(int(some[11]) + int(some[12]) + int(some[13]) + int(some[14]) for some in fields) / TICKS


def _memory(pid: int) -> int:
    """Returns the resident megabytes of a process and all below it."""
    return sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in _tree(pid)) * 4096 // 1024**2


if __name__ == "__main__":
    sys.exit(main())
