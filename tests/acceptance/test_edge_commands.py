"""Checks the edge's commands as a person or a script uses them: real processes, a real database and a real bucket."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

import psycopg
import pytest

from tests.acceptance.conftest import Edge, eventually
from tests.daily import daily
from tests.pictures import picture as photo_of
from tests.simulator import Response, Simulator, picture


def test_the_first_run_publishes_everything_and_the_second_costs_one_request(edge: Edge, ho: Simulator) -> None:
    for number in range(12):
        ho.put(f"Dish {number}", picture(number))
    first = edge.json("sync")
    assert (first["kind"], first["outcome"], first["seen"], first["fetched"]) == ("full", "success", 12, 12)
    assert first["bytes_fetched"] == 12 * 2000
    ho.requests.clear()
    ho.image_requests.clear()
    ho.now = ho.now.replace(year=2027)
    assert edge.json("sync")["kind"] == "incremental"
    second = edge.json("sync")
    assert (second["seen"], second["fetched"], second["bytes_fetched"]) == (0, 0, 0)
    assert [path for path in ho.requests if "sync" in path] == ["/api/v1/sync/product-photos/"] * 2
    assert ho.image_requests == []


def test_an_interrupted_run_drains_and_the_next_run_completes(edge: Edge, ho: Simulator) -> None:
    for number in range(40):
        ho.put(f"Dish {number}", picture(number))
    ho.on_image = lambda _: time.sleep(0.2)
    running = edge.start("sync", ETALASE_WORKERS="2")
    eventually(lambda: bool(ho.image_requests))
    running.stop()
    ho.on_image = None
    assert edge.json("sync")["outcome"] == "success"
    assert len(edge.sql("SELECT 1 FROM product_photo")) == 40
    outcomes = [outcome for (outcome,) in edge.sql("SELECT outcome FROM etalase_sync_run ORDER BY id")]
    assert outcomes in (["failed", "success"], ["interrupted", "success"])


@pytest.mark.long
def test_a_killed_run_is_marked_interrupted_by_the_next_one_which_completes(edge: Edge, ho: Simulator) -> None:
    for number in range(40):
        ho.put(f"Dish {number}", picture(number))
    ho.on_image = lambda _: time.sleep(0.2)
    running = edge.start("sync", ETALASE_WORKERS="2")
    eventually(lambda: bool(ho.image_requests))
    os.kill(running.pid, signal.SIGKILL)
    running.stop()
    ho.on_image = None
    assert edge.json("sync")["outcome"] == "success"
    assert edge.sql("SELECT outcome FROM etalase_sync_run ORDER BY id") == [("interrupted",), ("success",)]


def test_two_runs_never_overlap(edge: Edge, ho: Simulator) -> None:
    ho.put("Slow", picture("slow"))
    go_on = threading.Event()
    ho.on_image = lambda _: None if go_on.wait(120) else Response(504)
    first = edge.start("sync", "--json")
    eventually(lambda: bool(ho.image_requests))
    assert edge.json("sync", exit_status=75)["outcome"] == "locked"
    go_on.set()
    assert first.wait(120) == 0


def test_exit_status_1_names_each_failed_photo_and_failures_lists_the_retry_list(edge: Edge, ho: Simulator) -> None:
    ho.put("Good", picture("good"))
    bad = ho.put("Bad", picture("bad"), checksum="0" * 32)
    report = edge.json("sync", exit_status=1)
    assert (report["outcome"], report["fetched"], report["failed"]) == ("partial", 1, 1)
    (failure,) = report["failures"]
    assert (failure["photo_id"], failure["product_name"], failure["reason"]) == (bad, "Bad", "ho_contradicts_itself")
    assert set(failure) == {"photo_id", "product_name", "reason", "detail", "attempts", "first_failed", "next_try"}
    shown = edge.run("failures")
    assert shown.returncode == 1
    assert "ho_contradicts_itself (wrong_data): HO's own data: its object is 2000 bytes" in shown.stdout


def test_a_mass_removal_is_held_until_a_person_decides(edge: Edge, ho: Simulator) -> None:
    photos = [ho.put(f"Dish {number}", picture(number)) for number in range(10)]
    edge.json("sync")
    for photo in photos[:6]:
        ho.delete(photo)
    report = edge.json("sync", exit_status=3)
    assert (report["outcome"], report["held"], report["deleted"]) == ("held", 6, 0)
    held = edge.run("held")
    assert held.returncode == 3
    assert "Dish 0: would lose 1 photo, its last: the POS would show the placeholder instead of Dish 0.jpg" in held.stdout
    assert edge.run("refuse", photos[0]).returncode == 0
    assert edge.json("approve", "--all") == {"removed": 5, "blocked": [], "exit_status": 0}
    assert len(edge.sql("SELECT 1 FROM product_photo")) == 5
    assert edge.json("sync")["held"] == 0
    listed = edge.run("undo").stdout
    assert f"etalase edge undo {report['run_id']}" in listed
    assert "Dish 1" in listed
    assert len(edge.json("undo", str(report["run_id"]))["restored"]) == 5
    assert len(edge.sql("SELECT 1 FROM product_photo")) == 10
    assert edge.run("undo", str(report["run_id"])).returncode == 2
    assert (edge.json("sync", "--full")["held"], len(edge.sql("SELECT 1 FROM product_photo"))) == (0, 10)
    assert edge.json("approve", photos[1]) == {
        "removed": 1,
        "blocked": [],
        "exit_status": 0,
    }  # a refused removal can be approved by name
    assert edge.run("approve", photos[1]).returncode == 2


@pytest.mark.long
def test_verify_reports_differences_and_repairs_them_on_request(edge: Edge, ho: Simulator) -> None:
    photos = [ho.put(f"Dish {number}", picture(number)) for number in range(3)]
    edge.json("sync")
    assert edge.json("verify")["equal"] is True
    assert "EQUAL: 3 rows, 3 objects (read and hashed), 3 photos at head office" in edge.run("verify", "--deep").stdout
    store = edge.bucket()
    store.delete([ho.photos[photos[0]]["object_key"]])
    store.put(ho.photos[photos[1]]["object_key"], b"scribble", content_type="text/plain")
    done = edge.run("verify")
    assert done.returncode == 1
    assert "Dish 0: its object is missing" in done.stdout
    assert "NOT EQUAL (1 missing, 1 cut): 3 rows, 2 objects (listed)" in done.stdout
    found = edge.json("verify", "--repair")
    assert (found["equal"], found["repaired"]["healed"]) == (True, 2)
    assert edge.object(ho.photos[photos[0]]["object_key"]) == picture(0)
    assert edge.json("verify", exit_status=4, ETALASE_HO_URL="http://127.0.0.1:1")["equal"] is False


@pytest.mark.long
def test_retry_enqueues_a_failed_photo_of_the_retry_list_at_once(edge: Edge, ho: Simulator) -> None:
    photo = ho.put("Dish", picture("dish"))
    ho.on_image = lambda _: Response(404)
    edge.json("sync", exit_status=1)
    ho.on_image = None
    assert edge.json("retry", photo)["fetched"] == 1
    assert "Not on the retry list" in edge.run("retry", photo).stderr


def test_retry_tries_once_more_what_an_earlier_version_could_not_make_small(edge: Edge, ho: Simulator) -> None:
    ho.put("Sate", photo_of(size=(400, 300)))
    edge.environment["ETALASE_RENDITIONS"] = "off"
    edge.json("sync")
    edge.sql(
        "INSERT INTO etalase_unmade_renditions (photo_id, photo_checksum, code, reason, attempts)"
        " SELECT id, checksum, 'undecodable', 'The picture is damaged.', 1 FROM product_photo RETURNING photo_id"
    )
    edge.environment["ETALASE_RENDITIONS"] = "edge"
    assert edge.json("sync")["renditions"]["made"] == 0
    assert edge.json("retry")["renditions"]["made"] == 1


@pytest.mark.long
def test_a_photo_named_twice_is_approved_once(edge: Edge, ho: Simulator) -> None:
    photos = [ho.put(f"Dish {number}", picture(number)) for number in range(5)]
    edge.json("sync")
    for photo in photos:
        ho.delete(photo)
    edge.json("sync", exit_status=3)
    assert edge.json("approve", photos[0], photos[0]) == {"removed": 1, "blocked": [], "exit_status": 0}


@pytest.mark.parametrize(
    ("away", "named"),
    [
        ({"ETALASE_HO_URL": "http://127.0.0.1:1"}, "http://127.0.0.1:1/api/v1/token/"),
        ({"ETALASE_S3_ENDPOINT": "http://127.0.0.1:1"}, "object store http://127.0.0.1:1"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}, "database does not answer"),
    ],
    ids=["head office", "bucket", "database"],
)
def test_an_unreachable_service_is_named_with_a_hint(edge: Edge, ho: Simulator, away: dict[str, str], named: str) -> None:
    ho.put("Dish", picture("dish"))
    done = edge.run("sync", **away)
    assert done.returncode == 4
    assert named in done.stderr
    assert "Check " in done.stderr
    assert "Traceback" not in done.stderr
    assert edge.json("sync")["outcome"] == "success"


@pytest.mark.parametrize("command", daily(["failures", "held", "undo", "status", "verify", "sync"], "held", "sync"))
def test_with_json_an_error_is_an_object_too(edge: Edge, command: str) -> None:
    response = edge.json(command, exit_status=4, DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert "database does not answer" in response["error"]


def test_missing_malformed_and_published_settings_are_all_named_at_once(edge: Edge) -> None:
    broken = {
        "ETALASE_STORE_ID": "seven",
        "ETALASE_HO_PASSWORD": "",
        "ETALASE_TIME_ZONE": "Asia/Jakrta",
        "ETALASE_WORKRES": "3",
    }
    done = edge.run("sync", **broken)
    assert done.returncode == 2
    for named in ("ETALASE_STORE_ID", "ETALASE_HO_PASSWORD is missing", "did you mean Asia/Jakarta", "mean ETALASE_WORKERS"):
        assert named in done.stderr
    published = edge.run("sync", ETALASE_HO_PASSWORD="admin123", ETALASE_S3_SECRET_KEY="edge_foodlife_secret_2026")
    assert published.returncode == 2
    assert "ETALASE_HO_PASSWORD, ETALASE_S3_SECRET_KEY" in published.stderr
    assert "admin123" not in published.stderr


def test_an_edge_refuses_to_start_for_another_store(edge: Edge, ho: Simulator) -> None:
    ho.put("Dish", picture("dish"))
    edge.json("sync")
    done = edge.run("sync", ETALASE_STORE_ID="00000000-0000-4000-8000-000000000001")
    assert done.returncode == 2
    assert "One edge database belongs to one store" in done.stderr


@pytest.mark.long
def test_status_is_well_only_if_every_photo_is_published(edge: Edge, ho: Simulator) -> None:
    assert edge.json("status", exit_status=4)["well"] is False
    ho.put("Dish", picture("dish"))
    edge.json("sync")
    assert edge.json("status")["well"] is True
    assert edge.run("status", "--language", "en").stdout.startswith("WELL: Nothing to do.\nAll 1 photo here")
    ho.put("Other", picture("other"), checksum="0" * 32)
    edge.json("sync", exit_status=1)
    status = edge.json("status", exit_status=1)
    assert (status["well"], status["failed"], status["products_without_photo"]) == (False, 1, ["Other"])


def test_status_names_an_unreachable_service_and_exits_with_4(edge: Edge, ho: Simulator) -> None:
    ho.put("Dish", picture("dish"))
    edge.json("sync")
    nowhere = {"ETALASE_S3_ENDPOINT": "http://127.0.0.1:1"}
    assert edge.json("status", exit_status=4, **nowhere)["state"] == "bucket_away"
    done = edge.run("status", **nowhere)
    assert done.returncode == 4
    assert "http://127.0.0.1:1" in done.stdout
    nowhere = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    response = edge.json("status", exit_status=4, **nowhere)
    assert (response["state"], response["well"]) == ("database_away", False)
    done = edge.run("status", "--language", "id", **nowhere)
    assert done.stdout.startswith("MATI: Hubungi bantuan: database server toko tidak menjawab.")
    assert "Check that PostgreSQL runs" in done.stderr


@pytest.mark.long
def test_status_uses_the_terminals_language_and_colours_the_verdict_only_there(edge: Edge, ho: Simulator) -> None:
    ho.put("Dish\x1b[2J", picture("dish"))
    edge.json("sync")
    edge.empty_bucket()
    assert edge.run("status", LC_ALL="id_ID.UTF-8").stdout.startswith("RUSAK: Tidak perlu apa-apa: sinkronisasi")
    shown = edge.run("status", LC_ALL="C.UTF-8").stdout
    assert shown.startswith(
        "DAMAGED: Nothing to do: the next sync fetches the damaged photos again.\n1 of 1 photos are damaged"
    )
    assert "\x1b" not in shown
    assert "Dish\\x1b[2J (missing)" in shown
    assert edge.run_on_terminal("status", LC_ALL="C.UTF-8").startswith("\x1b[31;1mDAMAGED\x1b[0m: Nothing to do: the next sync")


@pytest.mark.long
def test_status_wraps_at_the_terminals_width(edge: Edge, ho: Simulator) -> None:
    ho.put("Dish", picture("dish"))
    edge.json("sync")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", edge.run_on_terminal("status", LC_ALL="C.UTF-8", COLUMNS="40"))
    lines = shown.replace("\r", "").splitlines()
    assert lines[0] == "WELL: Nothing to do."
    assert max(map(len, lines)) <= 40
    # A word may move to the next line, but none is lost.
    piped = edge.run("status", LC_ALL="C.UTF-8", COLUMNS="40").stdout
    assert max(map(len, piped.splitlines())) > 40
    assert re.sub(r"\d", "n", " ".join(shown.split())) == re.sub(r"\d", "n", " ".join(piped.split()))


def test_a_dry_run_reports_the_work_and_changes_nothing(edge: Edge, ho: Simulator) -> None:
    ho.put("Dish", picture("dish", 5000))
    report = edge.json("sync", "--dry-run")
    assert report["forecast"] == {
        "photos_to_fetch": 1,
        "bytes_to_fetch": 5000,
        "bytes_in_spool": 0,
        "renditions_to_fetch": 0,
        "rendition_bytes_to_fetch": 0,
        "limit_bytes_per_second": None,
        "seconds_at_limit": None,
        "photos_to_copy": 0,
        "rows_to_update": 0,
        "removals": [],
        "removals_to_hold": [],
        "not_tried": None,
        "counts": report["forecast"]["counts"],
    }
    assert report["forecast"]["counts"] | {"fetched": 1, "seen": 1, "bytes_fetched": 5000} == report["forecast"]["counts"]
    assert edge.sql("SELECT count(*) FROM product_photo") == [(0,)]
    assert edge.sql("SELECT count(*) FROM etalase_sync_run") == [(0,)]


@pytest.mark.long
def test_the_log_has_the_guides_five_metrics_as_fields(edge: Edge, ho: Simulator) -> None:
    ho.put("Dish", picture("dish", 5000))
    done = edge.run("sync")
    lines = [json.loads(line) for line in done.stderr.splitlines() if "product_photo_sync" in line]
    (line,) = lines
    assert (line["store_id"], line["run_id"]) == (edge.environment["ETALASE_STORE_ID"], 1)
    names = ("success_count", "failed_count", "total_bytes")
    assert [line[name] for name in names] == [1, 0, 5000]
    assert line["duration_seconds"] > 0
    assert line["average_bytes_per_second"] > 0


@pytest.mark.long
def test_a_captive_portals_page_is_not_an_empty_feed(edge: Edge, ho: Simulator) -> None:
    ho.put("Dish", picture("dish"))
    edge.json("sync")
    ho.on_page = lambda _: Response(body=b"<html>Welcome to FreeWifi</html>", headers={"Content-Type": "text/html"})
    report = edge.json("sync", "--full", exit_status=4)
    assert "FreeWifi" in report["error"]
    assert edge.sql("SELECT count(*) FROM product_photo") == [(1,)]


@pytest.mark.parametrize(
    ("by_django", "command"),
    daily(
        [(by_django, command) for by_django in (False, True) for command in [("status",), ("status", "--json"), ("--help",)]],
        (False, ("status",)),
        (True, ("--help",)),
    ),
)
def test_a_reader_that_closes_the_pipe_ends_the_command_without_a_traceback(
    edge: Edge, ho: Simulator, command: tuple[str, ...], by_django: bool
) -> None:
    ho.put("Dish", picture(1))
    edge.json("sync")
    argv = edge.command(*command)
    if by_django:  # as a project's manage.py does
        argv = [sys.executable, "-m", "django", "photos_status", *command[1:], *(["--help"] if command == ("--help",) else [])]
    reading, writing = os.pipe()
    os.close(reading)  # as `head -0` does
    try:
        done = subprocess.run(
            argv,
            env=edge.environment | {"DJANGO_SETTINGS_MODULE": "etalase.settings.django_edge"},
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    # argparse's help swallows the error itself.
    assert (done.returncode in {0, 141} if "--help" in command else done.returncode == 141, done.stderr) == (True, "")


@pytest.mark.parametrize(
    ("arguments", "settings", "says"),
    [
        (["nosuch"], {}, "no command «nosuch»"),
        pytest.param(["sync", "--nosuch"], {}, "unrecognized arguments: --nosuch", marks=pytest.mark.long),
        (["retry", "seven"], {}, "invalid UUID value: 'seven'"),
        (["sync"], {"ETALASE_STORE_ID": "seven"}, "ETALASE_STORE_ID"),
        pytest.param(["sync"], {"DATABASE_URL": "mysql://x"}, "DATABASE_URL", marks=pytest.mark.long),
    ],
)
def test_a_usage_error_and_wrong_settings_are_an_object_with_json(
    edge: Edge, arguments: list[str], settings: dict[str, str], says: str
) -> None:
    response = edge.json(*arguments, exit_status=2, **settings)
    assert says in response["error"]
    assert response["exit_status"] == 2
    assert says in edge.run(*arguments, **settings).stderr


@pytest.mark.parametrize("command", daily([["verify"], ["failures"], ["held"]], ["verify"]))
def test_sigterm_ends_every_command_cleanly_with_an_object(edge: Edge, ho: Simulator, command: list[str]) -> None:
    ho.put("Dish", picture("dish"))
    edge.json("sync")
    with psycopg.connect(edge.database_url) as other:
        other.execute("LOCK TABLE etalase_pending_photo, etalase_removal, product_photo IN ACCESS EXCLUSIVE MODE")
        running = edge.start(*command, "--json")
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        eventually(lambda: edge.sql(waits) == [(1,)], 30)
        os.kill(running.pid, signal.SIGTERM)
        assert running.wait(120) == 130
    (line,) = [line for line in running.log.read_text().splitlines() if line.startswith('{"error"')]
    assert json.loads(line)["exit_status"] == 130
