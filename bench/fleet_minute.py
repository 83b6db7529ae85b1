"""Lets each store of a chain visit head office once within a minute, at a moment of its own, and checks each answer."""

import asyncio
import gzip
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg

from bench.fleet_data import Login, Request, request

# Of 100 stores each one has changes, and one loads everything; of 500 each one is refused, in both ways.
CHANGED, FIRST, FOREIGN, UNKNOWN, WARM = "changes", "first load", "404", "401", "warm"


@dataclass(slots=True)
class Visit:
    """A visit of one store: ``kind`` and its first request; a first load follows the pages."""

    kind: str
    asked: Request


@dataclass(slots=True)
class Minute:
    """What the stores met: the seconds of each request by kind, and each answer that was not the expected one."""

    seconds: defaultdict[str, list[float]]
    statuses: Counter[int]
    faults: list[str]

    def lines(self) -> Iterator[str]:
        """Yields a line for each kind, and one for all."""
        for kind, times in [*sorted(self.seconds.items()), ("all", [one for some in self.seconds.values() for one in some])]:
            ordered = sorted(times)
            shown = (1000 * ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.99, 1))
            yield "{:<11}{:>6} requests  median {:.0f} ms, p99 {:.0f} ms, longest {:.0f} ms".format(kind, len(times), *shown)
        yield f"statuses {dict(sorted(self.statuses.items()))}, {len(self.faults)} faults {self.faults[:3] or ''}"


def visits(url: str, stores: Sequence[Login]) -> list[Visit]:
    """Returns one visit of each store, each with a checkpoint of its own; ends one sale in 1 % of the stores."""
    now = datetime.now(UTC)
    made = []
    for number, store in enumerate(stores):
        since = (now - timedelta(seconds=number % 60)).isoformat(timespec="microseconds")
        visit = Visit("poll", request(store, since=since))
        if number % 100 == 3:
            visit.kind = CHANGED
        elif number % 100 == 5:
            visit = Visit(FIRST, request(store))
        elif number % 500 == 7:
            visit = Visit(FOREIGN, replace(visit.asked, body=request(stores[number - 1], since=since).body))
        elif number % 500 == 11:
            visit = Visit(UNKNOWN, replace(visit.asked, token=""))
        made.append(visit)
    with closing(psycopg.connect(url)) as db, db:
        db.execute(
            "DELETE FROM head_office_assortment a USING (SELECT DISTINCT ON (store_id) id FROM head_office_assortment"
            " WHERE store_id = ANY(%s)) ended WHERE a.id = ended.id",
            [[store.store_id for store in stores[3::100]]],
        )
    return made


async def minute(planned: Sequence[Visit], port: int, seconds: float) -> Minute:
    """Lets each visit begin at a random moment, whether earlier ones have ended or not, on a connection of its own."""
    met = Minute(defaultdict(list), Counter(), [])
    await asyncio.gather(*(_visit(visit, port, random.uniform(0, seconds), met) for visit in planned))
    return met


async def _visit(visit: Visit, port: int, delay: float, met: Minute) -> None:
    await asyncio.sleep(delay)
    began = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        listed, asked, page = 0, visit.asked, None
        while True:
            writer.write(asked.wire())
            status, page = await _answer(reader)
            met.seconds[visit.kind].append(time.monotonic() - began)
            met.statuses[status] += 1
            listed += len(page.get("photos", ()))
            if visit.kind != FIRST or page.get("next_offset") is None:
                break
            body = msgspec.json.decode(asked.body) | {"offset": page["next_offset"]}
            asked, began = replace(asked, body=msgspec.json.encode(body)), time.monotonic()
        writer.close()
    except (OSError, EOFError, ValueError) as error:
        met.faults.append(f"{visit.kind}: {error!r}")
        return
    is_right = {
        FOREIGN: status == 404,
        UNKNOWN: status == 401,
        WARM: status == 200,
        FIRST: status == 200 and listed == page.get("total"),
        CHANGED: status == 200 and len(page.get("deleted_ids", ())) >= 1 and not listed and not page.get("full"),
    }.get(visit.kind, status == 200 and not listed and not page.get("deleted_ids", ()) and not page.get("full"))
    if not is_right:
        met.faults.append(f"{visit.kind}: {status}, {listed} photos: {msgspec.json.encode(page)[:300]!r}")


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, Any]]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    body = await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
    page: dict[str, Any] = msgspec.json.decode(gzip.decompress(body) if b"content-encoding: gzip" in head else body)
    return int(head.split()[1]), page
