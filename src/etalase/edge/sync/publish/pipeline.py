"""Runs plan items in the worker pool and commits results in batches of whole products."""

import logging
import queue
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.sync import storage
from etalase.edge.sync.plan.plan import Kind, ProductPlan
from etalase.edge.sync.publish.circuit_breaker import CircuitBreaker, probe_bytes
from etalase.edge.sync.publish.put import Carried, carry
from etalase.edge.sync.result import RunResult
from etalase.edge.sync.scratch import Agenda
from etalase.edge.sync.services import Services
from etalase.errors import (
    EtalaseError,
    HeadOfficeAway,
    ObjectStoreAway,
    ObjectStoreError,
    ObjectStoreFull,
    PhotoError,
    Reason,
    ReasonClass,
    Side,
    SpoolFull,
)
from etalase.progress import Progress
from etalase.protocol import Photo, printable

logger = logging.getLogger("etalase.edge")

COMMIT_PRODUCTS, COMMIT_SECONDS = 200, 1.0
# Results of so short a time are collected together: each look takes the interpreter away from a worker.
GATHER_SECONDS = 0.01
# The number of failures in memory before they are written to the retry list.
KEEP_FAILURES = 1000
MAX_IN_HAND = 5000

TAKES_SMALLER: Final = " It takes smaller ones: a proxy before it may drop bodies of this size."


@dataclass(slots=True)
class Carriage:
    """Publishes one run's photos. ``failures`` are those that did not arrive, by photo; the run settles them at its end.

    ``given_up`` is the error of head office's bucket after which the photos in ``untried`` were not tried.
    """

    services: Services
    result: RunResult
    progress: Progress
    now: datetime
    failures: dict[UUID, tuple[Photo, PhotoError]] = field(default_factory=dict)
    given_up: HeadOfficeAway | None = None
    untried: set[UUID] = field(default_factory=set)
    _breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    _full: EtalaseError | None = None
    _bucket_is_away: bool = False
    _committed_at: float = 0.0
    _has_fetched: bool = False

    def carry_all(self, agenda: Agenda, *, gives_way: bool) -> None:
        """Publishes the agenda. ``gives_way``: ends early when a scheduled full run waits.

        Raises :class:`ObjectStoreAway`, :class:`ObjectStoreFull` or :class:`SpoolFull` where no further photo can arrive,
        :class:`OutOfTime`, and :class:`GivesWay`. The rows of all objects that were put until then are committed, also where a
        person stops the run.
        """
        done: queue.SimpleQueue[Carried] = queue.SimpleQueue()
        in_flight: dict[ProductPlan, int] = {}
        batch: list[Carried] = []
        self._committed_at = self.services.clock.monotonic()
        try:
            self._carry(agenda, in_flight, done, batch, gives_way=gives_way)
        except BaseException:
            self._drain(in_flight, done, batch)
            raise

    @property
    def awaited_products(self) -> set[UUID]:
        """Returns the products of which a photo has not arrived and is not in the retry list yet."""
        return {photo.product_id for photo, _ in self.failures.values()}

    def add_failures(self, failures: Iterable[tuple[Photo, PhotoError]]) -> None:
        """Collects photos that cannot be published, and records them once there are many."""
        self.failures.update((photo.id, (photo, error)) for photo, error in failures)
        self.keep_failures(at_least=KEEP_FAILURES)

    @property
    def maybe_stale(self) -> list[Photo]:
        """Returns the failed photos whose metadata head office may have replaced since it was pulled (hazard 20)."""
        return [photo for photo, error in self.failures.values() if error.reason.policy.may_be_stale]

    def forget_failures(self, photo_ids: Iterable[UUID]) -> None:
        """Drops the failures of photos that are tried again in this run."""
        for photo_id in photo_ids:
            del self.failures[photo_id]

    def raise_if_given_up(self) -> None:
        """Raises the error of head office's bucket where the run gave up and fetched no photo."""
        if self.given_up is not None and not self._has_fetched:
            raise self.given_up

    def keep_failures(self, *, at_least: int = 1) -> None:
        """Records failures in the retry list, once there are this many: no photo is forgotten (hazard 5).

        Those that a second look at head office's list may settle stay in memory until the run records the rest, or until there
        are too many: then the next run has the second look.
        """
        everything = at_least == 1 or len(self.failures) >= MAX_IN_HAND
        settled = {
            id_: failure for id_, failure in self.failures.items() if everything or not failure[1].reason.policy.may_be_stale
        }
        if len(settled) < at_least:
            return
        self._tell_apart(settled)
        self.result.count_failures(error.reason for _, error in settled.values())
        with translated(), transaction.atomic():
            self.services.lock.still_held()
            storage.retry_list.record_failures(settled.values(), now=self.now, untried=self.untried)
        for photo_id in settled:
            del self.failures[photo_id]
        self.untried -= settled.keys()

    def _tell_apart(self, failures: dict[UUID, tuple[Photo, PhotoError]]) -> None:
        """Makes failures at a bucket that accepts other objects the photos' own, with growing pauses (hazard 78)."""
        names = {id_: e.reason.policy.of_one_photo for id_, (_, e) in failures.items() if id_ not in self.untried}
        own = {id_: Reason[name] for id_, name in names.items() if name}
        tried = max((probe_bytes(*failures[id_]) for id_ in own), default=0)
        if not own or self._bucket_is_away:
            return
        is_of_size = not self._bucket_takes(tried)
        if is_of_size and not (tried and self._bucket_takes(0)):
            return
        for id_, reason in own.items():
            photo, error = failures[id_]
            failures[id_] = (photo, PhotoError(reason, error.detail + (TAKES_SMALLER if is_of_size else "")))

    def _bucket_takes(self, size_bytes: int) -> bool:
        """Returns whether the bucket accepts a picture of this size under another key."""
        try:
            self.services.bucket.prove_writable(size_bytes)
        except ObjectStoreError as error:
            logger.warning("the object store takes nothing: %s", error)
            return False
        return True

    def _carry(
        self,
        agenda: Agenda,
        in_flight: dict[ProductPlan, int],
        done: "queue.SimpleQueue[Carried]",
        batch: list[Carried],
        *,
        gives_way: bool,
    ) -> None:
        while agenda.peek() or in_flight:
            if self.services.time_is_up:
                raise OutOfTime
            self._submit(agenda, in_flight, done)
            self._collect(in_flight, done, batch)
            if self._is_time_to_commit(batch, last=not in_flight):
                self._commit(batch)
                self.keep_failures(at_least=KEEP_FAILURES)
                # The waiting run does this one's work too (hazard 36).
                if gives_way and self.services.lock.full_is_due():
                    raise GivesWay
            if self._full is not None:
                raise self._full
            if (last := self._breaker.tripped_by) is not None and self.given_up is None:
                agenda = self._give_up(agenda, *last)
        if self.services.time_is_up:  # what was stopped last is neither here nor noted as failed
            raise OutOfTime

    def _submit(
        self,
        agenda: Agenda,
        in_flight: dict[ProductPlan, int],
        done: "queue.SimpleQueue[Carried]",
    ) -> None:
        """Fills the window once it is half empty, within the budget of bytes in flight; commits intents first."""
        window = self.services.settings.WORKERS * 4
        if len(in_flight) > window // 2:
            return
        chosen: list[ProductPlan] = []
        budget = self.services.settings.MAX_BYTES_IN_FLIGHT - sum(in_flight.values())
        while (product := agenda.peek()) and len(in_flight) + len(chosen) < window:
            if product.bytes_in_hand > budget and (in_flight or chosen):
                break
            budget -= product.bytes_in_hand
            chosen.append(agenda.pop())
        if any(step.overwrites_live_key for product in chosen for step in product.steps):
            with translated(), transaction.atomic():
                self.services.lock.still_held()
                storage.intents.record(step for product in chosen for step in product.steps)
        for product in chosen:
            in_flight[product] = product.bytes_in_hand
            self.services.workers.submit(self._work, product, done)

    def _work(self, product: ProductPlan, done: "queue.SimpleQueue[Carried]") -> None:
        try:
            done.put(carry(product, self.services.images, self.services.bucket))
        except Exception as error:
            # An unexpected error fails these photos and no other (invariant I7). Any of their puts may have happened.
            logger.exception("carrying product %s failed", product.product_id)
            unforeseen = PhotoError(Reason.UNFORESEEN, f"{type(error).__name__}: {error}"[:500])
            keys = {step.photo.object_key or "" for step in product.steps}
            failed = [(step, unforeseen) for step in product.steps]
            done.put(Carried(product, failed=failed, unsettled_keys=keys))
        except BaseException as error:
            done.put(Carried(product, stopped_by=error))

    def _collect(self, in_flight: dict[ProductPlan, int], done: "queue.SimpleQueue[Carried]", batch: list[Carried]) -> None:
        """Takes the finished results; waits for the first one, but not past the time to commit."""
        block = True
        while in_flight:
            try:
                carried = done.get(block, COMMIT_SECONDS)
            except queue.Empty:
                return
            if block:
                self.services.clock.sleep(GATHER_SECONDS)
                block = False
            del in_flight[carried.product]
            if carried.stopped_by is not None:
                raise carried.stopped_by
            batch.append(carried)
            self._note(carried)

    def _note(self, carried: Carried) -> None:
        if self.services.stopped.is_set():
            # Our own stop is not a failure of the photo: the checkpoint stays, so the next run lists it again.
            carried.failed = [
                (step, error) for step, error in carried.failed if error.reason.policy.kind is not ReasonClass.TRANSIENT
            ]
        for step, error in carried.failed:
            self.failures[step.photo.id] = (step.photo, error)
            self._breaker.record_failure(step.photo, error)
            if error.reason.policy.is_full:
                full = ObjectStoreFull if error.reason.policy.concerns_bucket else SpoolFull
                hint = "Make room there; the next run goes on where this one stopped."
                self._full = full(f"Fetching stopped: {error.detail}", hint=hint)
        published = [step for step in carried.published if step.photo.id not in carried.keep_primary]
        if any(step.kind is not Kind.ROW for step in published):
            self._breaker.close()
        for step in published:
            if not step.demotes:
                self.failures.pop(step.photo.id, None)
        self.result.bytes_fetched = self.services.images.bytes_came
        self.progress.carried(len(carried.published), len(carried.failed))

    def _is_time_to_commit(self, batch: Sequence[Carried], *, last: bool) -> bool:
        if not batch or last:
            return bool(batch)
        late = self.services.clock.monotonic() - self._committed_at >= COMMIT_SECONDS
        return late or len(batch) >= COMMIT_PRODUCTS

    def _commit(self, batch: list[Carried]) -> None:
        """Commits rows, after their objects, and all that they settle in one transaction."""
        with translated(), transaction.atomic():
            self.services.lock.still_held()
            vanished = storage.photos.commit(batch, at=self.services.clock.utc())
            kept = [carried for carried in batch if carried not in vanished]
            storage.retry_list.resolve(
                [s.photo.id for c in kept for s in c.published if s.photo.id not in c.keep_primary and not s.demotes]
                + [photo_id for c in kept for photo_id in c.displaced]
            )
            brought = [s for c in kept for s in c.published if s.brings and s.photo.id not in c.keep_primary]
            if brought and self.result.run_id is not None:
                size_bytes = sum(step.photo.size or 0 for step in brought if step.kind is Kind.FETCH)
                storage.runs.record_published(self.result.run_id, len(brought), size_bytes)
        for carried in vanished:
            for step in carried.published:
                gone = PhotoError(Reason.PRODUCT_MISSING, f"product {step.photo.product_id} is not here")
                self.failures[step.photo.id] = (step.photo, gone)
        for carried in kept:
            self._count(carried)
        batch.clear()
        self._committed_at = self.services.clock.monotonic()

    def _count(self, carried: Carried) -> None:
        for step in carried.published:
            if step.photo.id in carried.keep_primary:
                continue
            if step.kind is Kind.ROW:
                self.result.updated += 1
            else:
                self.result.fetched += 1
                self._has_fetched = True
                self.result.healed += step.heals
        self.result.deleted += len(carried.displaced)
        for photo, served in carried.retyped:
            told = "null" if photo.content_type is None else printable(photo.content_type[:100])
            name = printable(photo.product_name or str(photo.id))
            self.result.note("retyped", field="content_type", value=told, served=served, product_name=name)

    def _give_up(self, agenda: Agenda, photo: Photo, last: PhotoError) -> Agenda:
        """Stops trying after many failures in a row; returns the rest of the agenda.

        Raises where our own bucket accepts no picture; where it accepts smaller ones, these go on. Without head office's
        bucket, products that need no download go on. Untried photos are recorded in the retry list like failed ones, so that
        photos that never arrive block nothing else.
        """
        if last.reason.policy.concerns_bucket:
            size_bytes = probe_bytes(photo, last)
            if self._bucket_takes(size_bytes):
                self._breaker.close()
                return agenda
            if size_bytes and self._bucket_takes(0):
                self._breaker.close()
                return self._put_off(agenda, last, from_bytes=size_bytes)
            self._bucket_is_away = True
            raise ObjectStoreAway(
                f"The edge's object store does not take photos: {last.detail}",
                hint="Check that it runs and has room on its disk; the next run goes on where this one stopped.",
            )
        has_answered = last.reason.policy.side is Side.HEAD_OFFICE
        self.given_up = HeadOfficeAway(
            f"Head office's bucket does not give photos: {last.detail} ({self._breaker.max_failures} in a row).",
            hint="Its bucket, or a proxy before it, is busy or has trouble; the next run tries again."
            if has_answered
            else "Check the link, and that image_url's host can be reached from here; the next run tries again.",
            has_answered=has_answered,
        )
        return self._put_off(agenda, last, from_bytes=1)

    def _put_off(self, agenda: Agenda, last: PhotoError, *, from_bytes: int) -> Agenda:
        """Records photos of at least this size in the retry list, untried; returns the products without such a download."""
        rest = Agenda()
        while agenda.peek():
            product = agenda.pop()
            if max((step.photo.size or 0 for step in product.steps if step.kind is Kind.FETCH), default=0) < from_bytes:
                rest.add([product], attempts={})
                continue
            for step in product.steps:
                self.failures[step.photo.id] = (step.photo, PhotoError(last.reason, f"not tried after: {last.detail}"))
                self.untried.add(step.photo.id)
            self.keep_failures(at_least=KEEP_FAILURES)
        return rest

    def _drain(self, in_flight: dict[ProductPlan, int], done: "queue.SimpleQueue[Carried]", batch: list[Carried]) -> None:
        """Drains in-flight work, so that every uploaded object gets its row."""
        self.services.stopped.set()
        while in_flight:
            carried = done.get()
            del in_flight[carried.product]
            batch.append(carried)
            self._note(carried)
        if batch:
            self._commit(batch)


class OutOfTime(EtalaseError):
    """The run exceeded MAX_RUN_SECONDS."""

    def __init__(self) -> None:
        super().__init__("The run's time is up.")


class GivesWay(EtalaseError):
    """This run ends early for a full run that waits."""

    def __init__(self) -> None:
        super().__init__("A full run of this store is due; this one gave way to it.")
