"""Writes the actions of a person in the store. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from etalase.edge.status.sentences import Sentences
from etalase.edge.status.snapshot import Trouble
from etalase.edge.status.verdict import State, is_of_the_future
from etalase.edge.sync.result import RunFault
from etalase.errors import Reason, Side

# A retry further ahead was scheduled by a wrong clock: the next sync makes it.
LONGEST_WAIT = timedelta(hours=24)
_TODO_OF = {
    "ho_refuses": "todo_refused",
    "ho_odd": "todo_odd",
    "ho_elsewhere": "todo_elsewhere",
    "ho_untrusted": "todo_untrusted",
}


@dataclass(frozen=True, slots=True)
class Todo:
    """The action of a person in the store. ``acts`` is False where there is nothing to do."""

    text: str
    acts: bool = True


class Advice(Sentences):
    """The actions, most urgent first."""

    def todo(self) -> tuple[Todo, ...]:
        """Returns the actions, or one sentence that there is nothing to do."""
        of_state = {
            State.WRONG_STORE: self._todo_wrong_store,
            State.NOT_ADOPTED: lambda: self._call("todo_not_adopted"),
            State.NOT_READY: self._todo_not_ready,
            State.BUCKET_AWAY: self._todo_bucket,
            State.STALE: self._todo_stale,
            State.DAMAGED: self._todo_damaged,
            State.HELD: self._todo_held,
            State.SERVICE_SILENT: self._todo_service,
            State.FILLING: self._todo_filling,
            State.PARTIAL: self._todo_partial,
            State.SMALL_PICTURES: self._todo_small_pictures,
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
        """Returns nothing to do if the next sync will start; otherwise a person has to start the service."""
        if self.facts.silent_since and not self.facts.is_running:
            return self._todo_service()
        return Todo(self.words.say("todo_next", due=self._due, does=self.words.say(does)), acts=False)

    @property
    def _due(self) -> str:
        """Returns when the next sync starts, if that is known."""
        return self.words.say("due", at=self.at(self.facts.next_hourly_at)) if self.facts.service_runs else ""

    def _todo_wrong_store(self) -> Todo:
        return self._call("todo_wrong_store")

    def _todo_not_ready(self) -> Todo | None:
        if self.facts.is_running:
            return self._nothing("todo_running")
        if State.RUN_FAILED in self.verdict.holds:
            return None
        return self._next("does_begin") if self.facts.service_runs else self._call("todo_never")

    def _todo_bucket(self) -> Todo:
        trouble, ended = self.facts.bucket.trouble, self.facts.last_ended
        # Each run sets the policy first: one that failed for a reason of its own here may not be allowed to.
        failed_here = self.facts.last_run_failed and ended is not None and ended.fault == RunFault.HERE
        if trouble is Trouble.MISSING or (trouble is Trouble.NOT_PUBLIC and not failed_here):
            return self._next("does_restore")
        return self._call(f"todo_bucket_{trouble}")

    def _todo_stale(self) -> Todo | None:
        facts = self.facts
        if is_of_the_future(facts):
            return self._call("todo_clock")
        if facts.is_running:
            return self._nothing("todo_running")
        if State.NOT_READY in self.verdict.holds:
            return None  # another sentence covers it
        if facts.silent_since:
            return self._todo_service()
        return None if self.failed_lately and self.why_failed().startswith("ho_") else self._call("todo_stale")

    def _todo_damaged(self) -> Todo:
        facts = self.facts
        if facts.is_running:
            return self._nothing("todo_running")
        if self.is_none_repairable:
            return self._nothing("todo_back")
        return self._next("does_mend")

    def _todo_held(self) -> Todo:
        blocked = len(self.facts.held_blocked)
        if blocked >= self.facts.held:
            return self._call("todo_blocked", count=blocked)
        return self._call("todo_held", count=self.facts.held - blocked)

    def _todo_service(self) -> Todo:
        return self._call("todo_service", at=self.at(self.facts.silent_since))

    def _todo_filling(self) -> Todo:
        return self._nothing("todo_filling") if self.facts.is_running else self._next("does_go_on")

    def _todo_partial(self) -> Todo:
        if self._failed_for_good(Side.STORAGE):
            return self._call("todo_full")
        if count := self.facts.reasons.get(Reason.ROW_REFUSED, 0):
            return self._call("todo_row_refused", count=count)
        if count := self.facts.reasons.get(Reason.KEY_IS_OWN, 0):
            return self._call("todo_key_is_own", count=count)
        if count := self._failed_for_good(Side.EDGE):
            return self._call("todo_origin", count=count)
        if count := self._failed_for_good(Side.HEAD_OFFICE):
            return self._call("todo_their_data", count=count)
        if self.facts.is_running:
            return self._nothing("todo_running")
        if self._tried_at and not self.facts.silent_since:
            return Todo(self.words.say("todo_retry", at=self.at(self._tried_at)), acts=False)
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

    def _todo_small_pictures(self) -> Todo:
        return self._nothing("todo_running") if self.facts.is_running else self._next("does_mend_small")

    def _todo_failed(self) -> Todo:
        why = self.why_failed()
        if (key := _TODO_OF.get(why)) is not None:
            return self._call(key, failed_at=self.failed_at)
        if self.facts.is_running:
            return self._nothing("todo_running")
        long = {State.STALE, State.SERVICE_SILENT}.intersection(self.verdict.holds)
        long = long if State.NOT_READY not in self.verdict.holds else set()
        if why == "ho_busy" and long:
            return self._call("todo_busy_long", failed_at=self.failed_at)
        if why == "ho_away":
            return self._call("todo_internet_long") if long else self._call("todo_internet", due=self._due)
        return self._next("does_go_on" if why in {"cut_off", "run_incomplete"} else "does_try")

    def _todo_empty(self) -> Todo:
        return self._call("todo_parked" if self.facts.parked else "todo_empty")
