"""Writes what is true beside the problems, and the hints and commands for technicians. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from etalase.edge.command_names import as_typed
from etalase.edge.status.sentences import Sentences, StatusItem
from etalase.edge.status.snapshot import Trouble, Uncovered, Why
from etalase.edge.status.verdict import State


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command to type, and its effect."""

    line: str
    does: str


class Details(Sentences):
    """Coverage, photos, runs; errors, heartbeats and commands."""

    def items(self) -> Iterator[StatusItem]:
        """Yields coverage, photos, parked photos, small pictures, and the last and the next runs."""
        facts, say, bucket = self.facts, self.words.say, self.facts.bucket
        if bucket.error is None and facts.products:
            covered = facts.products - len(facts.uncovered)
            yield StatusItem(say("coverage_fact", count=covered, products=facts.products))
        yield from self._uncovered()
        if bucket.error is not None:
            key = "photos_not_public" if bucket.trouble is Trouble.NOT_PUBLIC else "photos_unknown"
            yield StatusItem(say(key, total=facts.photos))
        elif facts.is_filling and not facts.damaged:
            if bucket.rows:  # its count is older than the one that is already shown
                yield StatusItem(say("photos_so_far", at=self.at(bucket.at)))
        elif bucket.rows:
            yield StatusItem(say("photos_fact", verified=bucket.verified, total=bucket.rows, at=self.at(bucket.at)))
        if bucket.replacing:
            yield StatusItem(say("replacing_item" if facts.is_running else "newer_item", count=bucket.replacing))
        yield from self._own()
        if facts.parked > facts.arrived:
            yield StatusItem(say("parked_fact", count=facts.parked - facts.arrived))
        yield from self._small_pictures()
        if facts.is_running and facts.last_run and not self.verdict.holds:
            yield StatusItem(say("running_item", at=self.at(facts.last_run.started_at)))
        yield from self._last_run()
        yield from self._last_order()
        yield from self._next_runs()

    def _last_order(self) -> Iterator[StatusItem]:
        if (order := self.facts.last_order) is not None:
            words, at = self.words, self.at(order.at)
            kind, outcome = words.word("order", order.kind), words.word("ordered", order.outcome or "waits")
            yield StatusItem(words.say("order_fact", kind=kind, by=order.by, at=at, outcome=outcome), detail=order.why)

    def _small_pictures(self) -> Iterator[StatusItem]:
        small, say = self.facts.small, self.words.say
        if small.waiting:
            yield StatusItem(say("small_pictures_fact", count=small.waiting, total=small.listed))
        if small.unmade:
            yield StatusItem(say("small_pictures_unmade", count=small.unmade))

    def _own(self) -> Iterator[StatusItem]:
        own, say = self.facts.own, self.words.say
        if own.photos:
            yield StatusItem(say("own_damaged_fact" if own.damaged else "own_fact", count=own.photos, damaged=own.damaged))
        if own.open or own.open_objects:
            yield StatusItem(say("own_open_fact"))

    def _next_runs(self) -> Iterator[StatusItem]:
        facts, say = self.facts, self.words.say
        if not facts.silent_since and facts.next_hourly_at and facts.next_full_at:
            key = "next_fact" if facts.service_runs else "next_unknown"
            hourly, full = self.at(facts.next_hourly_at), self.at(facts.next_full_at)
            yield StatusItem(say(key, hourly=hourly, full=full, zone=facts.next_full_at.tzname()))

    def _uncovered(self) -> Iterator[StatusItem]:
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
                yield self.listing(self.words.say(key, count=len(names)), names, None, total=len(names))

    def _named(self, entry: Uncovered) -> str:
        if entry.reason is None:
            return entry.product_name
        prefix = "damage" if entry.why is Why.DAMAGED else "reason"
        return f"{entry.product_name} ({self.words.word(prefix, entry.reason)})"

    def _last_run(self) -> Iterator[StatusItem]:
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
            at=self.at(run.started_at),
            took=took,
        )
        if outcome == "success" and not any(run.counts.values()):
            text += " " + words.say("last_run_nothing")
        elif run.counts:
            text += " " + words.say("last_run_counts", count=run.counts.get("seen", 0), size=words.size(run.bytes_fetched))
        healed = {name: run.counts.get(name, 0) for name in ("healed", "renditions_healed")}
        text += "".join(f" {words.say(f'last_run_{name}', count=count)}" for name, count in healed.items() if count)
        yield StatusItem(text)

    def hints(self) -> Iterator[StatusItem]:
        """Yields settings to check, errors, and the last heartbeats."""
        facts, say = self.facts, self.words.say
        if State.WRONG_STORE in self.verdict.holds:
            yield StatusItem(say("wrong_store_hint"))
        if State.NOT_ADOPTED in self.verdict.holds:
            yield StatusItem(say("not_adopted_hint"))
        if facts.bucket.error is not None:
            yield StatusItem(say(f"bucket_{facts.bucket.trouble}_hint"), detail=facts.bucket.error)
        if facts.last_run and facts.last_run.error:
            yield StatusItem(
                say("error_hint", at=self.at(facts.last_run.finished_at or facts.last_run.started_at)),
                detail=facts.last_run.error,
            )
        seen = [self.at(sign.at) if sign else say("seen_never") for sign in (facts.worker, facts.beat)]
        yield StatusItem(say("seen_hint", worker=seen[0], beat=seen[1]))

    def commands(self) -> Iterator[CommandLine]:
        """Yields the commands that fit the problems."""
        facts, holds = self.facts, self.verdict.holds
        if State.NOT_ADOPTED in holds:
            yield self._command("etalase edge adopt --dry-run", "command_adopt_look")
            yield self._command("etalase edge adopt --apply", "command_adopt")
            return
        if (State.DAMAGED in holds and not self.is_none_repairable) or State.UNPROVED in holds:
            yield self._command("etalase edge sync --full", "command_full")
        elif holds and State.WRONG_STORE not in holds and not facts.is_running:
            yield self._command("etalase edge sync", "command_sync")
        if facts.failed:
            yield self._command("etalase edge failures", "command_failures")
        if facts.own.open or facts.own.open_objects:
            yield self._command("etalase edge own list", "command_own")
        if facts.held:
            yield self._command("etalase edge held", "command_held")
            if len(facts.held_blocked) < facts.held:  # an approval does not help against a rule of the database
                yield self._command("etalase edge approve --all", "command_approve")
            yield self._command("etalase edge refuse --all", "command_refuse")

    def _command(self, line: str, key: str) -> CommandLine:
        return CommandLine(as_typed(line, in_project=self.facts.in_project), self.words.say(key, grace=self.grace))
