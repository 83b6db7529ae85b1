"""Verdict and facts as sentences: what the terminal and the page both show, so that they cannot tell different things."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from etalase.edge.pos.texts import Language
from etalase.edge.status.facts import Facts, Trouble, Uncovered, Why
from etalase.edge.status.verdict import RED, STALE_AFTER, Level, State, Verdict, is_of_the_future
from etalase.edge.status.words import Words
from etalase.edge.sync.report import Fault

COMMON_REASONS = 3
_KEY_OF_FAULT: dict[str, str] = {
    Fault.HEAD_OFFICE_AWAY: "ho_away",
    Fault.HEAD_OFFICE: "ho_refuses",
    Fault.HEAD_OFFICE_ODD: "ho_odd",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A sentence, and under it: names (with how many ``more``), a ``command`` to type, a ``detail`` for technicians,
    which is ``about`` the same thing from one look to the next.
    """

    text: str
    level: Level | None = None
    names: tuple[str, ...] = ()
    more: str = ""
    command: str = ""
    detail: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """``holds`` is what is not well, worst first; ``facts`` is what there is; ``noticed`` is what runs saw."""

    state: State
    level: Level
    word: str
    sentence: str
    holds: tuple[Item, ...] = ()
    facts: tuple[Item, ...] = ()
    noticed: tuple[Item, ...] = ()


def tell(facts: Facts | None, verdict: Verdict, language: Language, *, max_names: int, contact: str = "") -> Told:
    """What there is to say in ``language``, with at most ``max_names`` names in each list; ``contact`` is whom to call."""
    words = Words(language)
    told = _Teller(facts, verdict, words, max_names).told() if facts else _away(verdict, words)
    if contact and verdict.level is not Level.GREEN:
        return replace(told, holds=(*told.holds, Item(words.say("contact", contact=contact))))
    return told


def _away(verdict: Verdict, words: Words) -> Told:
    state = verdict.state
    hint = Item(words.say("database_hint"), Level.RED)
    return Told(state, verdict.level, words.say(f"word_{state}"), words.say(state), holds=(hint,))


class _Teller:
    def __init__(self, facts: Facts, verdict: Verdict, words: Words, max_names: int) -> None:
        self.facts, self.verdict, self.words, self.max_names = facts, verdict, words, max_names

    def told(self) -> Told:
        state = self.verdict.state
        return Told(
            state,
            self.verdict.level,
            self.words.say(f"word_{state}"),
            self._sentence(state),
            holds=tuple(self._holds()),
            facts=tuple(self._facts()),
            noticed=tuple(self._noticed()),
        )

    @property
    def _compared(self) -> str:
        good = self.facts.last_good_run_at
        return self.words.ago(self.facts.now, good) if good else ""

    # The headline

    def _sentence(self, state: State) -> str:
        facts, say = self.facts, self.words.say
        verified = facts.bucket.verified
        match state:
            case State.NOT_READY:
                return self._first_load()
            case State.STALE:
                return self._stale_since()
            case State.BUCKET_AWAY:
                return say(f"bucket_{facts.bucket.trouble}")
            case State.DAMAGED:
                return say("damaged", count=facts.damaged + facts.vanished, total=facts.photos + facts.vanished)
            case State.HELD | State.PARTIAL:
                return say(state, count=facts.held or facts.failed + facts.waiting, verified=verified, ago=self._compared)
            case State.FILLING:
                return self._filling()
            case State.RUN_FAILED:
                return say(self._why_failed(), verified=verified, ago=self._compared)
            case State.WELL:
                return self._well()
            case _:
                return say(state, verified=verified, ago=self._compared)

    def _stale_since(self) -> str:
        facts = self.facts
        if facts.last_good_run_at is None:
            return self.words.say("never")
        if is_of_the_future(facts):
            return self.words.say("stale_future", ahead=self.words.duration(facts.last_good_run_at - facts.now))
        return self.words.say("stale", ago=self._compared)

    def _first_load(self) -> str:
        return self.words.say("first_list" if self.facts.is_running else "never")

    def _filling(self) -> str:
        known = self.facts.known
        if known is None:
            return ""
        if known.eta_seconds is None:
            return self.words.say("filling", here=known.here, listed=known.listed)
        about = self.words.about(timedelta(seconds=known.eta_seconds))
        return self.words.say("filling_eta", here=known.here, listed=known.listed, about=about)

    def _well(self) -> str:
        bucket = self.facts.bucket
        if bucket.verified < bucket.rows:
            return self.words.say(
                "well_replacing",
                verified=bucket.verified,
                total=bucket.rows,
                replacing=bucket.replacing,
                ago=self._compared,
            )
        return self.words.say("well", count=bucket.rows, ago=self._compared)

    def _why_failed(self) -> str:
        if self.facts.was_cut_off:
            return "cut_off"
        ended = self.facts.last_ended
        if ended and (key := _KEY_OF_FAULT.get(ended.fault)):
            return key
        return "run_failed" if ended and ended.outcome == "failed" else "run_incomplete"

    # What holds

    def _holds(self) -> Iterator[Item]:
        of_state = {
            State.WRONG_STORE: self._wrong_store,
            State.NOT_READY: self._not_ready,
            State.BUCKET_AWAY: self._bucket_away,
            State.STALE: self._stale,
            State.DAMAGED: self._damaged,
            State.HELD: self._held,
            State.FILLING: self._on_their_way,
            State.PARTIAL: self._partial,
            State.RUN_FAILED: self._run_failed,
            State.UNPROVED: self._unproved,
            State.EMPTY: self._empty,
        }
        for state in self.verdict.holds:
            yield from of_state[state](Level.RED if state in RED else Level.YELLOW)

    def _wrong_store(self, level: Level) -> Iterator[Item]:
        yield Item(self.words.say("wrong_store_item"), level)

    def _not_ready(self, level: Level) -> Iterator[Item]:
        facts, say = self.facts, self.words.say
        if facts.is_running and facts.last_run:
            yield Item(say("listing_item", ago=self.words.ago(facts.now, facts.last_run.started_at)), Level.BLUE)
        elif facts.last_run:
            yield Item(say("never_failed_item", count=facts.photos), level)
        else:
            yield Item(say("never_item"), level, command="etalase edge sync")

    def _bucket_away(self, level: Level) -> Iterator[Item]:
        trouble, detail = self.facts.bucket.trouble, self.facts.bucket.error or ""
        command = "etalase edge sync" if trouble in {Trouble.MISSING, Trouble.NOT_PUBLIC} else ""
        yield Item(self.words.say(f"bucket_{trouble}_item"), level, command=command, detail=detail, about="bucket")

    def _stale(self, level: Level) -> Iterator[Item]:
        facts = self.facts
        if is_of_the_future(facts) and facts.last_good_run_at and facts.next_full_at:
            zone = facts.next_full_at.tzinfo
            at, now = (f"{moment.astimezone(zone):%Y-%m-%d %H:%M}" for moment in (facts.last_good_run_at, facts.now))
            yield Item(self.words.say("future_item", at=at, now=now), level, command="etalase edge sync")
        elif facts.last_good_run_at and facts.is_running:  # else "not ready" has said it
            yield Item(self.words.say("stale_running_item"), level)
        elif facts.last_good_run_at and self._failed_lately:
            yield Item(self.words.say("stale_failed_item"), level)
        elif State.NOT_READY not in self.verdict.holds:
            yield Item(self.words.say("stale_item"), level, command="etalase edge sync")

    @property
    def _failed_lately(self) -> bool:
        ended = self.facts.last_ended
        return self.facts.last_run_failed and ended is not None and self.facts.now - ended.started_at <= STALE_AFTER

    def _damaged(self, level: Level) -> Iterator[Item]:
        facts = self.facts
        if facts.damaged:
            names = [
                f"{facts.damaged_names.get(photo.photo_id) or photo.product_id} ({self.words.word('damage', photo.kind)})"
                for photo in facts.bucket.photos
            ]
            heals = len(facts.lost) < facts.damaged and not facts.is_running
            key = "damaged_item" if heals else "damaged_running_item" if facts.is_running else "damaged_lost_item"
            command = "etalase edge sync --full" if heals else ""
            text = self.words.say(key, count=facts.damaged)
            yield self._listing(text, sorted(names), level, total=facts.damaged, command=command)
        if facts.lost:
            command = " ".join(["etalase edge approve", *map(str, facts.lost[: self.max_names])])
            yield Item(self.words.say("lost_item", count=len(facts.lost)), level, command=command)
        if facts.vanished:
            yield Item(self.words.say("vanished_item", count=facts.vanished), level, command="etalase edge sync --full")

    def _held(self, level: Level) -> Iterator[Item]:
        text, names = self.words.say("held_item", count=self.facts.held), self.facts.held_names
        yield self._listing(text, names, level, total=len(names), command="etalase edge held")

    def _on_their_way(self, level: Level) -> Iterator[Item]:
        facts = self.facts
        if facts.is_running and facts.last_run:
            yield Item(self.words.say("loading_item", ago=self.words.ago(facts.now, facts.last_run.started_at)), Level.BLUE)
        else:
            yield Item(self.words.say("left_item"), Level.BLUE)

    def _partial(self, level: Level) -> Iterator[Item]:
        if self.facts.waiting:
            yield Item(self.words.say("waiting_item", count=self.facts.waiting), level, command="etalase edge sync")
        if not self.facts.failed:
            return
        text, names = self.words.say("failed_item", count=self.facts.failed), self.facts.failed_names
        yield self._listing(text, names, level, total=len(names), command="etalase edge failures")
        common = sorted(self.facts.reasons.items(), key=lambda entry: (-entry[1], entry[0]))[:COMMON_REASONS]
        told = ", ".join(f"{self.words.word('reason', reason)} ({self.words.number(count)})" for reason, count in common)
        yield Item(self.words.say("reasons", reasons=told), level)

    def _run_failed(self, level: Level) -> Iterator[Item]:
        if State.WRONG_STORE not in self.verdict.holds and (
            State.NOT_READY not in self.verdict.holds or self._why_failed() != "run_failed"
        ):
            yield Item(self.words.say(f"{self._why_failed()}_item"), level)

    def _empty(self, level: Level) -> Iterator[Item]:
        yield Item(self.words.say("empty_item"), level)

    def _unproved(self, level: Level) -> Iterator[Item]:
        yield Item(self.words.say("unproved_item"), level)

    # What there is

    def _facts(self) -> Iterator[Item]:
        facts, say, bucket = self.facts, self.words.say, self.facts.bucket
        if bucket.error is None and (bucket.rows or facts.products):
            checked = self.words.ago(facts.now, bucket.at)
            yield Item(say("photos_fact", verified=bucket.verified, total=bucket.rows, ago=checked))
        elif bucket.error is not None:
            yield Item(say("photos_unknown", total=facts.photos))
        if bucket.replacing:
            yield Item(say("replacing_item", count=bucket.replacing))
        if bucket.error is None and facts.products:
            covered = facts.products - len(facts.uncovered)
            yield Item(say("coverage_fact", count=covered, products=facts.products))
        yield from self._uncovered()
        if facts.parked:
            yield Item(say("parked_fact", count=facts.parked))
        if facts.is_running and facts.last_run and facts.last_good_run_at:
            yield Item(say("running_item", ago=self.words.ago(facts.now, facts.last_run.started_at)))
        yield from self._last_run()
        if facts.next_hourly_at and facts.next_full_at:
            hourly, full = (self.words.when(due, facts.now) for due in (facts.next_hourly_at, facts.next_full_at))
            yield Item(say("next_fact", hourly=hourly, full=full, zone=facts.next_full_at.tzname()))

    def _uncovered(self) -> Iterator[Item]:
        keys = {
            Why.DAMAGED: "without_damaged",
            Why.FAILED: "without_failed",
            Why.WAITS: "without_waits",
            Why.UNKNOWN: "without_unknown",
            Why.NONE_LISTED: "none_listed",
        }
        for why, key in keys.items():
            names = [self._named(entry) for entry in self.facts.uncovered if entry.why is why]
            if names:
                yield self._listing(self.words.say(key, count=len(names)), names, None, total=len(names))

    def _named(self, entry: Uncovered) -> str:
        if entry.reason is None:
            return entry.product_name
        prefix = "damage" if entry.why is Why.DAMAGED else "reason"
        return f"{entry.product_name} ({self.words.word(prefix, entry.reason)})"

    def _last_run(self) -> Iterator[Item]:
        run, words = self.facts.last_run, self.words
        if run is None:
            return
        outcome = "running" if self.facts.is_running else "interrupted" if self.facts.was_cut_off else run.outcome or ""
        took = ""
        if run.duration_seconds is not None:
            took = words.say("took", duration=words.duration(timedelta(seconds=run.duration_seconds)))
        said = {
            "kind": words.word("kind", run.kind),
            "outcome": words.word("outcome", outcome),
            "ago": words.ago(self.facts.now, run.started_at),
            "took": took,
        }
        text = words.say("last_run_fact", **said)
        if outcome == "success" and not any(run.counts.values()):
            text += " " + words.say("last_run_nothing")
        elif run.counts:
            text += " " + words.say("last_run_counts", count=run.counts.get("seen", 0), size=words.size(run.bytes_fetched))
        yield Item(text, detail=run.error, about="run")

    def _noticed(self) -> Iterator[Item]:
        for notice in self.facts.notices:
            yield Item(self.words.notice(notice))

    def _listing(self, text: str, names: Sequence[str], level: Level | None, *, total: int, command: str = "") -> Item:
        shown = tuple(names[: self.max_names])
        more = self.words.say("more", count=total - len(shown)) if total > len(shown) else ""
        return Item(text, level, shown, more, command)
