"""Checks a worker whose broker refuses its work for a while, with real faults of a real broker."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from etalase.devstack.valkey import Valkey
from tests.acceptance.conftest import Edge, eventually, send

HOURLY = "sync_api.tasks.sync_product_photos"
Fault = Callable[[redis.Redis], Callable[[], object]]


def full_memory(client: redis.Redis) -> Callable[[], object]:
    client.config_set("maxmemory", 1)
    return lambda: client.config_set("maxmemory", 0)


def full_disk(client: redis.Redis) -> Callable[[], object]:
    """Makes the broker fail with MISCONF, because it cannot save its snapshot."""
    in_the_way = Path(str(client.config_get("dir")["dir"])) / "dump.rdb"
    in_the_way.mkdir()
    client.config_set("save", "3600 1")
    client.bgsave()
    eventually(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")

    def mend() -> None:
        client.config_set("save", "")
        in_the_way.rmdir()

    return mend


def read_only(client: redis.Redis) -> Callable[[], object]:
    client.replicaof("127.0.0.1", "1")
    return lambda: client.replicaof("NO", "ONE")


def another_password(client: redis.Redis) -> Callable[[], object]:
    before = str(client.config_get("requirepass")["requirepass"])
    client.config_set("requirepass", "another")
    return lambda: client.config_set("requirepass", before)


def no_rights(client: redis.Redis) -> Callable[[], object]:
    client.acl_setuser("default", enabled=True, commands=["-brpop"])
    return lambda: client.acl_setuser("default", enabled=True, categories=["+@all"])


def another_type(client: redis.Redis) -> Callable[[], object]:
    client.delete("etalase")
    client.set("etalase", "no list")
    return lambda: client.delete("etalase")


def garbage(client: redis.Redis) -> Callable[[], object]:
    client.lpush("etalase", "no json", "{}", "[]", "null", b"\xff", '{"body": "e30=", "headers": {}, "properties": {}}')
    return lambda: None


LONG = [
    (full_memory, True),
    (full_disk, False),
    (full_disk, True),
    (read_only, False),
    (read_only, True),
    (another_password, False),
]
LONG += [(another_password, True), (no_rights, False), (another_type, False), (garbage, False)]


@pytest.mark.parametrize(
    ("fault", "at_start"),
    [(full_memory, False), *(pytest.param(*case, marks=pytest.mark.long) for case in LONG)],
    ids=lambda value: ("mid-way", "at the start")[value] if isinstance(value, bool) else value.__name__,
)
def test_the_worker_reconnects_when_its_broker_recovers(edge: Edge, broker: Valkey, fault: Fault, at_start: bool) -> None:
    with redis.Redis.from_url(broker.url) as client:
        mend = fault(client) if at_start else None
        try:
            worker = edge.start("worker", "--pool", "threads", "--loglevel", "INFO")
            if mend is None:
                eventually(lambda: " ready." in worker.log.read_text(), 60)
                mend = fault(client)
                client.client_kill_filter(_type="normal", skipme=True)

            def retries(seconds: float) -> bool:
                with suppress(AssertionError):
                    words = ("Trying to re", "Trying again", "it restarts")
                    eventually(lambda: any(text in worker.log.read_text() for text in words), seconds)
                    return True
                # A worker that did not wait for work yet connected anew without a word.
                client.client_kill_filter(_type="normal", skipme=True)
                return False

            eventually(lambda: retries(10), 60)
        finally:
            if mend is not None:
                mend()
        send(broker, HOURLY)
        eventually(lambda: edge.sql("SELECT count(*) FROM etalase_sync_run") == [(1,)], 90)
        assert worker.running
        # The worker pauses between two attempts, so that a night of failures does not fill the disk with log lines.
        assert len(worker.log.read_text().splitlines()) < 200
        client.flushall()
