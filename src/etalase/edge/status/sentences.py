"""Writes the sentence of each state, and the words that advice, problems and details share. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from etalase.edge.status.localize import Words
from etalase.edge.status.snapshot import Facts
from etalase.edge.status.verdict import STALE_AFTER, Level, State, Verdict, is_of_the_future
from etalase.edge.sync.result import RunFault

# After a run of this length, the list that it compared was old when it ended.
LONG_RUN = timedelta(hours=1)
_KEY_OF_FAULT: dict[str, str] = {
    RunFault.HEAD_OFFICE_AWAY: "ho_away",
    RunFault.HEAD_OFFICE_BUSY: "ho_busy",
    RunFault.NOT_HEAD_OFFICE: "ho_elsewhere",
    RunFault.UNTRUSTED: "ho_untrusted",
    RunFault.HEAD_OFFICE: "ho_refuses",
    RunFault.HEAD_OFFICE_ODD: "ho_odd",
}


@dataclass(frozen=True, slots=True)
class StatusItem:
    """A sentence, with names below it (and how many ``more``), or the ``detail`` of an error."""

    text: str
    level: Level | None = None
    names: tuple[str, ...] = ()
    more: str = ""
    detail: str = ""


class Sentences:
    """The facts and the verdict in words, with at most ``max_names`` names in each list."""

    def __init__(self, facts: Facts, verdict: Verdict, words: Words, max_names: int) -> None:
        self.facts, self.verdict, self.words, self.max_names = facts, verdict, words, max_names

    def at(self, moment: datetime | None) -> str:
        """Returns "at 05:53" or the like; an empty text without a moment."""
        return self.words.at(moment, self.facts.now) if moment else ""

    @property
    def compared(self) -> str:
        """Returns when head office's list was last read completely."""
        return self.at(self.facts.list_read_at or self.facts.last_good_run_at)

    @property
    def failed_at(self) -> str:
        """Returns when the newest ended run failed."""
        ended = self.facts.last_ended
        return self.at(ended.started_at if self.facts.was_cut_off else ended.finished_at or ended.started_at) if ended else ""

    @property
    def grace(self) -> str:
        """Returns how long a removed photo can be restored."""
        return self.words.about(self.facts.undo_for)

    def sentence(self, state: State) -> str:
        """Returns the sentence of a state."""
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
                return self.filling()
        key = self._key(state)
        counts = {
            State.HELD: facts.held,
            State.PARTIAL: facts.failed + facts.waiting,
            State.SMALL_PICTURES: facts.small.damaged,
        }
        count = counts.get(state, facts.bucket.rows)
        return say(
            key,
            count=count,
            verified=facts.bucket.verified,
            total=facts.bucket.rows,
            replacing=facts.bucket.replacing,
            parked=facts.parked,
            at=self.compared,
            failed_at=self.failed_at,
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
            case State.HELD if len(facts.held_blocked) == facts.held:
                return "held_blocked"
            case State.HELD if facts.held_replaced == facts.held:
                return "held_replaced"
            case State.RUN_FAILED:
                return self.why_failed()
            case _:
                return state

    @property
    def _took_long(self) -> bool:
        """Returns whether head office's list was read long before the last complete run ended."""
        began, ended = self.facts.list_read_at, self.facts.last_good_run_at
        return began is not None and ended is not None and ended - began > LONG_RUN

    def _stale_since(self) -> str:
        facts = self.facts
        if facts.last_good_run_at is None:
            return self.words.say("never")
        if is_of_the_future(facts):
            return self.words.say("stale_future", at=self.at(facts.last_good_run_at))
        return self.words.say("stale", at=self.compared)

    def filling(self) -> str:
        """Returns the progress of the first load, with an estimate if there is one."""
        known = self.facts.known
        if known is None:
            return ""
        if known.eta_seconds is None:
            return self.words.say("filling", here=known.here, listed=known.listed)
        about = self.words.about(timedelta(seconds=known.eta_seconds))
        return self.words.say("filling_eta", here=known.here, listed=known.listed, about=about)

    def why_failed(self) -> str:
        """Returns the key of the text for the failure of the newest ended run."""
        if self.facts.was_cut_off:
            return "cut_off"
        ended = self.facts.last_ended
        if ended and (key := _KEY_OF_FAULT.get(ended.fault)):
            return key
        return "run_failed" if ended and ended.outcome == "failed" else "run_incomplete"

    @property
    def failed_lately(self) -> bool:
        """Returns whether the newest ended run did not complete, and is not stale itself."""
        ended = self.facts.last_ended
        return self.facts.last_run_failed and ended is not None and self.facts.now - ended.started_at <= STALE_AFTER

    @property
    def is_none_repairable(self) -> bool:
        """Returns whether head office lists none of the damaged photos, so that no run can repair one."""
        return not self.facts.vanished and len(self.facts.lost) >= self.facts.damaged

    def listing(self, text: str, names: Sequence[str], level: Level | None, *, total: int) -> StatusItem:
        """Returns ``text`` with the first names below it, of ``total``."""
        shown = tuple(names[: self.max_names])
        more = self.words.say("more", count=total - len(shown)) if total > len(shown) else ""
        return StatusItem(text, level, shown, more)
