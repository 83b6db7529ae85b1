"""Adopts an edge: checks preconditions, compares, asks for decisions, foresees the first run, and then records.

Everything is looked at over shadows of our tables, in a session that can write nothing else. What a person wants to be recorded
is written afterwards, in one transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import transaction

from etalase.edge.adoption.clashes import find_clashes
from etalase.edge.adoption.comparison import Contents, compare, compare_list
from etalase.edge.adoption.decisions import STATE_OF, Choice, Code, OpenRow, chosen, objects_of, open_decisions, rows_of
from etalase.edge.adoption.facts import read_facts
from etalase.edge.adoption.ownership import is_open
from etalase.edge.adoption.preconditions import DatabaseFacts, can_be_compared, judge_database
from etalase.edge.adoption.report import Adoption, Precondition
from etalase.edge.adoption.shadow import is_table, shadow_tables
from etalase.edge.database import translated
from etalase.edge.models import Checkpoint, OwnObject, OwnPhoto, OwnState
from etalase.edge.project_checks import blocking_problems
from etalase.edge.sync import storage
from etalase.edge.sync.bucket_audit import BucketAudit
from etalase.edge.sync.feed.pull import Feed, pull
from etalase.edge.sync.forecast import forecast
from etalase.edge.sync.result import RunKind, RunResult
from etalase.edge.sync.run import begin
from etalase.edge.sync.services import Services
from etalase.errors import DatabaseAway, HeadOfficeError, ObjectMissing, ObjectStoreError
from etalase.objectstore.bucket_policy import change_of
from etalase.own_bucket import own_bucket
from etalase.progress import Progress
from etalase.protocol import KEY_PREFIX

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wish:
    """A person's request: to look, to record choices (``decides``), or to adopt (``applies``).

    ``earlier``: the choices of an earlier adoption, by photo id or object key.
    """

    applies: bool = False
    decides: bool = False
    of_id: Mapping[str, Choice] = field(default_factory=dict)
    of_code: Mapping[Code, Choice] = field(default_factory=dict)
    earlier: Mapping[str, Choice] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        """Returns whether anything is recorded."""
        return self.applies or self.decides


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings to record: photos and objects of the store's own, and the state that a choice gives to each."""

    photos: Sequence[OwnPhoto] = ()
    objects: Sequence[OwnObject] = ()
    photo_states: Mapping[UUID, OwnState] = field(default_factory=dict)
    object_states: Mapping[str, OwnState] = field(default_factory=dict)


def adopt(services: Services, wish: Wish, progress: Progress) -> Adoption:
    """Looks at the edge, and records what ``wish`` says, if every precondition holds.

    Raises :class:`UsageError` for a choice about a decision that is not open, :class:`LockHeld` during a run, and
    :class:`DatabaseAway` where the database goes away meanwhile.
    """
    report = Adoption()
    facts: DatabaseFacts | None = None
    try:
        with translated():
            facts = read_facts(services.products)
    except DatabaseAway as error:
        report.preconditions.append(Precondition("database", ok=False, detail=error.message, hint=error.hint))
    else:
        report.preconditions += judge_database(facts, applies=wish.writes)
    problems = blocking_problems()
    report.preconditions.append(
        Precondition("project", ok=not problems, detail=" ".join(problems) or "Nothing around the edge is in the way.")
    )
    report.preconditions.append(_look_at_bucket(services, report))
    report.clashes += find_clashes()
    if facts is None or problems or not can_be_compared(facts):
        return report
    with translated(), services.lock.held(full=False, wait_seconds=0.0):
        is_adopted = is_table("etalase_checkpoint") and Checkpoint.objects.exists()
        findings = Findings()
        try:
            with _without_writing(services, is_adopted=is_adopted) as given:
                findings = _look(given, report, wish, progress, is_adopted=is_adopted)
        except ObjectStoreError as error:
            report.preconditions.append(Precondition("bucket_contents", ok=False, detail=error.message, hint=error.hint))
        if wish.writes and report.is_possible:
            _write(services, findings, wish)
            report.applied = wish.applies
    return report


@contextmanager
def _without_writing(services: Services, *, is_adopted: bool) -> Iterator[Services]:
    if is_adopted:
        with services.read_only() as given:
            yield given
    else:
        with shadow_tables(), services.read_only() as given:
            given.store.adopt()  # in the shadow, where the tokens of head office stay between two requests
            yield given


def _look_at_bucket(services: Services, report: Adoption) -> Precondition:
    """Reads how the bucket's policy will change. Returns whether the bucket answers."""
    bucket = own_bucket(services.settings)
    try:
        some = next(bucket.list(KEY_PREFIX), None)
        body = bucket.policy()
        is_enough = body is None and some is not None and bucket.is_public(some.key)
    except ObjectMissing:
        report.policy = change_of(b"", bucket.bucket)
        return Precondition("bucket", ok=True, detail="There is no bucket yet; the first run makes it.")
    except ObjectStoreError as error:
        return Precondition("bucket", ok=False, detail=error.message, hint=error.hint)
    try:
        report.policy = None if is_enough else change_of(body or b"", bucket.bucket, replace=bucket.replaces_policy)
    except ValueError:
        report.policy = change_of(b"", bucket.bucket)
    return Precondition("bucket", ok=True, detail=f"The bucket {bucket.bucket} answers.")


def _look(services: Services, report: Adoption, wish: Wish, progress: Progress, *, is_adopted: bool) -> Findings:
    """Compares the contents and foresees the first run. Without head office or bucket, finds nothing."""
    try:
        feed = pull(services.head_office, None, pulled=progress.pulled)
        feed.raise_if_incomplete()
    except HeadOfficeError as error:
        report.preconditions.append(Precondition("head_office", ok=False, detail=error.message, hint=error.hint))
        return Findings()
    report.preconditions.append(_describe(feed))
    if not report.is_reachable:
        return Findings()
    now = services.clock.utc()
    audit = BucketAudit(services.bucket, services.workers, now.date(), None, services.settings.DEEP_VERIFY_DAYS)
    contents = compare(services, audit, feed)
    report.rows, report.bucket = contents.rows, contents.bucket
    # Nobody's mess is in an edge that never had a row; and an adopted one has its records.
    is_filled = bool(contents.rows["total"]) and not is_adopted
    findings = _decide(contents if is_filled else Contents(), report, wish)
    if not is_adopted:
        _record(findings, at=now)
    compare_list(services, audit, feed, contents)
    _foresee(services, report, audit, feed, progress)
    return findings


def _describe(feed: Feed) -> Precondition:
    proof = "" if feed.proved_complete else ", in a list that is not proved complete: no photo is removed because of it"
    return Precondition("head_office", ok=True, detail=f"Head office lists {len(feed.photos)} photos{proof}.")


def _decide(contents: Contents, report: Adoption, wish: Wish) -> Findings:
    """Reports the open decisions, and returns the findings with the chosen states. Raises :class:`UsageError`."""
    photos = {photo.photo_id: photo for photo in contents.photos} | {p.photo_id: p for p in storage.own_photos.every()}
    objects = {one.object_key: one for one in contents.objects} | {one.object_key: one for one in storage.own_objects.every()}
    rows = [
        OpenRow(p.photo_id, p.product_id, p.product_name, p.what, (p.row or {}).get("object_key") or "")
        for p in photos.values()
        if is_open(p) and str(p.photo_id) not in wish.earlier
    ]
    keys = [key for key, one in objects.items() if is_open(one) and key not in wish.earlier]
    before = {name: OwnState(STATE_OF[choice]) for name, choice in wish.earlier.items()}
    decisions = open_decisions(rows, keys)
    choices = chosen(decisions, wish.of_id, wish.of_code)
    report.decisions += [decision for decision in decisions if decision.id not in choices]
    states = {id_: OwnState(STATE_OF[choice]) for id_, choice in choices.items()}
    return Findings(
        contents.photos,
        contents.objects,
        {id_: before[str(id_)] for id_, p in photos.items() if is_open(p) and str(id_) in before}
        | {photo_id: state for id_, state in states.items() for photo_id in rows_of(id_, rows)},
        {key: before[key] for key, one in objects.items() if is_open(one) and key in before}
        | {key: state for id_, state in states.items() for key in objects_of(id_, keys)},
    )


def _record(findings: Findings, *, at: datetime) -> None:
    storage.own_photos.record(findings.photos)
    storage.own_objects.record(findings.objects)
    for state in OwnState:
        storage.own_photos.decide(_with(findings.photo_states, state), state, at=at)
        storage.own_objects.decide(_with(findings.object_states, state), state, at=at)


def _with(states: Mapping[T, OwnState], wanted: OwnState) -> list[T]:
    return [one for one, state in states.items() if state is wanted]


def _foresee(services: Services, report: Adoption, audit: BucketAudit, feed: Feed, progress: Progress) -> None:
    """Plans the first run by its own code; list and objects have been read already."""
    result = RunResult(kind=RunKind.FULL, dry_run=True)
    run = begin(services, result, services.store.adopt(), progress, full=True, by_hand=True, deep=False)
    run.audit = audit
    forecast(run, feed)
    foretold = result.forecast or {}
    report.first_run = foretold["counts"]
    if foretold["not_tried"]:
        report.preconditions.append(
            Precondition(
                "first_run",
                ok=True,
                detail=f"Some rows could not be tried against the rules of product_photo: {foretold['not_tried']}",
                hint="The counts assume that no rule refuses them; look again while no other program writes to the table.",
            )
        )


def _write(services: Services, findings: Findings, wish: Wish) -> None:
    """Records the findings, or only those that a choice concerns; an adoption also claims the checkpoint."""
    photos = [p for p in findings.photos if wish.applies or p.photo_id in findings.photo_states]
    objects = [one for one in findings.objects if wish.applies or one.object_key in findings.object_states]
    now = services.clock.utc()
    with transaction.atomic():
        services.lock.still_held()
        _record(Findings(photos, objects, findings.photo_states, findings.object_states), at=now)
        if wish.applies:
            services.store.adopt()
