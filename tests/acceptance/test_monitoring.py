"""Monitoring of a real edge: ``/status.json`` and ``/metrics`` show what ``etalase edge status`` shows, also in an outage."""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from etalase.devstack.postgres import Postgres
from etalase.devstack.s3 import S3Server
from etalase.devstack.valkey import Valkey
from tests.acceptance.conftest import OPENER, Edge, eventually, new_edge
from tests.monitoring import EDGE, metrics_named, runbook_commands
from tests.simulator import Simulator, head_office, picture

# Fields of two looks at two moments.
MOVING = {"age_seconds", "bucket"}
SERIES_OF_AN_EDGE = 200


def get(url: str, **headers: str) -> tuple[int, str]:
    """Returns status and body."""
    try:
        with OPENER.open(Request(url, headers=headers), timeout=30) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def samples(text: str) -> dict[str, float]:
    """Returns the samples of a scrape: ``name`` or ``name{value}`` of its one label."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values = ",".join(sample.labels.values())
            found[f"{sample.name}{{{values}}}" if values else sample.name] = sample.value
    return found


@contextmanager
def locked_out(postgres: Postgres, edge: Edge) -> Iterator[None]:
    """Lets the edge's database refuse connections."""
    name = edge.database_url.rpartition("/")[2]
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        yield
        connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@pytest.fixture
def store(edge: Edge, ho: Simulator, valkey_server: Valkey) -> Edge:
    """Returns a store with five photos, after a run, with a broker."""
    edge.environment |= {"ETALASE_BROKER_URL": valkey_server.url, "ETALASE_METRICS": "true"}
    for number in range(5):
        ho.put(f"DISH {number}", picture(f"{number}", 3000 + number))
    assert edge.json("sync")["outcome"] == "success"
    return edge


@pytest.fixture(scope="module")
def adopted(
    postgres_server: Postgres, s3_server: S3Server, migrated_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Edge]:
    """Yields one store for all commands of the runbook, after a run."""
    folder = tmp_path_factory.mktemp("runbook")
    with head_office() as ho, new_edge(postgres_server, s3_server, ho.url, folder, template=migrated_database) as edge:
        ho.put("DISH", picture("dish", 3000))
        assert edge.json("sync")["outcome"] == "success"
        yield edge


def test_status_and_metrics_over_http_agree_with_the_command(store: Edge, ho: Simulator) -> None:
    address = store.serve()
    status, body = get(f"{address}/status.json")
    told, printed = json.loads(body), store.json("status")
    assert status == 200
    assert told["state"] == "well"
    assert told.keys() == printed.keys()
    assert {name: told[name] for name in told.keys() - MOVING} == {name: printed[name] for name in told.keys() - MOVING}

    ho.photos[ho.put("DISH 7", picture("7", 3007))]["checksum"] = "0" * 32
    store.json("sync", exit_status=1)
    (key,) = [info.key for info in list(store.bucket().list("products/"))[:1]]
    store.bucket().delete([key])
    address = store.serve()  # anew, without a kept comparison
    status, body = get(f"{address}/metrics")
    told, shown = json.loads(get(f"{address}/status.json")[1]), samples(body)
    assert status == 200
    assert shown["etalase_up"] == 1
    assert shown["etalase_photos"] == told["photos"] == 5
    assert shown["etalase_photos_verified"] == told["verified"] == 4
    assert {kind: shown[f"etalase_photos_damaged{{{kind}}}"] for kind in told["damaged"]} == told["damaged"]
    assert shown["etalase_photos_owed{wrong_data}"] == told["failed"] == 1
    assert shown["etalase_removals_held"] == told["held"] == 0
    assert shown[f"etalase_state{{{told['state']}}}"] == 1
    assert {
        re.sub(r".*\{|\}", "", name) for name, value in shown.items() if name.startswith("etalase_problem{") and value
    } == set(told["problems"])
    assert shown["etalase_runs_last_day{success}"] == shown["etalase_runs_last_day{partial}"] == 1
    assert shown["etalase_run_photos_last_day{fetched}"] == 5
    assert shown["etalase_last_run_outcome{partial}"] == 1
    assert shown["etalase_queue_length"] == 0
    assert shown["etalase_spool_free_bytes"] > 0
    assert len(shown) <= SERIES_OF_AN_EDGE
    assert store.environment["ETALASE_STORE_ID"] not in body
    names = {sample.name for family in text_string_to_metric_families(body) for sample in family.samples}
    assert metrics_named(of_head_office=False) - {"etalase_heartbeat_age_seconds"} <= names


@pytest.mark.long
@pytest.mark.parametrize("arguments", list(runbook_commands(EDGE)), ids=" ".join)
def test_each_command_of_the_runbook_runs(adopted: Edge, arguments: list[str]) -> None:
    done = adopted.run(*arguments)
    # 0, or something to look at, and never a wrong call or a part that is down; this edge has no worker and no broker.
    assert done.returncode in {0, 1}, done.stderr
    assert "Unexpected" not in done.stdout + done.stderr


def test_a_scrape_answers_in_time_while_the_database_is_away_or_hangs(store: Edge, postgres_server: Postgres) -> None:
    address = store.serve()
    with locked_out(postgres_server, store):
        status, body = get(f"{address}/metrics")
        assert (status, samples(body)["etalase_up"]) == (200, 0)
        assert "etalase_photos" not in samples(body)
        status, body = get(f"{address}/status.json")
        assert (status, json.loads(body)["state"], json.loads(body)["exit_status"]) == (503, "database_away", 4)
    assert samples(get(f"{address}/metrics")[1])["etalase_up"] == 1
    with psycopg.connect(store.database_url) as other:
        other.execute("LOCK TABLE etalase_sync_run IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        status, body = get(f"{address}/metrics")
        assert (status, samples(body)["etalase_up"]) == (200, 0)
        assert time.monotonic() - began < 10
    assert samples(get(f"{address}/metrics")[1])["etalase_up"] == 1


@pytest.mark.long
def test_a_scrape_does_not_wait_for_a_photo_store_that_hangs_and_does_not_call_it_fine(store: Edge) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts connections, and answers nothing
        store.environment["ETALASE_S3_ENDPOINT"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        address = store.serve()
        status, body = get(f"{address}/metrics")
        assert (status, samples(body)["etalase_up"], samples(body)["etalase_photos"]) == (200, 1, 5)
        assert not [name for name in samples(body) if name.startswith(("etalase_bucket", "etalase_state"))]  # not known yet
        eventually(lambda: samples(get(f"{address}/metrics")[1]).get("etalase_bucket_up") == 0, 60)


@pytest.mark.long
def test_waiting_tasks_are_counted_and_a_broker_that_is_away_is_reported(store: Edge, valkey_server: Valkey) -> None:
    address = store.serve()
    store.start("beat")  # it sends both tasks at its start
    until = time.monotonic() + 30
    while samples(get(f"{address}/metrics")[1])["etalase_queue_length"] < 1:
        assert time.monotonic() < until
    assert samples(get(f"{address}/metrics")[1])["etalase_broker_up"] == 1
    other = store.environment | {"ETALASE_BROKER_URL": "redis://127.0.0.1:1/0"}
    store.environment.update(other)
    shown = samples(get(f"{store.serve()}/metrics")[1])
    assert shown["etalase_broker_up"] == 0
    assert "etalase_queue_length" not in shown
