"""Runs ``python -m bench.fleet``: head office under the requests of a chain's edges, on the cores that PostgreSQL uses, too.

Prints CPU of all processes of ``serve`` and of PostgreSQL for each request, the rate of a closed loop (wrk, a process of its
own), and then how long 10,000 stores wait that all ask within a minute.
"""

import argparse
import asyncio
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bench.fleet_data import PRODUCTS_PATH, Login, Request, change_a_dish, fill, logins, offsets, report, request
from bench.fleet_minute import WARM, Visit, minute, visits
from etalase.demo.layout import environment
from etalase.devstack import postgres, seaweedfs
from etalase.devstack.ports import free_port
from etalase.devstack.process import spawn

WRK_CONNECTIONS = 16
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
        "serve",
        [*command, "serve", "--bind", f"127.0.0.1:{port}", "--connections-per-address", "0"],
        run_dir=folder / "serve",
        env=environment(settings),
    )
    undo.callback(serve.stop)
    serve.wait_ready(lambda: _responds(port), 60)
    stores = logins(url, secret_key=secret_key)
    # As in operation, each store has asked before: its summary is kept.
    asyncio.run(minute([Visit(WARM, request(store, limit=1)) for store in stores], port, len(stores) / 300))
    pids = (serve.pid, database.child.pid)
    if not options.reports:
        for name, requests in kinds(url, stores).items():
            _closed_loop(name, requests, port, pids, options.seconds, folder / "requests")
        _minutes(url, stores[1:], port, pids, options.minute)
    _reports(url, stores[1:], port, pids, options.seconds, folder / "requests")


def _minutes(url: str, stores: Sequence[Login], port: int, pids: tuple[int, int], seconds: float) -> None:
    """Measures three minutes: the first one fills what each process keeps; the memory of the next ones has to stay."""
    for _ in range(3):
        before, served, stored = _memory(pids[0]), *(cpu_of(pid) for pid in pids)
        met = asyncio.run(minute(visits(url, stores), port, seconds))
        sys.stdout.write(f"{len(stores)} stores within {seconds:g} s:\n")
        sys.stdout.writelines(f"  {line}\n" for line in met.lines())
        sys.stdout.write(
            f"  serve {cpu_of(pids[0]) - served:.1f} s of CPU, PostgreSQL {cpu_of(pids[1]) - stored:.1f} s;"
            f" memory of serve {before} -> {_memory(pids[0])} MB\n"
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

    asyncio.run(
        minute([Visit(WARM, one) for one in polls()], port, len(stores) / 100)
    )  # the first report of a store counts its list
    _closed_loop("poll", [request(store, since=now) for store in stores], port, pids, seconds, file)
    # As many rounds as the loop may take: a report that is sent again is a replay.
    _closed_loop("poll with report", [poll for _ in range(8) for poll in polls()], port, pids, seconds, file)
    changed = change_a_dish(url)
    _closed_loop(f"the same, {changed} changed", [request(store, since=now) for store in stores], port, pids, seconds, file)
    change_a_dish(url)
    _closed_loop("with report, changed", [poll for _ in range(8) for poll in polls()], port, pids, seconds, file)


def _closed_loop(name: str, requests: Sequence[Request], port: int, pids: tuple[int, int], seconds: int, file: Path) -> None:
    lines = (f"{r.path}\t{r.token}\t{r.prefer}\t{r.body.decode()}\n" for r in requests)
    file.write_text("".join(lines))

    def wrk(duration: int) -> str:
        argv = ["wrk", "-t1", f"-c{WRK_CONNECTIONS}", f"-d{duration}s", "-s", str(Path(__file__).with_name("fleet.lua"))]
        argv += [f"http://127.0.0.1:{port}", "--", str(file)]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    wrk(max(2, seconds // 3))
    before = [cpu_of(pid) for pid in pids]
    out = wrk(seconds)
    served, stored = (cpu_of(pid) - cpu for pid, cpu in zip(pids, before, strict=True))
    count = next(int(line.split()[0]) for line in out.splitlines() if "requests in" in line)
    refused = [line.strip() for line in out.splitlines() if "Non-2xx" in line or "Socket" in line]
    sys.stdout.write(
        f"{name:<26} {count / seconds:5.0f}/s   serve {1000 * served / count:.2f} ms"
        f"   PostgreSQL {1000 * stored / count:.2f} ms   {' '.join(refused)}\n"
    )


def _responds(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz"):
            return True
    except (URLError, OSError):
        return False


def _tree(pid: int) -> list[int]:
    children = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    return [pid, *(below for child in children for below in _tree(child))]


def cpu_of(pid: int) -> float:
    """Returns the seconds of CPU of a process and all below it, also of those that have ended."""
    fields = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in _tree(pid)]
    return sum(int(some[11]) + int(some[12]) + int(some[13]) + int(some[14]) for some in fields) / TICKS


def _memory(pid: int) -> int:
    """Returns the resident megabytes of a process and all below it."""
    return sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in _tree(pid)) * 4096 // 1024**2


if __name__ == "__main__":
    sys.exit(main())
