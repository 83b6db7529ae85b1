"""Checks that a run survives any content of the edge's own tables and spool, with one notice (hazard 66)."""

import base64
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.daily import daily
from tests.integration.sync.conftest import Edge
from tests.simulator import Response, picture

from etalase.edge.clock import Clock
from etalase.edge.models import Removal
from etalase.edge.pos.messages import LANGUAGES
from etalase.edge.status.collect import read
from etalase.edge.status.summary import summarize
from etalase.edge.status.to_json import as_json
from etalase.edge.status.verdict import judge
from etalase.edge.sync import removal_decisions, storage
from etalase.edge.sync.download.partial import LAST_CHECKPOINT
from etalase.edge.sync.lock import RunLock
from etalase.edge.sync.result import RunResult
from etalase.edge.sync.verify import verify
from etalase.errors import UsageError

DEEP = "[" * 3000 + "]" * 3000
TEXTS = [
    "",
    "garbage",
    "full",
    "failed",
    "held",
    DEEP,
    '{"a": 1}',
    "null",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+14:00",
    "2099-01-01T00:00:00+00:00",
    "2026-02-03T04:14:24",
    "2026-02-03",
    "..",
    "products/..",
    "products/no such thing.jpg",
    "other/thing.jpg",
    "line\nbreak",
    "\u00e9\u202e",
    "x" * 500,
    f"a.{base64.urlsafe_b64encode(DEEP.encode()).decode()}.c",
]
JSONS = [
    DEEP,
    "null",
    "7",
    '"text"',
    "[]",
    "[7]",
    "{}",
    '{"code": 7}',
    '[{"code": "x", "key": 1, "seconds": 1e300}]',
    '{"seen": "many"}',
]


def notice_codes(report: RunResult) -> list[str]:
    """Returns the codes of the run's notices."""
    return [notice["code"] for notice in report.notices]


def text_columns() -> list[tuple[str, str, str, int]]:
    """Returns every text and JSON column of our own tables, with its type and length; finds new columns by itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type, coalesce(character_maximum_length, 1000000)"
            " FROM information_schema.columns WHERE table_schema = 'public' AND table_name LIKE 'etalase\\_%%'"
            " AND data_type IN ('text', 'character varying', 'jsonb') ORDER BY 1, 2"
        )
        return list(cursor.fetchall())


def fill_tables(edge: Edge, menu: list[str]) -> None:
    """Fills every table with realistic rows."""
    edge.sync()
    edge.query("DELETE FROM etalase_removal")
    edge.query("INSERT INTO etalase_doubt VALUES (%s, 'changed') ON CONFLICT DO NOTHING", menu[0])
    key = edge.ho.photos[menu[1]]["object_key"]
    edge.query("INSERT INTO etalase_publish_intent VALUES (%s, 'x', 'y') ON CONFLICT DO NOTHING", key)
    edge.query("INSERT INTO etalase_reclaim VALUES ('products/gone.jpg', now()) ON CONFLICT DO NOTHING")
    Removal.objects.create(photo_id=uuid4(), product_id=uuid4(), cause="sweep", state="waiting", row={}, run_id=1)
    Removal.objects.create(photo_id=menu[2], product_id=uuid4(), cause="sweep", state="applied", row={}, run_id=1)


def scramble(edge: Edge, table: str, column: str, kind: str, longest: int, value: str) -> None:
    """Writes ``value`` into a column of every row, or of one row if the column is a key."""
    quoted = f'"{column}"'
    only = f" WHERE ctid = (SELECT min(ctid) FROM {table})" if column in {"object_key", "name"} else ""
    cast = "::jsonb" if kind == "jsonb" else ""
    edge.query(f"UPDATE {table} SET {quoted} = %s{cast}{only}", value if kind == "jsonb" else value[:longest])


def run_readers(edge: Edge) -> None:
    """Runs every reader of the state except a run."""
    facts = read(edge.configured())
    for language in LANGUAGES:
        summarize(facts, judge(facts), language, max_names=3)
    json.dumps(as_json(facts, judge(facts)))
    assert edge.sync(dry_run=True).error is None
    with edge.services() as services:
        assert verify(services, deep=False).error is None
    held = storage.removals.in_states(["held", "waiting", "applied"])
    removal_decisions.consequences(held)
    products = storage.products.ProductTable(name_field="name", sku_field="sku")
    lock = RunLock(edge.configured().STORE_ID, Clock())
    with suppress(UsageError):
        removal_decisions.undo(1, lock=lock, bucket=edge.bucket, products=products)


def run_twice(edge: Edge, menu: list[str], failing: str) -> None:
    """Asserts that two runs end as usual and that the second one has no notice."""
    for _ in range(2):
        report = edge.sync()
        assert (report.error, report.outcome) == (None, "partial"), report.error
    assert "state_dropped" not in notice_codes(report)
    assert set(edge.rows()) == set(menu)
    edge.check_every_row_shows_its_bytes()
    assert set(edge.reasons()) == {failing}
    assert edge.checkpoint() == edge.ho.now.isoformat()


@pytest.fixture
def menu(edge: Edge) -> list[str]:
    """Syncs some photos. Returns their ids."""
    return [edge.ho.put(f"dish {n}", picture(n)) for n in range(3)]


@pytest.fixture
def failing(edge: Edge) -> str:
    """Lists a photo whose download always fails. Returns its id."""
    photo = edge.ho.put("never", picture("never"))
    edge.ho.on_image = lambda key: Response(404) if key == edge.ho.photos[photo]["object_key"] else None
    return photo


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_run_survives_a_scrambled_value_in_each_column_of_each_table(edge: Edge, menu: list[str], failing: str) -> None:
    for number, (table, column, kind, longest) in enumerate(text_columns()):
        fill_tables(edge, menu)
        values = JSONS if kind == "jsonb" else TEXTS
        scramble(edge, table, column, kind, longest, values[number % len(values)] if number % 2 else DEEP)
        run_readers(edge)
        run_twice(edge, menu, failing)


@pytest.mark.timeout(900)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_a_run_survives_any_combination_of_scrambled_values(
    edge: Edge, menu: list[str], failing: str, data: st.DataObject
) -> None:
    fill_tables(edge, menu)
    columns = text_columns()
    for table, column, kind, longest in data.draw(st.lists(st.sampled_from(columns), min_size=1, max_size=8, unique=True)):
        texts = st.sampled_from(TEXTS) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60)
        scramble(edge, table, column, kind, longest, data.draw(st.sampled_from(JSONS) if kind == "jsonb" else texts))
    run_readers(edge)
    run_twice(edge, menu, failing)


# Other columns: values that PostgreSQL accepts and Python does not, and values that no run writes.
ODD = {
    "timestamp with time zone": ["infinity", "-infinity", "0044-03-15 BC", "20000-01-01", "2099-01-01"],
    "integer": ["-5", "2147483647"],
    "bigint": ["-5", "9223372036854775807"],
    "double precision": ["NaN", "Infinity", "-1"],
    "boolean": ["true", "false"],
}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_run_survives_impossible_times_and_numbers_in_each_table(edge: Edge, menu: list[str], failing: str) -> None:
    columns = edge.query(
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
        " AND (table_name LIKE 'etalase\\_%%' OR (table_name, column_name) = ('product_photo', 'updated_at'))"
        " AND data_type = ANY(%s) AND NOT is_identity = 'YES' ORDER BY 1, 2",
        list(ODD),
    )
    for number, column in enumerate(columns):
        fill_tables(edge, menu)
        values = ODD[column["data_type"]]
        edge.query(f"UPDATE {column['table_name']} SET {column['column_name']} = %s", values[number % len(values)])
        run_readers(edge)
        run_twice(edge, menu, failing)


def test_a_comparison_time_in_the_future_is_dropped_and_noticed_once(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    edge.query("UPDATE etalase_checkpoint SET compared_at = now() + interval '1 year', asked_at = 'infinity'")
    report = edge.sync()
    assert (report.kind, report.outcome) == ("full", "success")
    assert report.notices == [{"code": "state_dropped", "told": "compared_at, etalase_checkpoint.asked_at"}]
    assert edge.sync().notices == []


def test_run_ids_continue_after_the_greatest_if_a_restored_database_restarts_its_sequence(edge: Edge, menu: list[str]) -> None:
    for _ in range(3):
        edge.sync()
    edge.query("SELECT setval(pg_get_serial_sequence('etalase_sync_run', 'id'), 1, false)")
    reports = [edge.sync(), edge.sync()]
    assert [report.outcome for report in reports] == ["success", "success"]
    assert edge.query("SELECT count(*) AS n FROM etalase_sync_run WHERE outcome = 'success'") == [{"n": 5}]


def test_removals_with_a_future_timestamp_do_not_block_later_ones_for_long(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    edge.query(
        "INSERT INTO etalase_removal"
        " (photo_id, product_id, product_name, cause, state, left_bare, approved, noticed_at, decided_at)"
        " SELECT gen_random_uuid(), gen_random_uuid(), '', 'sweep', 'applied', true, false, now(), now() + interval '1 year'"
        " FROM generate_series(1, 9)"
    )
    report = edge.sync()
    assert report.notices == [{"code": "state_dropped", "told": "etalase_removal.decided_at"}]
    assert edge.query("SELECT count(*) AS n FROM etalase_removal WHERE decided_at > now()") == [{"n": 0}]
    assert edge.sync().notices == []


def a_folder(path: Path) -> None:
    """Creates a folder that is not empty."""
    path.mkdir()
    (path / "x").write_text("x")


FILES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(5000)),
    "noise": lambda path: path.write_bytes(os.urandom(3000)),
    "a folder": a_folder,
    "a link to nowhere": lambda path: path.symlink_to("/nowhere/at/all"),
    "a link to a file": lambda path: path.symlink_to("/etc/hostname"),
    "a pipe": os.mkfifo,
    "a time to come": lambda path: path.write_text("2099-01-01T00:00:00+00:00"),
}


@pytest.mark.parametrize("how", daily(FILES, "noise", "a folder", "a pipe"))
def test_a_run_survives_each_scrambled_file_of_the_spool(edge: Edge, how: str) -> None:
    photo = edge.ho.put("large", picture("large", 100_000))
    edge.sync()
    edge.ho.put("large", body := picture("larger", 100_001), photo=photo)
    (folder,) = edge.spool.iterdir()
    checksum = edge.ho.photos[photo]["checksum"]
    etag = f'"{checksum}"'.encode().hex()
    for name in (
        LAST_CHECKPOINT,
        f"{photo}.{checksum}.{etag}.part",
        f"{photo}.{checksum}..part",
        f"{photo}.part",
        ".part",
        "x.y.part",
    ):
        path = folder / name
        path.unlink(missing_ok=True)
        FILES[how](path)
    report = edge.sync()
    assert (report.outcome, report.failures) == ("success", [])
    edge.check_equals_head_office()
    assert edge.bucket.get(edge.ho.photos[photo]["object_key"]) == body
    assert edge.sync().notices == []
    assert (folder / LAST_CHECKPOINT).read_text() == edge.checkpoint()


def test_a_file_in_place_of_the_spool_folder_does_not_stop_a_run(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    (folder,) = edge.spool.iterdir()
    (folder / LAST_CHECKPOINT).unlink()
    folder.rmdir()
    folder.write_text("?")
    assert edge.sync().outcome == "success"


def test_a_dropped_value_is_noticed_once_with_its_column(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    edge.query("UPDATE etalase_checkpoint SET sync_timestamp = 'garbage', access_token = E'a\\nb'")
    report = edge.sync()
    assert (report.kind, report.outcome) == ("full", "success")
    assert report.notices == [{"code": "state_dropped", "told": "access_token, sync_timestamp"}]
    assert edge.sync().notices == []


def test_rows_lost_together_with_the_checkpoint_are_missed_once(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    edge.query("DELETE FROM product_photo WHERE id = %s", menu[0])
    edge.query("UPDATE etalase_checkpoint SET sync_timestamp = 'garbage'")
    assert notice_codes(edge.sync()) == ["rows_vanished", "state_dropped"]
    assert read(edge.configured()).vanished == 0
    edge.check_equals_head_office()


def test_a_retry_that_a_wrong_clock_set_far_ahead_is_due(edge: Edge, failing: str) -> None:
    edge.ho.now = edge.ho.now.replace(year=2027)  # so that the next feed does not list it
    edge.sync()
    edge.query("UPDATE etalase_pending_photo SET next_try_at = now() + interval '70 years'")
    edge.ho.on_image = None
    assert edge.sync(trigger="schedule").outcome == "success"


def test_an_object_named_by_a_scrambled_reclaim_is_not_deleted(edge: Edge, menu: list[str]) -> None:
    edge.bucket.put("renditions/a.jpg", b"\xff\xd8\xff", content_type="image/jpeg")
    edge.query("INSERT INTO etalase_reclaim VALUES ('renditions/a.jpg', now()), ('..', now()), ('', now())")
    report = edge.sync()
    assert (report.outcome, edge.count("etalase_reclaim")) == ("success", 0)
    assert edge.bucket.head("renditions/a.jpg") is not None


# Tokens: a run always gets as far as a login


def jwt(claims: bytes) -> str:
    """Returns a token with these claims."""
    return f"eyJ.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.x"


TOKENS = [
    b"[" * 20_00,
    b'{"exp": ' + b"[" * 2000 + b"]" * 2000 + b"}",
    b'{"exp": 1e400}',
    b'{"exp": -1e300}',
    b'{"exp": "soon"}',
    b'{"exp": null}',
    b'{"exp": 99999999999999999999999999}',
    b"\xff\xfe",
]


@pytest.mark.parametrize("claims", daily(TOKENS, TOKENS[1], TOKENS[2], TOKENS[7]))
def test_a_token_with_odd_claims_fails_no_later_run(edge: Edge, menu: list[str], claims: bytes) -> None:
    edge.ho.access_token = jwt(claims)
    for _ in range(3):
        assert edge.sync().outcome == "success"
    edge.ho.access_token, edge.ho.refresh_token = "another-token", "another-refresh-token"
    assert edge.sync().outcome == "success"


@pytest.mark.parametrize(
    "response",
    daily(
        [
            Response(500),
            Response(200, b"<html>"),
            Response(200, b"{}"),
            Response(200, b'{"access": null}'),
            Response(200, b'{"access": "refused-for-ever"}'),
            Response(200, b'{"access": ' + DEEP.encode() + b"}"),
            Response(302, b"", {"Location": "/login"}),
            Response(404),
            Response(503),
            Response(200, b"{", length=500),
        ],
        *(Response(500), Response(200, b'{"access": "refused-for-ever"}'), Response(200, b"{", length=500)),
    ),
)
def test_after_any_response_to_a_refresh_a_login_follows(edge: Edge, menu: list[str], response: Response) -> None:
    edge.sync()
    edge.ho.on_token = lambda path, request: response if path.endswith("/refresh/") else None
    edge.ho.access_token = "a-new-token"
    edge.ho.requests.clear()
    assert edge.sync().outcome == "success"
    assert edge.ho.requests.count("/api/v1/token/") == 1
    assert edge.sync().outcome == "success"
    assert edge.ho.requests.count("/api/v1/token/") == 1


def test_a_saved_token_that_gets_403_is_renewed_once(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    edge.query("UPDATE etalase_checkpoint SET access_token = 'of-last-month'")
    first = iter([Response(403)])
    edge.ho.on_page = lambda request: next(first, None)
    edge.ho.access_token = "of-last-month"
    edge.ho.requests.clear()
    assert edge.sync().outcome == "success"
    edge.ho.on_page = lambda request: Response(403)
    edge.ho.requests.clear()
    report = edge.sync()
    assert (report.fault, len(edge.ho.requests)) == ("head_office", 3)


@pytest.mark.parametrize("status", daily([400, 403, 404, 419, 422, 498, 500, 502], 400, 419, 500))
def test_a_saved_token_is_renewed_after_any_refusal_by_head_office(edge: Edge, menu: list[str], status: int) -> None:
    edge.sync()
    edge.query("UPDATE etalase_checkpoint SET access_token = 'of-last-month'")
    edge.ho.on_feed_token = lambda token: Response(status, b"{}") if token == "of-last-month" else None
    report = edge.sync()
    assert (report.outcome, report.kind, report.notices) == ("success", "incremental", [])


def test_a_head_office_that_is_away_gets_no_login_request(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    edge.query("UPDATE etalase_checkpoint SET access_token = ''")
    edge.ho.on_token = lambda path, request: Response(503) if path.endswith("/refresh/") else None
    edge.ho.on_feed_token = lambda token: Response(503)
    edge.ho.requests.clear()
    assert edge.sync().fault == "head_office_busy"
    assert "/api/v1/token/" not in edge.ho.requests


def test_a_refresh_token_that_cannot_be_saved_is_not_used_again(edge: Edge, menu: list[str]) -> None:
    edge.sync()
    edge.query("UPDATE etalase_checkpoint SET refresh_token = 'two words', access_token = 'two words'")
    edge.ho.requests.clear()
    assert edge.sync().outcome == "success"
    assert edge.ho.requests[0] == "/api/v1/token/"
