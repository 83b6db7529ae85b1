"""Writes the problems, worst first. Pure."""

from collections.abc import Iterator

from etalase.edge.status.sentences import Sentences, StatusItem
from etalase.edge.status.verdict import RED, Level, State, is_of_the_future

COMMON_REASONS = 3


class Problems(Sentences):
    """The problems that the verdict names."""

    def items(self) -> Iterator[StatusItem]:
        """Yields the sentences of each problem."""
        of_state = {
            State.NOT_READY: self._not_ready,
            State.STALE: self._stale,
            State.DAMAGED: self._damaged,
            State.HELD: self._held,
            State.SERVICE_SILENT: self._service_silent,
            State.FILLING: self._on_their_way,
            State.PARTIAL: self._partial,
            State.SMALL_PICTURES: self._small_pictures,
            State.RUN_FAILED: self._run_failed,
            State.UNPROVED: self._unproved,
            State.EMPTY: self._empty,
        }
        for state in self.verdict.holds:
            level = Level.RED if state in RED else Level.BLUE if state is State.FILLING else Level.YELLOW
            if state in of_state:
                yield from of_state[state](level)
            elif state is not self.verdict.state:
                yield StatusItem(self.sentence(state), level)

    def _not_ready(self, level: Level) -> Iterator[StatusItem]:
        facts, say = self.facts, self.words.say
        if facts.is_running and facts.last_run:
            yield StatusItem(say("listing_item", at=self.at(facts.last_run.started_at)), Level.BLUE)
        elif facts.last_run:
            yield StatusItem(say("never_failed_item", count=facts.photos), level)
        else:
            yield StatusItem(say("never_item"), level)

    def _stale(self, level: Level) -> Iterator[StatusItem]:
        facts, say = self.facts, self.words.say
        if is_of_the_future(facts):
            yield StatusItem(
                say("future_item", good=self.words.date(facts.last_good_run_at), now=self.words.date(facts.now)), level
            )
        elif State.NOT_READY in self.verdict.holds:
            return  # another sentence covers it
        elif facts.is_running and facts.last_run:
            yield StatusItem(say("stale_running_item", at=self.at(facts.last_run.started_at)), level)
        else:
            yield StatusItem(say("stale_failed_item" if self.failed_lately else "stale_item"), level)

    def _damaged(self, level: Level) -> Iterator[StatusItem]:
        facts = self.facts
        if facts.damaged:
            names = [
                f"{facts.damaged_names.get(photo.photo_id) or photo.product_id} ({self.words.word('damage', photo.kind)})"
                for photo in facts.bucket.photos
            ]
            yield self.listing(self.words.say("damaged_item", count=facts.damaged), sorted(names), level, total=facts.damaged)
        if facts.lost:
            yield StatusItem(self.words.say("lost_item", count=len(facts.lost)), level)
        if facts.vanished:
            yield StatusItem(self.words.say("vanished_item", count=facts.vanished), level)

    def _held(self, level: Level) -> Iterator[StatusItem]:
        say, names = self.words.say, self.facts.held_names
        blocked = self.facts.held_blocked
        if len(blocked) < self.facts.held:
            yield self.listing(say("held_item"), names, level, total=len(names))
        if self.facts.held_replaced:
            yield StatusItem(say("held_replaced_item", count=self.facts.held_replaced), level)
        if blocked:
            rules = [f"{name} ({rule})" for name, rule in blocked]
            yield self.listing(say("held_blocked_item", count=len(blocked)), rules, level, total=len(blocked))
        if self.facts.held_replaced + len(blocked) < self.facts.held:
            yield StatusItem(say("held_approve", grace=self.grace), level)
            yield StatusItem(say("held_refuse"), level)
        yield StatusItem(say("held_back"), level)

    def _service_silent(self, level: Level) -> Iterator[StatusItem]:
        if self.verdict.state is not State.SERVICE_SILENT:  # the headline covers it
            yield StatusItem(self.words.say("service_silent_item", at=self.at(self.facts.silent_since)), level)

    def _on_their_way(self, level: Level) -> Iterator[StatusItem]:
        facts, say = self.facts, self.words.say
        if self.verdict.state is not State.FILLING:
            yield StatusItem(self.filling(), level)
        if facts.is_running and facts.last_run:
            yield StatusItem(say("loading_item", at=self.at(facts.last_run.started_at)), level)
        elif facts.known:
            yield StatusItem(say("left_item", count=facts.known.listed - facts.known.here), level)

    def _partial(self, level: Level) -> Iterator[StatusItem]:
        say, facts = self.words.say, self.facts
        if facts.waiting:
            yield StatusItem(say("waiting_item", count=facts.waiting), level)
        if not facts.failed:
            return
        names = facts.failed_names
        yield self.listing(say("failed_item", count=facts.failed), names, level, total=len(names))
        common = sorted(facts.reasons.items(), key=lambda entry: (-entry[1], entry[0]))[:COMMON_REASONS]
        reasons = ", ".join(f"{self.words.word('reason', reason)} ({self.words.number(count)})" for reason, count in common)
        yield StatusItem(say("reasons", reasons=reasons), level)

    def _small_pictures(self, level: Level) -> Iterator[StatusItem]:
        small = self.facts.small
        names = [
            f"{one.product_name or one.photo_id} ({self.words.word('damage', one.kind)})" for one in small.damaged_pictures
        ]
        text = self.words.say("small_pictures_item", count=small.damaged)
        yield self.listing(text, sorted(names), level, total=small.damaged)

    def _run_failed(self, level: Level) -> Iterator[StatusItem]:
        if State.WRONG_STORE not in self.verdict.holds and self.verdict.state is not State.RUN_FAILED:  # the headline covers it
            yield StatusItem(self.words.say(f"{self.why_failed()}_item", failed_at=self.failed_at), level)

    def _unproved(self, level: Level) -> Iterator[StatusItem]:
        yield StatusItem(self.words.say("unproved_item"), level)

    def _empty(self, level: Level) -> Iterator[StatusItem]:
        if not self.facts.parked:
            yield StatusItem(self.words.say("empty_item"), level)
        elif self.verdict.state is not State.EMPTY:
            yield StatusItem(self.words.say("parked_fact", count=self.facts.parked), level)
