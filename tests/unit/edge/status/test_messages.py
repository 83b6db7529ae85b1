"""Checks the texts of the status: the advice first, the same facts in both languages, a text for every case."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from tests.unit.edge.status.snapshots import (
    ALIVE,
    HOUR,
    JAKARTA,
    MINUTE,
    NOTICES,
    NOW,
    PHOTO,
    SILENT,
    any_facts,
    comparison,
    damaged,
    facts,
    run,
)

from etalase.edge import status
from etalase.edge.integrity import Damage
from etalase.edge.pos.messages import LANGUAGES, Language
from etalase.edge.status.filling import KnownList
from etalase.edge.status.localize import Words, language_of_terminal
from etalase.edge.status.messages import TEXTS
from etalase.edge.status.sentences import StatusItem
from etalase.edge.status.snapshot import Facts, SmallPictures, Trouble, Uncovered, Why
from etalase.edge.status.summary import Summary, summarize
from etalase.edge.status.verdict import State, judge
from etalase.edge.sync.result import Outcome
from etalase.errors import Reason

AT_WORK: dict[str, Any] = {"last_run": run(None), "lock_taken": True}
ROOM = Path(status.__file__).parent
NEVER: dict[str, Any] = {
    "last_good_run_at": None,
    "list_read_at": None,
    "feed_proved_complete": None,
    "expected": None,
    "known": None,
    "last_run": None,
}
AWAY = comparison(error="it does not answer", rows=0, verified=0)
SLOW: dict[str, Any] = {"failed": 1, "reasons": {"timeout": 1}}
NOTHING: dict[str, Any] = {"photos": 0, "expected": 0, "bucket": comparison(rows=0, verified=0)}
LOST, DENIED, NOT_PUBLIC = (
    comparison(error="-", trouble=trouble) for trouble in (Trouble.MISSING, Trouble.DENIED, Trouble.NOT_PUBLIC)
)
HO_AWAY = run("failed", fault="head_office_away", complete=False)
HO_BUSY = run("failed", fault="head_office_busy", complete=False)
HO_REFUSES = run("failed", fault="head_office", complete=False)
FILLING = KnownList(listed=1042, here=138, eta_seconds=2400, progressed_at=NOW)


def summary_of(language: Language = "en", max_names: int = 20, **changes: Any) -> Summary:
    """Returns the summary of a store that is well except for ``changes``."""
    state = facts(**changes)
    return summarize(state, judge(state), language, max_names=max_names)


def all_items(summary: Summary) -> list[StatusItem]:
    """Returns all items of the summary."""
    return [*summary.holds, *summary.facts, *summary.noticed, *summary.hints]


def items_for_the_store(summary: Summary) -> str:
    """Returns all text outside the technicians' section."""
    items = [*summary.holds, *summary.facts, *summary.noticed]
    return "\n".join([*(todo.text for todo in summary.todo), summary.sentence, *(item.text for item in items)])


def test_both_languages_have_the_same_status_texts_with_the_same_placeholders() -> None:
    # «s» is the English plural; Indonesian has none.
    gaps = [
        {key: sorted(set(re.findall(r"\{\w+\}", text)) - {"{s}"}) for key, text in TEXTS[language].items()}
        for language in LANGUAGES
    ]
    assert gaps[0] == gaps[1]
    assert all(len(TEXTS[language]["weekdays"].split()) == 7 for language in LANGUAGES)


def test_every_state_reason_damage_and_outcome_has_a_text() -> None:
    codes = (
        [("word", state) for state in State]
        + [("reason", reason) for reason in Reason]
        + [("damage", kind) for kind in Damage]
        + [("bucket", trouble) for trouble in Trouble]
        + [("bucket", f"{trouble}_hint") for trouble in Trouble]
        + [("todo_bucket", trouble) for trouble in Trouble if trouble is not Trouble.MISSING]
        + [("outcome", outcome) for outcome in Outcome if outcome is not Outcome.LOCKED]
    )
    for prefix, code in codes:
        assert f"{prefix}_{code}" in TEXTS["en"]


def test_every_status_text_is_used() -> None:
    sources = "".join(path.read_text() for path in ROOM.glob("*.py") if path.name != "texts.py")
    sources += (ROOM.parent / "management/commands/photos_status.py").read_text()
    templates = "".join(path.read_text() for path in ROOM.parent.glob("templates/etalase_status/*.html"))
    by_code = ("word_", "reason_", "damage_", "kind_", "outcome_", "notice_", "bucket_", "todo_bucket_", "screen_")
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


JARGON = re.compile(r"checkpoint|bucket|feed|worker|beat|policy|ETALASE_|S3|HTTP|metadata|JSON|sweep|\block", re.IGNORECASE)


def test_only_the_technicians_section_has_technical_words() -> None:
    theirs = re.compile(r".*_hint$|command_|screen_hint|technicians")
    for language in LANGUAGES:
        for key, text in TEXTS[language].items():
            if not theirs.match(key) and not key.startswith("reason_checksum"):
                assert not JARGON.search(text), key


def test_no_status_text_claims_that_a_past_fact_holds_now_or_advises_deletion() -> None:
    for language in LANGUAGES:
        for key, text in TEXTS[language].items():
            if key.startswith(("ho_", "cut_off", "run_failed", "run_incomplete", "todo_refused")):
                assert "{failed_at}" in text, key
            assert not re.search(r"cannot come back|tidak bisa kembali|to remove (it|them):|cannot be reached", text), key
    assert not re.search(r"approve", " ".join(text for key, text in TEXTS["en"].items() if not key.startswith("command_")))


@pytest.mark.parametrize(
    ("changes", "english", "indonesian"),
    [
        (
            {},
            "WELL: Nothing to do. All 412 photos here and whole, compared with head office at 05:53.",
            "BAIK: Tidak perlu apa-apa. Semua 412 foto ada dan utuh, dicocokkan pukul 05:53.",
        ),
        (
            {"bucket": comparison(rows=12345, verified=12345)},
            "WELL: Nothing to do. All 12,345 photos here and whole, compared with head office at 05:53.",
            "BAIK: Tidak perlu apa-apa. Semua 12.345 foto ada dan utuh, dicocokkan pukul 05:53.",
        ),
        (
            {"beat": SILENT},
            (
                "LOOK: Call for help: the sync service was last seen at 03:00."
                " The sync service does not run. 412 photos are here and whole, compared at 05:53."
            ),
            (
                "PERIKSA: Hubungi bantuan: layanan sinkronisasi terakhir terlihat pukul 03:00."
                " Layanan sinkronisasi tidak berjalan. 412 foto ada dan utuh, dicocokkan pukul 05:53."
            ),
        ),
        (
            {"parked": 37},
            (
                "WELL: Nothing to do."
                " 412 photos here and whole, 37 waiting for their products, compared with head office at 05:53."
            ),
            "BAIK: Tidak perlu apa-apa. 412 foto ada dan utuh, 37 menunggu produknya datang, dicocokkan pukul 05:53.",
        ),
        (
            {"list_read_at": NOW - 5 * HOUR},
            "WELL: Nothing to do. All 412 photos here and whole. Head office's list was read at 01:00.",
            "BAIK: Tidak perlu apa-apa. Semua 412 foto ada dan utuh. Daftar kantor pusat dibaca pukul 01:00.",
        ),
        (
            {"bucket": damaged(), "photos": 411},
            (
                "DAMAGED: Nothing to do: the next sync at 06:13 fetches the damaged photos again."
                " 2 of 412 photos are damaged or missing."
            ),
            (
                "RUSAK: Tidak perlu apa-apa: sinkronisasi berikutnya pukul 06:13 mengunduh foto yang rusak lagi."
                " 2 dari 412 foto rusak atau hilang."
            ),
        ),
        (
            {"last_good_run_at": NOW - 26 * HOUR, "list_read_at": NOW - 26 * HOUR},
            (
                "STALE: Call for help: no sync has come to its end for more than two hours."
                " Last compared with head office yesterday at 04:00. The photos may be out of date."
            ),
            (
                "TERTINGGAL: Hubungi bantuan: sudah lebih dari dua jam tidak ada sinkronisasi yang selesai."
                " Terakhir dicocokkan dengan kantor pusat kemarin pukul 04:00. Foto mungkin bukan yang terbaru."
            ),
        ),
        (
            {"last_good_run_at": NOW + 3 * HOUR},
            (
                "STALE: Call for help: this server's clock is wrong, or was."
                " By its record, the last sync ended at 09:00, which is yet to come."
            ),
            (
                "TERTINGGAL: Hubungi bantuan: jam server ini salah, atau pernah salah."
                " Menurut catatan, sinkronisasi terakhir selesai pukul 09:00, padahal itu belum tiba."
            ),
        ),
        (
            {"last_run": HO_AWAY},
            (
                "LOOK: Check the store's internet. If it works, there is nothing to do: the next sync at 06:13 tries again."
                " Head office could not be reached at 05:54. 412 photos are here and whole, compared at 05:53."
            ),
            (
                "PERIKSA: Periksa internet toko. Kalau lancar, tidak perlu apa-apa: sinkronisasi berikutnya pukul 06:13"
                " mencoba lagi."
                " Kantor pusat tidak bisa dihubungi pukul 05:54. 412 foto ada dan utuh, dicocokkan pukul 05:53."
            ),
        ),
        (
            {"known": FILLING, **AT_WORK},
            (
                "FILLING: Nothing to do: photos appear on the tills one by one."
                " 138 of 1,042 photos are here, about 40 minutes to go."
            ),
            (
                "MENGISI: Tidak perlu apa-apa: foto muncul di kasir satu per satu."
                " 138 dari 1.042 foto sudah ada, kira-kira 40 menit lagi."
            ),
        ),
        (
            {**NEVER, **AT_WORK},
            "NOT READY: Nothing to do: a sync is under way. First load: head office's list of photos is being read.",
            (
                "BELUM SIAP: Tidak perlu apa-apa: sinkronisasi sedang berjalan."
                " Pemuatan pertama: daftar foto dari kantor pusat sedang dibaca."
            ),
        ),
        (
            {**NEVER, "last_run": run(None)},
            "NOT READY: Nothing to do: the next sync at 06:13 goes on. No sync has come to its end yet.",
            (
                "BELUM SIAP: Tidak perlu apa-apa: sinkronisasi berikutnya pukul 06:13 melanjutkan."
                " Belum pernah ada sinkronisasi yang selesai."
            ),
        ),
    ],
)
def test_the_summary_gives_the_state_then_the_advice_then_the_details(
    changes: dict[str, Any], english: str, indonesian: str
) -> None:
    for language, expected in (("en", english), ("id", indonesian)):
        summary = summary_of(language, **changes)  # type: ignore[arg-type]
        assert f"{summary.word}: {' '.join(todo.text for todo in summary.todo)} {summary.sentence}" == expected


@pytest.mark.parametrize(
    ("changes", "todo", "acts"),
    [
        ({"worker": None, "beat": None}, "Nothing to do.", False),  # an unknown service is not reported as silent
        # damage
        (
            {"bucket": damaged(), "lost": (PHOTO,)},
            "Nothing to do: damaged photos come back by themselves if head office",
            False,
        ),
        ({"bucket": damaged(), **AT_WORK}, "Nothing to do: a sync is under way.", False),
        ({"bucket": damaged(), "worker": SILENT}, "Call for help: the sync service was last seen at 03:00.", True),
        ({"bucket": damaged(), "worker": None}, "Nothing to do: the next sync fetches the damaged photos again.", False),
        # decisions
        ({"held": 1}, "Call for help: somebody has to decide whether 1 photo may be removed.", True),
        ({"held": 3, "bucket": damaged()}, "Call for help: somebody has to decide whether 3 photos may be removed.", True),
        # in progress
        ({"known": FILLING}, "Nothing to do: the next sync at 06:13 goes on.", False),
        ({"known": FILLING, "beat": SILENT}, "Call for help: the sync service", True),
        # failed photos
        ({"failed": 1, "reasons": {"timeout": 1}}, "Nothing to do: the next sync at 06:13 tries again.", False),
        # ... by the next sync only if the retry is due by then; a wrong clock delays nothing
        ({**SLOW, "next_try_at": NOW + 12 * MINUTE}, "Nothing to do: the next sync at 06:13 tries again.", False),
        (
            {**SLOW, "next_try_at": NOW + 5 * HOUR},
            "Nothing to do: what did not arrive is tried again at 11:00 or later.",
            False,
        ),
        ({**SLOW, "next_try_at": NOW + 23 * HOUR}, "Nothing to do: what did not arrive is tried again tomorrow at", False),
        ({**SLOW, "next_try_at": NOW + 25 * HOUR}, "Nothing to do: the next sync at 06:13 tries again.", False),
        ({**SLOW, "next_try_at": NOW + 5 * HOUR, "beat": SILENT}, "Call for help: the sync service was last seen", True),
        # the allowlist is a setting of this server, not head office's data
        ({"failed": 3, "reasons": {"origin_refused": 2, "not_found": 1}}, "Call for help: this server's settings do not", True),
        (
            {"failed": 2, "reasons": {"timeout": 1, "not_found": 1}},
            "Tell head office: 1 photo could not be had from",
            True,
        ),
        ({"failed": 2, "reasons": {"store_full": 1, "not_found": 1}}, "Call for help: this server's disk or photo store", True),
        # a failed run
        ({"last_run": HO_REFUSES}, "Tell head office: it refused this store at 05:54.", True),
        ({"last_run": run("failed", fault="head_office_odd", complete=False)}, "Tell head office: its answer could not", True),
        ({"last_run": HO_BUSY}, "Nothing to do: the next sync at 06:13 tries again.", False),
        ({"last_run": HO_BUSY, "last_good_run_at": NOW - 3 * HOUR}, "Tell head office: it was busy or had trouble at", True),
        (
            {"last_run": run("failed", fault="not_head_office", complete=False)},
            "Check the store's internet: a login page",
            True,
        ),
        ({"last_run": run("failed", fault="untrusted", complete=False)}, "Call for help: a certificate, a setting or", True),
        ({"last_run": run("failed", complete=False)}, "Nothing to do: the next sync at 06:13 tries again.", False),
        ({"last_run": run("interrupted", complete=False)}, "Nothing to do: the next sync at 06:13 goes on.", False),
        # stale
        (
            {"last_run": HO_AWAY, "last_good_run_at": NOW - 3 * HOUR},
            "Check the store's internet. If it works, call for help.",
            True,
        ),
        ({"last_good_run_at": NOW - 3 * HOUR, "beat": SILENT}, "Call for help: the sync service was last seen at 03:00.", True),
        ({"last_good_run_at": NOW - 3 * HOUR, **AT_WORK}, "Nothing to do: a sync is under way.", False),
        # no run yet
        ({**NEVER, "worker": None, "beat": None}, "Call for help: no sync has been made yet.", True),
        (NEVER, "Nothing to do: the next sync at 06:13 brings the photos.", False),
        # the bucket
        ({"bucket": AWAY}, "Call for help: the photo store does not answer.", True),
        (
            {"bucket": LOST},
            "Nothing to do: the next sync at 06:13 puts that right.",
            False,
        ),
        ({"bucket": NOT_PUBLIC}, "Nothing to do: the next sync at 06:13 puts that right.", False),
        (
            {"bucket": NOT_PUBLIC, "last_ended": run("failed", fault="here", complete=False)},
            "Call for help: the tills cannot read photos, and a sync could not put that right.",
            True,
        ),
        (
            {"bucket": DENIED},
            "Call for help: the photo store refuses this server.",
            True,
        ),
        ({"wrong_store": True}, "Call for help: this server is set up for another store.", True),
        (NOTHING, "If this store should", True),
        ({**NOTHING, "parked": 87}, "Call for help: head office's photos are of no product that is on this server.", True),
        ({**NOTHING, "failed": 87, "reasons": {"timeout": 87}}, "Nothing to do: the next sync at 06:13 tries again.", False),
    ],
)
def test_the_advice_fits_the_state(changes: dict[str, Any], todo: str, acts: bool) -> None:
    summary = summary_of(**changes)
    assert len(summary.todo) == 1
    assert (summary.todo[0].text[: len(todo)], summary.todo[0].acts) == (todo, acts)


def test_names_beyond_the_limit_are_counted() -> None:
    names = [Uncovered(f"DISH {number:02}", Why.FAILED, "timeout") for number in range(23)]
    (item,) = [item for item in all_items(summary_of(uncovered=tuple(names))) if item.names]
    assert (len(item.names), item.names[0], item.more) == (20, "DISH 00 (took too long)", "and 3 more")
    assert item.text == "23 products without a photo because it did not arrive:"


def test_a_damaged_photo_is_reported_with_its_product_and_kind_of_damage() -> None:
    state = facts(bucket=damaged(Damage.CUT))
    state = facts(bucket=state.bucket, damaged_names={state.bucket.photos[0].photo_id: "SATE"})
    summary = summarize(state, judge(state), "en", max_names=20)
    assert summary.holds[0].names == ("SATE (cut)",)
    assert [command.line for command in summary.commands] == ["etalase edge sync --full"]


def test_the_most_common_reasons_come_first() -> None:
    texts = [
        item.text for item in summary_of(failed=9, reasons={"timeout": 1, "not_found": 5, "too_large": 2, "bad_key": 1}).holds
    ]
    assert texts[1] == "Most common reasons: not at head office (5), too large (2), wrong name at head office (1)."


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_database_that_answers_and_refuses_is_told_from_one_that_does_not_answer(language: Language) -> None:
    away, refuses = (summarize(None, judge(None), language, max_names=20, refuses=refuses) for refuses in (False, True))
    assert (away.state, away.level) == (refuses.state, refuses.level)
    assert "migrate" in refuses.hints[0].text
    for part in ("word", "todo", "sentence", "hints"):
        assert getattr(away, part) != getattr(refuses, part)


def test_a_clash_with_a_photo_of_the_store_itself_sends_nobody_to_head_office() -> None:
    summary = summary_of(failed=2, reasons={"key_is_own": 1, "not_found": 1})
    assert [todo.text for todo in summary.todo] == [
        "Call for help: photos of this store's own are in the place of 1 photo of head office."
    ]


def test_small_pictures_on_their_way_are_told_and_are_no_problem() -> None:
    small = SmallPictures(listed=1245, waiting=3, failed=1)
    english, indonesian = summary_of(small=small), summary_of(small=small, language="id")
    assert "3 of 1,245 small pictures not here yet; the tills show the photos meanwhile." in [one.text for one in english.facts]
    assert any("3 dari 1.245 gambar kecil belum tiba" in one.text for one in indonesian.facts)
    assert english.state is State.WELL
    assert not any("small pictures" in one.text for one in summary_of(small=SmallPictures(listed=9)).facts)


def test_a_photo_whose_product_has_arrived_is_not_reported_as_parked() -> None:
    def waiting(**changes: Any) -> list[str]:
        return [item.text for item in summary_of(**changes).facts if "waiting for the product to come" in item.text]

    assert waiting(parked=3) == ["3 photos waiting for the product to come."]
    assert waiting(parked=3, arrived=1) == ["2 photos waiting for the product to come."]
    assert waiting(parked=3, arrived=3) == []


def test_in_a_django_project_the_commands_are_those_of_manage_py() -> None:
    lines = [command.line for command in summary_of(held=2, in_project=True, bucket=damaged()).commands]
    assert lines == [
        "python manage.py photos_sync --full",
        "python manage.py photos_held",
        "python manage.py photos_approve --all",
        "python manage.py photos_refuse --all",
    ]


def test_each_choice_about_held_removals_is_explained_and_none_is_advised() -> None:
    summary = summary_of(held=2, held_names=("SATE", "SOTO"))
    assert [item.text for item in summary.holds] == [
        "The photos of these products wait for a decision:",
        "If they are removed: they go from the tills, and can be brought back for 24 hours.",
        "If they are kept: they stay on the tills, and nobody is asked again unless head office's list changes.",
        "If head office lists them again, they stay, and nobody has to decide.",
    ]
    mixed = [item.text for item in summary_of(held=2, held_replaced=1, held_names=("SATE", "SOTO")).holds]
    assert [text for text in mixed if text not in {item.text for item in summary.holds}] == [mixed[1]]
    assert "tills show already. If removed, nothing changes on the tills; if kept, they show the old" in mixed[1]
    replaced = summary_of(held=2, held_replaced=2, held_names=("SATE", "SOTO"))
    assert "Tills show the new ones" in replaced.sentence
    assert not any("stay on the tills" in item.text or "go from the tills" in item.text for item in replaced.holds)
    blocked = summary_of(held=1, held_names=("SATE",), held_blocked=(("SATE", "constraint banner: it is shown"),))
    assert "does not allow the removal" in blocked.sentence
    assert [(item.names, item.text[:25]) for item in blocked.holds] == [
        (("SATE (constraint banner: it is shown)",), "1 photo cannot be removed"),
        ((), "If head office lists them"),
    ]
    assert blocked.todo[0].text == "Call for help: this server's database does not allow the removal of 1 photo."
    assert [command.line for command in summary.commands][1:] == [
        "etalase edge held",
        "etalase edge approve --all",
        "etalase edge refuse --all",
    ]
    assert [command.line for command in blocked.commands][1:] == ["etalase edge held", "etalase edge refuse --all"]


def test_a_damaged_photo_that_head_office_no_longer_lists_is_explained() -> None:
    summary = summary_of(bucket=damaged(), lost=(PHOTO,))
    text = "1 of them not on head office's list when asked; back by themselves if it lists them again."
    assert summary.holds[1].text == text
    # A full run repairs nothing here.
    assert [command.line for command in summary.commands] == ["etalase edge sync"]


def test_the_last_run_is_reported_and_its_error_is_in_the_technicians_section() -> None:
    summary = summary_of(last_run=run("failed", error="http://ho.example answered 503.", fault="head_office_away"))
    assert summary.hints[0].detail == "http://ho.example answered 503."
    last = "Last sync: changes only, failed, begun at 05:53, took 1 minute. 412 photos seen, 12.0 MiB fetched."
    assert last in [item.text for item in summary.facts]
    assert "ho.example" not in items_for_the_store(summary)


def test_a_run_without_changes_is_reported_as_such() -> None:
    quiet = run(counts={"seen": 0, "deleted": 0}, bytes_fetched=0)
    texts = [item.text for item in all_items(summary_of(last_run=quiet))]
    assert "Last sync: changes only, success, begun at 05:53, took 1 minute. Nothing had changed." in texts


@pytest.mark.parametrize("state", [facts(held=3), facts(failed=1), facts(worker=SILENT), None])
def test_if_not_all_is_well_the_contact_is_shown(state: Facts | None) -> None:
    whom = "Budi, 0812 3456 {789}"
    assert summarize(state, judge(state), "en", max_names=20, contact=whom).contact == whom


def test_if_all_is_well_no_contact_is_shown() -> None:
    summary = summarize(facts(), judge(facts()), "id", max_names=20, contact="Budi")
    assert (summary.holds, summary.contact) == ((), "")


@pytest.mark.parametrize(
    ("signs", "text"),
    [
        ({}, "Next sync at 06:13, next full one tomorrow at 02:13 (WIB)."),
        (
            {"beat": None},
            "Scheduled: next sync at 06:13, full one tomorrow at 02:13 (WIB). Whether the sync service runs is not known.",
        ),
    ],
)
def test_the_next_runs_are_announced_only_while_worker_and_beat_are_alive(signs: dict[str, Any], text: str) -> None:
    summary = summary_of(**signs)
    assert summary.facts[-1].text == text
    assert ("06:13" in items_for_the_store(summary)) == ("06:13" in text)


@pytest.mark.parametrize("signs", [{"beat": SILENT}, {"worker": SILENT, "beat": None}])
def test_if_worker_or_beat_is_silent_no_sync_is_announced(signs: dict[str, Any]) -> None:
    summary = summary_of(**signs)
    assert "06:13" not in items_for_the_store(summary)
    texts = [item.text for item in summary_of(**signs, held=1).holds]
    assert "The sync service was last seen at 03:00: no sync comes until it runs again." in texts


def test_an_empty_list_is_mentioned_only_if_head_office_listed_nothing() -> None:
    for changes in ({"parked": 87}, {"failed": 87, "reasons": {"timeout": 87}}, {"known": FILLING}):
        assert "listed no photo for this store" not in items_for_the_store(summary_of(**NOTHING, **changes))
        assert "list for this store was empty" not in items_for_the_store(summary_of(**NOTHING, **changes))


def test_notices_are_sentences_and_an_unknown_notice_is_its_code() -> None:
    texts = [item.text for item in summary_of(notices=NOTICES).noticed]
    # One time zone: head office's timestamps are shown in the store's zone too.
    back = "Head office's clock went back (from 2027-02-03 14:26 to 2026-02-03 14:26)"
    assert texts[0] == f"{back}: a reason to compare everything."
    assert texts[1] == "3 photos older at head office than here: restored from a backup, or changed back."
    assert texts[4:] == [
        "This store had not synced for long (12 days): a reason to compare everything.",
        "A run ended after 6 hours, its limit; the next one goes on.",
        "of the future",
        "ho_older",
    ]


def test_a_filling_menu_has_one_number_of_missing_photos() -> None:
    summary = summary_of(known=FILLING, bucket=comparison(rows=111, verified=111), photos=138, expected=138, **AT_WORK)
    assert "111" not in items_for_the_store(summary)
    assert (summary.progress, summary.facts[2].text) == (
        (138, 1042),
        "All photos that are here were whole when checked at 06:00.",
    )


@given(any_facts())
def test_every_combination_of_facts_has_sentences_in_both_languages(state: Facts) -> None:
    verdict = judge(state)
    english, indonesian = (summarize(state, verdict, language, max_names=3) for language in LANGUAGES)
    for summary in (english, indonesian):
        assert summary.state is verdict.state
        assert summary.sentence
        assert summary.todo
        assert all(todo.text for todo in summary.todo)
        # Without a fault there is no advice, and without a coming sync nothing is well.
        if summary.state is State.WELL:
            assert state.silent_since is None
            assert not any(todo.acts for todo in summary.todo)
        # «not ready» covers stale before the first run; no sentence repeats the headline.
        headline = {State.WRONG_STORE, State.NOT_ADOPTED, State.BUCKET_AWAY, State.RUN_FAILED, State.SERVICE_SILENT} & {
            verdict.state
        }
        silent = {State.STALE} if State.NOT_READY in verdict.holds else set()
        silent |= {State.RUN_FAILED} if State.WRONG_STORE in verdict.holds else set()
        assert len(summary.holds) >= len(set(verdict.holds) - silent - headline)
        assert not re.search(r"[{}]", "".join([summary.sentence, *(item.text for item in all_items(summary))]))
    assert [todo.acts for todo in english.todo] == [todo.acts for todo in indonesian.todo]
    assert [command.line for command in english.commands] == [command.line for command in indonesian.commands]
    assert [len(item.names) for item in all_items(english)] == [len(item.names) for item in all_items(indonesian)]


@given(any_facts())
def test_a_coming_sync_is_mentioned_only_if_worker_and_beat_are_known_to_be_alive(state: Facts) -> None:
    summary = summarize(state, judge(state), "en", max_names=3)
    if not state.service_runs:
        assert not any("next sync at" in todo.text for todo in summary.todo)
    if state.silent_since and not state.is_running:
        assert not any("the next sync" in todo.text for todo in summary.todo if not todo.acts)


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


@pytest.mark.parametrize(
    ("length", "english"),
    [
        (timedelta(0), "1 minute"),
        (timedelta(seconds=89), "1 minute"),
        (40 * MINUTE, "40 minutes"),
        (89 * MINUTE, "89 minutes"),
        (100 * MINUTE, "2 hours"),
        (30 * HOUR, "30 hours"),
        (60 * HOUR, "2 days"),
    ],
)
def test_an_estimated_duration_is_rounded(length: timedelta, english: str) -> None:
    assert Words("en").about(length) == english


@pytest.mark.parametrize(
    ("hours", "english", "indonesian"),
    [
        (0, "at 06:00", "pukul 06:00"),
        (-7, "yesterday at 23:00", "kemarin pukul 23:00"),
        (18, "tomorrow at 00:00", "besok pukul 00:00"),
        (-72, "on Monday at 06:00", "Senin pukul 06:00"),
        (72, "on Sunday at 06:00", "Minggu pukul 06:00"),
        (-24 * 7, "on 2026-11-19 at 06:00", "2026-11-19 pukul 06:00"),
    ],
)
def test_every_time_is_shown_in_the_stores_time_zone(hours: int, english: str, indonesian: str) -> None:
    moment = NOW + hours * HOUR
    assert (Words("en", JAKARTA).at(moment, NOW), Words("id", JAKARTA).at(moment, NOW)) == (english, indonesian)


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
def test_the_terminals_language_follows_its_locale(
    environment: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("LC_") or name == "LANG"]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language_of_terminal() == language


def test_the_last_heartbeats_are_shown() -> None:
    assert summary_of(worker=ALIVE, beat=ALIVE).hints[-1].text == "Last heartbeat: worker at 06:00; beat at 06:00."
    assert summary_of(worker=None, beat=SILENT).hints[-1].text == "Last heartbeat: worker none so far; beat at 03:00."
