"""Writes verdict and facts as sentences, for the terminal and the page, so that both say the same.

First the action, then the state, then details. Commands, settings and errors are separate, for technicians.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from etalase.edge.command_names import as_typed
from etalase.edge.pos.messages import Language
from etalase.edge.status.localize import Words
from etalase.edge.status.snapshot import Facts, Trouble, Uncovered, Why
from etalase.edge.status.verdict import RED, STALE_AFTER, Level, State, Verdict, is_of_the_future
from etalase.edge.sync.result import Fault
from etalase.errors import Reason, Side

COMMON_REASONS = 3
# After a run of this length, the list that it compared was old when it ended.
LONG_RUN = timedelta(hours=1)
# A retry further ahead was scheduled by a wrong clock: the next sync makes it.
LONGEST_WAIT = timedelta(hours=24)
_KEY_OF_FAULT: dict[str, str] = {
    Fault.HEAD_OFFICE_AWAY: "ho_away",
    Fault.HEAD_OFFICE_BUSY: "ho_busy",
    Fault.NOT_HEAD_OFFICE: "ho_elsewhere",
    Fault.UNTRUSTED: "ho_untrusted",
    Fault.HEAD_OFFICE: "ho_refuses",
    Fault.HEAD_OFFICE_ODD: "ho_odd",
}
_TODO_OF = {
    "ho_refuses": "todo_refused",
    "ho_odd": "todo_odd",
    "ho_elsewhere": "todo_elsewhere",
    "ho_untrusted": "todo_untrusted",
}


@dataclass(frozen=True, slots=True)
class Item:
    """A sentence, with names below it (and how many ``more``), or the ``detail`` of an error."""

    text: str
    level: Level | None = None
    names: tuple[str, ...] = ()
    more: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Todo:
    """The action of a person in the store. ``acts`` is False where there is nothing to do."""

    text: str
    acts: bool = True


@dataclass(frozen=True, slots=True)
class Command:
    """A command to type, and its effect."""

    line: str
    does: str


@dataclass(frozen=True, slots=True)
class Told:
    """All sentences: ``todo`` (actions), ``holds`` (problems, worst first), ``facts``, and ``noticed`` (notices of runs).

    ``hints`` and ``commands`` are for technicians. ``contact`` is set if there is a problem. ``progress`` is the number of
    photos here and the number of all, while photos are on their way.
    """

    state: State
    level: Level
    word: str
    todo: tuple[Todo, ...]
    sentence: str
    holds: tuple[Item, ...] = ()
    facts: tuple[Item, ...] = ()
    noticed: tuple[Item, ...] = ()
    hints: tuple[Item, ...] = ()
    commands: tuple[Command, ...] = ()
    contact: str = ""
    language: Language = "en"
    progress: tuple[int, int] | None = None


def tell(facts: Facts | None, verdict: Verdict, language: Language, *, max_names: int, contact: str = "") -> Told:
    """Returns all sentences in ``language``, with at most ``max_names`` names in each list, and the support ``contact``."""
    words = Words(language, facts.zone) if facts else Words(language)
    contact = contact if verdict.level is not Level.GREEN else ""
    if facts is None:
        state = verdict.state
        return Told(
            state,
            verdict.level,
            words.say(f"word_{state}"),
            (Todo(words.say("todo_database")),),
            words.say(state),
            hints=(Item(words.say("database_hint")),),
            contact=contact,
            language=language,
        )
    return _Teller(facts, verdict, words, max_names, contact).told()


class _Teller:
    def __init__(self, facts: Facts, verdict: Verdict, words: Words, max_names: int, contact: str) -> None:
        self.facts, self.verdict, self.words, self.max_names, self.contact = facts, verdict, words, max_names, contact

    def told(self) -> Told:
        state, known = self.verdict.state, self.facts.known
        return Told(
            state,
            self.verdict.level,
            self.words.say(f"word_{state}"),
            self._todo(),
            self._sentence(state),
            holds=tuple(self._holds()),
            facts=tuple(self._facts()),
            noticed=tuple(Item(self.words.notice(notice)) for notice in self.facts.notices),
            hints=tuple(self._hints()),
            commands=tuple(self._commands()),
            contact=self.contact,
            language=self.words.language,
            progress=(known.here, known.listed) if known and state is State.FILLING else None,
        )

    def _at(self, moment: datetime | None) -> str:
        return self.words.at(moment, self.facts.now) if moment else ""

    @property
    def _compared(self) -> str:
        return self._at(self.facts.list_read_at or self.facts.last_good_run_at)

    @property
    def _failed_at(self) -> str:
        ended = self.facts.last_ended
        return self._at(ended.started_at if self.facts.was_cut_off else ended.finished_at or ended.started_at) if ended else ""

    # Actions

    def _todo(self) -> tuple[Todo, ...]:
        of_state = {
            State.WRONG_STORE: self._todo_wrong_store,
            State.NOT_READY: self._todo_not_ready,
            State.BUCKET_AWAY: self._todo_bucket,
            State.STALE: self._todo_stale,
            State.DAMAGED: self._todo_damaged,
            State.HELD: self._todo_held,
            State.SERVICE_SILENT: self._todo_service,
            State.FILLING: self._todo_filling,
            State.PARTIAL: self._todo_partial,
            State.RUN_FAILED: self._todo_failed,
            State.EMPTY: self._todo_empty,
        }
        found = [todo for state in self.verdict.holds if state in of_state and (todo := of_state[state]())]
        acting = tuple(dict.fromkeys(todo for todo in found if todo.acts))
        if acting or found:
            return acting or (found[0],)
        return (Todo(self.words.say("todo_nothing"), acts=False),)

    def _call(self, key: str, **values: object) -> Todo:
        return Todo(self.words.say(key, **values))

    def _nothing(self, key: str) -> Todo:
        return Todo(self.words.say(key), acts=False)

    def _next(self, does: str) -> Todo:
        """Nothing to do if the next sync is sure to come; else a person has to make sure of it."""
        if self.facts.silent_since and not self.facts.is_running:
            return self._todo_service()
        return Todo(self.words.say("todo_next", due=self._due, does=self.words.say(does)), acts=False)

    @property
    def _due(self) -> str:
        """Returns when the next sync starts, if that is known."""
        return self.words.say("due", at=self._at(self.facts.next_hourly_at)) if self.facts.service_runs else ""

    def _todo_wrong_store(self) -> Todo:
        return self._call("todo_wrong_store")

    def _todo_not_ready(self) -> Todo | None:
        if self.facts.is_running:
            return self._nothing("todo_running")
        if State.RUN_FAILED in self.verdict.holds:
            return None
        return self._next("does_begin") if self.facts.service_runs else self._call("todo_never")

    def _todo_bucket(self) -> Todo:
        trouble = self.facts.bucket.trouble
        if trouble not in {Trouble.MISSING, Trouble.NOT_PUBLIC}:
            return self._call(f"todo_bucket_{trouble}")
        return self._next("does_restore")

    def _todo_stale(self) -> Todo | None:
        facts = self.facts
        if is_of_the_future(facts):
            return self._call("todo_clock")
        if facts.is_running:
            return self._nothing("todo_running")
        if State.NOT_READY in self.verdict.holds:
            return None  # another sentence says it
        if facts.silent_since:
            return self._todo_service()
        return None if self._failed_lately and self._why_failed().startswith("ho_") else self._call("todo_stale")

    def _todo_damaged(self) -> Todo:
        facts = self.facts
        if facts.is_running:
            return self._nothing("todo_running")
        if self._none_can_be_mended:
            return self._nothing("todo_back")
        return self._next("does_mend")

    @property
    def _none_can_be_mended(self) -> bool:
        return not self.facts.vanished and len(self.facts.lost) >= self.facts.damaged

    def _todo_held(self) -> Todo:
        return self._call("todo_held", count=self.facts.held)

    def _todo_service(self) -> Todo:
        return self._call("todo_service", at=self._at(self.facts.silent_since))

    def _todo_filling(self) -> Todo:
        return self._nothing("todo_filling") if self.facts.is_running else self._next("does_go_on")

    def _todo_partial(self) -> Todo:
        if self._failed_for_good(Side.STORAGE):
            return self._call("todo_full")
        if count := self._failed_for_good(Side.EDGE):
            return self._call("todo_origin", count=count)
        if count := self._failed_for_good(Side.HEAD_OFFICE):
            return self._call("todo_their_data", count=count)
        if self.facts.is_running:
            return self._nothing("todo_running")
        if self._tried_at and not self.facts.silent_since:
            return Todo(self.words.say("todo_retry", at=self._at(self._tried_at)), acts=False)
        return self._next("does_try")

    def _failed_for_good(self, side: Side) -> int:
        """Returns the number of photos whose failure on this side needs a person."""
        policies = ((reason.policy, self.facts.reasons.get(reason, 0)) for reason in Reason)
        return sum(count for policy, count in policies if policy.side is side and policy.needs_a_person)

    @property
    def _tried_at(self) -> datetime | None:
        """Returns when failed photos are due, if the next sync retries none of them; a full sync retries all."""
        tried, due, full = self.facts.next_try_at, self.facts.next_hourly_at, self.facts.next_full_at
        if not tried or not due or self.facts.waiting or not due < tried <= self.facts.now + LONGEST_WAIT:
            return None
        return min(tried, full) if full else tried

    def _todo_failed(self) -> Todo:
        why = self._why_failed()
        if (key := _TODO_OF.get(why)) is not None:
            return self._call(key, failed_at=self._failed_at)
        if self.facts.is_running:
            return self._nothing("todo_running")
        long = {State.STALE, State.SERVICE_SILENT}.intersection(self.verdict.holds)
        long = long if State.NOT_READY not in self.verdict.holds else set()
        if why == "ho_busy" and long:
            return self._call("todo_busy_long", failed_at=self._failed_at)
        if why == "ho_away":
            return self._call("todo_internet_long") if long else self._call("todo_internet", due=self._due)
        return self._next("does_go_on" if why in {"cut_off", "run_incomplete"} else "does_try")

    def _todo_empty(self) -> Todo:
        return self._call("todo_parked" if self.facts.parked else "todo_empty")

    # The headline

    def _sentence(self, state: State) -> str:
        facts, say = self.facts, self.words.say
        match state:
            case State.NOT_READY:
                return say("first_list" if facts.is_running else "never")
            case State.STALE:
                return self._stale_since()
            case State.BUCKET_AWAY:
                return say(f"bucket_{facts.bucket.trouble}")
            case State.DAMAGED:
                return say("damaged", count=facts.damaged + facts.vanished, total=facts.photos + facts.vanished)
            case State.FILLING:
                return self._filling()
        key = self._key(state)
        count = (
            facts.held if state is State.HELD else facts.failed + facts.waiting if state is State.PARTIAL else facts.bucket.rows
        )
        return say(
            key,
            count=count,
            verified=facts.bucket.verified,
            total=facts.bucket.rows,
            replacing=facts.bucket.replacing,
            parked=facts.parked,
            at=self._compared,
            failed_at=self._failed_at,
        )

    def _key(self, state: State) -> str:
        facts = self.facts
        match state:
            case State.WELL if facts.bucket.verified < facts.bucket.rows:
                return "well_replacing"
            case State.WELL if facts.parked:
                return "well_parked"
            case State.WELL if self._took_long:
                return "well_long"
            case State.EMPTY if facts.parked:
                return "empty_parked"
            case State.HELD if facts.held_replaced == facts.held:
                return "held_replaced"
            case State.RUN_FAILED:
                return self._why_failed()
            case _:
                return state

    @property
    def _took_long(self) -> bool:
        """Tells whether head office's list was read long before the last complete run ended."""
        began, ended = self.facts.list_read_at, self.facts.last_good_run_at
        return began is not None and ended is not None and ended - began > LONG_RUN

    def _stale_since(self) -> str:
        facts = self.facts
        if facts.last_good_run_at is None:
            return self.words.say("never")
        if is_of_the_future(facts):
            return self.words.say("stale_future", at=self._at(facts.last_good_run_at))
        return self.words.say("stale", at=self._compared)

    def _filling(self) -> str:
        known = self.facts.known
        if known is None:
            return ""
        if known.eta_seconds is None:
            return self.words.say("filling", here=known.here, listed=known.listed)
        about = self.words.about(timedelta(seconds=known.eta_seconds))
        return self.words.say("filling_eta", here=known.here, listed=known.listed, about=about)

    def _why_failed(self) -> str:
        if self.facts.was_cut_off:
            return "cut_off"
        ended = self.facts.last_ended
        if ended and (key := _KEY_OF_FAULT.get(ended.fault)):
            return key
        return "run_failed" if ended and ended.outcome == "failed" else "run_incomplete"

    # Problems

    def _holds(self) -> Iterator[Item]:
        of_state = {
            State.NOT_READY: self._not_ready,
            State.STALE: self._stale,
            State.DAMAGED: self._damaged,
            State.HELD: self._held,
            State.SERVICE_SILENT: self._service_silent,
            State.FILLING: self._on_their_way,
            State.PARTIAL: self._partial,
            State.RUN_FAILED: self._run_failed,
            State.UNPROVED: self._unproved,
            State.EMPTY: self._empty,
        }
        for state in self.verdict.holds:
            level = Level.RED if state in RED else Level.BLUE if state is State.FILLING else Level.YELLOW
            if state in of_state:
                yield from of_state[state](level)
            elif state is not self.verdict.state:
                yield Item(self._sentence(state), level)

    def _not_ready(self, level: Level) -> Iterator[Item]:
        facts, say = self.facts, self.words.say
        if facts.is_running and facts.last_run:
            yield Item(say("listing_item", at=self._at(facts.last_run.started_at)), Level.BLUE)
        elif facts.last_run:
            yield Item(say("never_failed_item", count=facts.photos), level)
        else:
            yield Item(say("never_item"), level)

    def _stale(self, level: Level) -> Iterator[Item]:
        facts, say = self.facts, self.words.say
        if is_of_the_future(facts):
            yield Item(say("future_item", good=self.words.date(facts.last_good_run_at), now=self.words.date(facts.now)), level)
        elif State.NOT_READY in self.verdict.holds:
            return  # another sentence says it
        elif facts.is_running and facts.last_run:
            yield Item(say("stale_running_item", at=self._at(facts.last_run.started_at)), level)
        else:
            yield Item(say("stale_failed_item" if self._failed_lately else "stale_item"), level)

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
            yield self._listing(self.words.say("damaged_item", count=facts.damaged), sorted(names), level, total=facts.damaged)
        if facts.lost:
            yield Item(self.words.say("lost_item", count=len(facts.lost)), level)
        if facts.vanished:
            yield Item(self.words.say("vanished_item", count=facts.vanished), level)

    def _held(self, level: Level) -> Iterator[Item]:
        say, names = self.words.say, self.facts.held_names
        yield self._listing(say("held_item"), names, level, total=len(names))
        if self.facts.held_replaced:
            yield Item(say("held_replaced_item", count=self.facts.held_replaced), level)
        if self.facts.held_replaced < self.facts.held:
            yield Item(say("held_approve", grace=self._grace), level)
            yield Item(say("held_refuse"), level)
        yield Item(say("held_back"), level)

    def _service_silent(self, level: Level) -> Iterator[Item]:
        if self.verdict.state is not State.SERVICE_SILENT:  # the headline says it
            yield Item(self.words.say("service_silent_item", at=self._at(self.facts.silent_since)), level)

    @property
    def _grace(self) -> str:
        return self.words.about(self.facts.undo_for)

    def _on_their_way(self, level: Level) -> Iterator[Item]:
        facts, say = self.facts, self.words.say
        if self.verdict.state is not State.FILLING:
            yield Item(self._filling(), level)
        if facts.is_running and facts.last_run:
            yield Item(say("loading_item", at=self._at(facts.last_run.started_at)), level)
        elif facts.known:
            yield Item(say("left_item", count=facts.known.listed - facts.known.here), level)

    def _partial(self, level: Level) -> Iterator[Item]:
        say, facts = self.words.say, self.facts
        if facts.waiting:
            yield Item(say("waiting_item", count=facts.waiting), level)
        if not facts.failed:
            return
        names = facts.failed_names
        yield self._listing(say("failed_item", count=facts.failed), names, level, total=len(names))
        common = sorted(facts.reasons.items(), key=lambda entry: (-entry[1], entry[0]))[:COMMON_REASONS]
        told = ", ".join(f"{self.words.word('reason', reason)} ({self.words.number(count)})" for reason, count in common)
        yield Item(say("reasons", reasons=told), level)

    def _run_failed(self, level: Level) -> Iterator[Item]:
        if State.WRONG_STORE not in self.verdict.holds and self.verdict.state is not State.RUN_FAILED:  # the headline says it
            yield Item(self.words.say(f"{self._why_failed()}_item", failed_at=self._failed_at), level)

    def _unproved(self, level: Level) -> Iterator[Item]:
        yield Item(self.words.say("unproved_item"), level)

    def _empty(self, level: Level) -> Iterator[Item]:
        if not self.facts.parked:
            yield Item(self.words.say("empty_item"), level)
        elif self.verdict.state is not State.EMPTY:
            yield Item(self.words.say("parked_fact", count=self.facts.parked), level)

    # Facts

    def _facts(self) -> Iterator[Item]:
        facts, say, bucket = self.facts, self.words.say, self.facts.bucket
        if bucket.error is None and facts.products:
            covered = facts.products - len(facts.uncovered)
            yield Item(say("coverage_fact", count=covered, products=facts.products))
        yield from self._uncovered()
        if bucket.error is not None:
            yield Item(say("photos_unknown", total=facts.photos))
        elif facts.is_filling and not facts.damaged:
            if bucket.rows:  # its count is older than the one that is already shown
                yield Item(say("photos_so_far", at=self._at(bucket.at)))
        elif bucket.rows:
            yield Item(say("photos_fact", verified=bucket.verified, total=bucket.rows, at=self._at(bucket.at)))
        if bucket.replacing:
            yield Item(say("replacing_item" if facts.is_running else "newer_item", count=bucket.replacing))
        if facts.parked > facts.arrived:
            yield Item(say("parked_fact", count=facts.parked - facts.arrived))
        if facts.is_running and facts.last_run and not self.verdict.holds:
            yield Item(say("running_item", at=self._at(facts.last_run.started_at)))
        yield from self._last_run()
        yield from self._next_runs()

    def _next_runs(self) -> Iterator[Item]:
        facts, say = self.facts, self.words.say
        if not facts.silent_since and facts.next_hourly_at and facts.next_full_at:
            key = "next_fact" if facts.service_runs else "next_unknown"
            hourly, full = self._at(facts.next_hourly_at), self._at(facts.next_full_at)
            yield Item(say(key, hourly=hourly, full=full, zone=facts.next_full_at.tzname()))

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
        text = words.say(
            "last_run_fact",
            kind=words.word("kind", run.kind),
            outcome=words.word("outcome", outcome),
            at=self._at(run.started_at),
            took=took,
        )
        if outcome == "success" and not any(run.counts.values()):
            text += " " + words.say("last_run_nothing")
        elif run.counts:
            text += " " + words.say("last_run_counts", count=run.counts.get("seen", 0), size=words.size(run.bytes_fetched))
        yield Item(text)

    # For technicians

    def _hints(self) -> Iterator[Item]:
        facts, say = self.facts, self.words.say
        if State.WRONG_STORE in self.verdict.holds:
            yield Item(say("wrong_store_hint"))
        if facts.bucket.error is not None:
            yield Item(say(f"bucket_{facts.bucket.trouble}_hint"), detail=facts.bucket.error)
        if facts.last_run and facts.last_run.error:
            yield Item(
                say("error_hint", at=self._at(facts.last_run.finished_at or facts.last_run.started_at)),
                detail=facts.last_run.error,
            )
        seen = [self._at(sign.at) if sign else say("seen_never") for sign in (facts.worker, facts.beat)]
        yield Item(say("seen_hint", worker=seen[0], beat=seen[1]))

    def _commands(self) -> Iterator[Command]:
        facts, holds = self.facts, self.verdict.holds
        if (State.DAMAGED in holds and not self._none_can_be_mended) or State.UNPROVED in holds:
            yield self._command("etalase edge sync --full", "command_full")
        elif holds and State.WRONG_STORE not in holds and not facts.is_running:
            yield self._command("etalase edge sync", "command_sync")
        if facts.failed:
            yield self._command("etalase edge failures", "command_failures")
        if facts.held:
            yield self._command("etalase edge held", "command_held")
            yield self._command("etalase edge approve --all", "command_approve")
            yield self._command("etalase edge refuse --all", "command_refuse")

    def _command(self, line: str, key: str) -> Command:
        return Command(as_typed(line, in_project=self.facts.in_project), self.words.say(key, grace=self._grace))

    def _listing(self, text: str, names: Sequence[str], level: Level | None, *, total: int) -> Item:
        shown = tuple(names[: self.max_names])
        more = self.words.say("more", count=total - len(shown)) if total > len(shown) else ""
        return Item(text, level, shown, more)
