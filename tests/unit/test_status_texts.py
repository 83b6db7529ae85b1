"""What a status says: the same in both languages, in words for everything it can meet."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from tests.unit.status_facts import HOUR, MINUTE, NOTICES, NOW, PHOTO, any_facts, comparison, damaged, facts, run

from etalase.edge import status
from etalase.edge.damage import Damage
from etalase.edge.pos.texts import LANGUAGES, Language
from etalase.edge.status.facts import Facts, Trouble, Uncovered, Why
from etalase.edge.status.filling import KnownList
from etalase.edge.status.texts import TEXTS
from etalase.edge.status.told import Item, Told, tell
from etalase.edge.status.verdict import State, judge
from etalase.edge.status.words import Words, language_of_terminal
from etalase.edge.sync.report import Outcome
from etalase.errors import Reason

AT_WORK: dict[str, Any] = {"last_run": run(None), "lock_taken": True}
ROOM = Path(status.__file__).parent
NEVER: dict[str, Any] = {"last_good_run_at": None, "feed_proved_complete": None, "expected": None, "known": None}


def told(language: Language = "en", max_names: int = 20, **changes: Any) -> Told:
    """What is said of a store that is well but for ``changes``."""
    state = facts(**changes)
    return tell(state, judge(state), language, max_names=max_names)


def everything(said: Told) -> list[Item]:
    """All items, wherever they stand."""
    return [*said.holds, *said.facts, *said.noticed]


def test_both_languages_have_the_same_texts_with_the_same_gaps_to_fill() -> None:
    # «s» is the English plural; Indonesian has none.
    gaps = [
        {key: sorted(set(re.findall(r"\{\w+\}", text)) - {"{s}"}) for key, text in TEXTS[language].items()}
        for language in LANGUAGES
    ]
    assert gaps[0] == gaps[1]
    assert all(len(TEXTS[language]["weekdays"].split()) == 7 for language in LANGUAGES)


def test_there_is_a_word_for_every_state_reason_damage_and_outcome() -> None:
    codes = (
        [("word", state) for state in State]
        + [("reason", reason) for reason in Reason]
        + [("damage", kind) for kind in Damage]
        + [("bucket", trouble) for trouble in Trouble]
        + [("bucket", f"{trouble}_item") for trouble in Trouble]
        + [("outcome", outcome) for outcome in Outcome if outcome is not Outcome.LOCKED]
    )
    for prefix, code in codes:
        assert f"{prefix}_{code}" in TEXTS["en"]


def test_no_text_is_left_over() -> None:
    sources = "".join(path.read_text() for path in ROOM.glob("*.py") if path.name != "texts.py")
    templates = "".join(path.read_text() for path in ROOM.parent.glob("templates/etalase_status/*.html"))
    by_code = ("word_", "reason_", "damage_", "kind_", "outcome_", "notice_", "bucket_")
    keys = [key for key in TEXTS["en"] if not key.startswith(by_code)]
    states = {state.value for state in State}
    parts = {"second", "minute", "hour", "day"}
    unused = [
        key
        for key in keys
        if key not in states | parts
        and not re.search(rf"[\"']{key}[\"']", sources)
        and f"text.{key}" not in templates
        and f'"{key.removesuffix("_item")}"' not in sources
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("changes", "english", "indonesian"),
    [
        (
            {},
            "WELL: all 412 photos verified, as of 6 minutes ago.",
            "BAIK: semua 412 foto ada dan utuh, dicocokkan 6 menit lalu.",
        ),
        (
            {"bucket": comparison(rows=12345, verified=12345)},
            "WELL: all 12,345 photos verified, as of 6 minutes ago.",
            "BAIK: semua 12.345 foto ada dan utuh, dicocokkan 6 menit lalu.",
        ),
        (
            {"bucket": damaged(), "photos": 411},
            "DAMAGED: 2 of 412 photos are damaged or missing.",
            "RUSAK: 2 dari 412 foto rusak atau hilang.",
        ),
        (
            {"last_good_run_at": NOW - 26 * HOUR},
            "STALE: last compared with head office 1 day ago. The photos may be out of date.",
            "TERTINGGAL: terakhir dicocokkan dengan kantor pusat 1 hari lalu. Foto mungkin bukan yang terbaru.",
        ),
        (
            {"last_good_run_at": NOW + 3 * HOUR},
            "STALE: the last complete run is 3 hours ahead of this server's clock. Check the clock.",
            "TERTINGGAL: waktu sinkronisasi terakhir 3 jam di depan jam server ini. Periksa jam server.",
        ),
        (
            {"last_run": run("failed", fault="head_office_away")},
            "LOOK: head office cannot be reached. 412 photos are verified, as of 6 minutes ago.",
            "PERIKSA: kantor pusat tidak bisa dihubungi. 412 foto ada dan utuh, dicocokkan 6 menit lalu.",
        ),
        (
            {
                "known": KnownList(listed=1042, here=138, eta_seconds=2400, progressed_at=NOW),
                "last_run": run(None),
                "lock_taken": True,
            },
            "FILLING: 138 of 1,042 photos are here, about 40 minutes to go.",
            "MENGISI: 138 dari 1.042 foto sudah ada, kira-kira 40 menit lagi.",
        ),
        (
            {**NEVER, "last_run": run(None), "lock_taken": True},
            "NOT READY: first load: head office's list of photos is being read.",
            "BELUM SIAP: pemuatan pertama: daftar foto dari kantor pusat sedang dibaca.",
        ),
        (
            {**NEVER, "last_run": run(None)},
            "NOT READY: no run has reached its end yet.",
            "BELUM SIAP: belum pernah ada sinkronisasi yang selesai.",
        ),
    ],
)
def test_the_first_line_is_the_verdict_and_why(changes: dict[str, Any], english: str, indonesian: str) -> None:
    for language, expected in (("en", english), ("id", indonesian)):
        said = told(language, **changes)  # type: ignore[arg-type]
        assert f"{said.word}: {said.sentence}" == expected


def test_names_beyond_the_limit_are_counted() -> None:
    names = [Uncovered(f"DISH {number:02}", Why.FAILED, "timeout") for number in range(23)]
    (item,) = [item for item in everything(told(uncovered=tuple(names))) if item.names]
    assert (len(item.names), item.names[0], item.more) == (20, "DISH 00 (took too long)", "and 3 more")
    assert item.text == "23 products without a photo because it did not arrive:"


def test_a_damaged_photo_is_told_with_its_product_its_kind_and_what_to_do() -> None:
    state = facts(bucket=damaged(Damage.CUT))
    state = facts(bucket=state.bucket, damaged_names={state.bucket.photos[0].photo_id: "SATE"})
    (item,) = tell(state, judge(state), "en", max_names=20).holds
    assert (item.names, item.command) == (("SATE (cut)",), "etalase edge sync --full")


def test_the_most_common_reasons_come_first() -> None:
    texts = [item.text for item in told(failed=9, reasons={"timeout": 1, "not_found": 5, "too_large": 2, "bad_key": 1}).holds]
    assert texts[1] == "Most common reasons: not at head office (5), too large (2), wrong name at head office (1)."


def test_the_last_run_is_told_and_its_error_stands_apart_for_technicians() -> None:
    failed = run("failed", error="http://ho.example answered 503.", fault="head_office_away")
    items = everything(told(last_run=failed))
    (last,) = [item for item in items if item.detail]
    assert last.text == "Last run: changes only, failed, begun 7 minutes ago, took 1 minute. 412 photos seen, 12.0 MiB fetched."
    assert last.detail == "http://ho.example answered 503."
    assert "ho.example" not in " ".join(item.text for item in items)


def test_a_run_that_found_nothing_says_so() -> None:
    quiet = run(counts={"seen": 0, "deleted": 0}, bytes_fetched=0)
    texts = [item.text for item in everything(told(last_run=quiet))]
    assert "Last run: changes only, success, begun 7 minutes ago, took 1 minute. Nothing had changed." in texts


@pytest.mark.parametrize("state", [facts(held=3), facts(failed=1), None])
def test_where_all_is_not_well_whom_to_call_is_the_last_word(state: Facts | None) -> None:
    whom = "Budi, 0812 3456 {789}"
    said = tell(state, judge(state), "en", max_names=20, contact=whom)
    assert said.holds[-1].text == f"Need help? Call {whom}."
    assert whom not in str(tell(state, judge(state), "en", max_names=20))


def test_where_all_is_well_nobody_is_to_be_called() -> None:
    assert tell(facts(), judge(facts()), "id", max_names=20, contact="Budi").holds == ()


def test_the_next_runs_are_promised_no_more_than_is_known() -> None:
    assert any(
        item.text == "Next run 06:13, next full run tomorrow 02:13 (WIB), if the worker and its beat run."
        for item in everything(told())
    )


def test_notices_are_sentences_and_an_unknown_one_is_its_code() -> None:
    texts = [item.text for item in told(notices=NOTICES).noticed]
    assert texts[1] == "3 photos older at head office than here: restored from a backup, or changed back."
    assert texts[4:] == [
        "This store had not synced for long (12 days); everything was compared.",
        "A run ended after 6 hours, its limit; the next one goes on.",
        "of the future",
        "ho_older",
    ]


@given(any_facts())
def test_everything_that_holds_is_said_in_both_languages(state: Facts) -> None:
    verdict = judge(state)
    english, indonesian = (tell(state, verdict, language, max_names=3) for language in LANGUAGES)
    for said in (english, indonesian):
        assert said.state is verdict.state
        assert said.sentence
        # Stale before the first run, and why that failed, are what «not ready» says.
        silent = {State.STALE, State.RUN_FAILED} if State.NOT_READY in verdict.holds else set()
        assert len(said.holds) >= len(set(verdict.holds) - silent)
        assert not re.search(r"[{}]", "".join([said.sentence, *(item.text for item in everything(said))]))
    assert [item.command for item in everything(english)] == [item.command for item in everything(indonesian)]
    assert [len(item.names) for item in everything(english)] == [len(item.names) for item in everything(indonesian)]


@pytest.mark.parametrize(
    ("length", "english", "indonesian"),
    [
        (timedelta(0), "0 seconds", "0 detik"),
        (timedelta(seconds=59), "59 seconds", "59 detik"),
        (timedelta(seconds=61), "1 minute", "1 menit"),
        (2 * HOUR + 59 * MINUTE, "2 hours", "2 jam"),
        (timedelta(days=3), "3 days", "3 hari"),
    ],
)
def test_a_duration_is_its_largest_unit(length: timedelta, english: str, indonesian: str) -> None:
    assert (Words("en").duration(length), Words("id").duration(length)) == (english, indonesian)


def test_what_is_a_moment_ago_or_in_the_future_is_just_now() -> None:
    assert Words("en").ago(NOW, NOW) == Words("en").ago(NOW, NOW + HOUR) == "just now"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "id_ID.UTF-8"}, "id"),
        ({"LANG": "id_ID.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "id"}, "id"),
        ({"LANG": "id_ID.UTF-8", "LC_ALL": ""}, "id"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_terminals_language_is_that_of_its_locale(
    environment: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("LC_") or name == "LANG"]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language_of_terminal() == language


@pytest.mark.parametrize(
    ("changes", "text", "command"),
    [
        ({}, "No run has completed for more than two hours. Make sure that worker and beat run, then:", "etalase edge sync"),
        (
            {"last_run": run(None), "lock_taken": True},
            "No run has completed for more than two hours. One is under way; wait for its end.",
            "",
        ),
        ({"last_run": run("failed")}, "No run has completed for more than two hours; the last one failed, see below.", ""),
    ],
)
def test_old_news_come_with_advice_that_fits(changes: dict[str, Any], text: str, command: str) -> None:
    first = told(last_good_run_at=NOW - 3 * HOUR, **changes).holds[0]
    assert (first.text, first.command) == (text, command)


def test_healing_is_promised_only_where_head_office_still_has_the_photo() -> None:
    lost = told(bucket=damaged(), lost=(PHOTO,)).holds
    assert lost[0].command == ""
    assert "which head office lists no longer" in lost[0].text
    running = told(bucket=damaged(), last_run=run(None), lock_taken=True).holds[0]
    assert (running.command, "wait for its end" in running.text) == ("", True)


def test_a_refused_login_is_not_promised_to_pass() -> None:
    said = told(last_run=run("failed", fault="head_office"))
    assert said.sentence == "head office refuses this store. 412 photos are verified, as of 6 minutes ago."
    assert said.holds[0].text == "Head office refuses this store. Tell head office."
    odd = told(last_run=run("failed", fault="head_office_odd"))
    assert odd.sentence == "head office's answer could not be read. 412 photos are verified, as of 6 minutes ago."
    assert "refuses" not in odd.holds[0].text
