"""Runs plan items in the worker pool and commits results in batches of whole products."""

import logging
import queue
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

from django.db import transaction

from etalase.edge.database import translated
from etalase.edge.sync import storage
from etalase.edge.sync.download.concurrency import START
from etalase.edge.sync.download.head_start import HeadStart
from etalase.edge.sync.plan.model import Kind, ProductPlan, Step
from etalase.edge.sync.product_result import ProductResult
from etalase.edge.sync.publish.circuit_breaker import CircuitBreaker, probe_bytes
from etalase.edge.sync.publish.failures import Failures
from etalase.edge.sync.publish.put import put_product
from etalase.edge.sync.removals import record_replaced
from etalase.edge.sync.result import RunResult
from etalase.edge.sync.scratch import Agenda
from etalase.edge.sync.services import Services
from etalase.edge.sync.storage.photo_trials import Written
from etalase.edge.sync.storage.product_groups import OF_UNIQUE
from etalase.errors import (
    DatabaseBusy,
    EtalaseError,
    HeadOfficeAway,
    ObjectStoreAway,
    ObjectStoreFull,
    PhotoError,
    Reason,
    ReasonClass,
    RowRefused,
    RowWaits,
    Side,
    SpoolFull,
)
from etalase.progress import Progress
from etalase.protocol import Photo, printable

logger = logging.getLogger("etalase.edge")

COMMIT_PRODUCTS: Final = 200
COMMIT_SECONDS: Final = 1.0
# The most photos of one transaction that are published together.
MAX_TOGETHER: Final = 2000
# Results of so short a time are collected together: each look takes the interpreter away from a worker.
GATHER_SECONDS: Final = 0.01


class EndsEarly(Exception):
    """Ends the run before its work is done, without an error: the next run does the rest."""


@dataclass(slots=True)
class Publisher:
    """Publishes one run's photos, and adds those that it cannot publish to ``failures``."""

    services: Services
    result: RunResult
    progress: Progress
    failures: Failures
    head_start: HeadStart[Photo]
    _in_flight: dict[ProductPlan, int] = field(default_factory=dict)
    _done: "queue.SimpleQueue[ProductResult]" = field(default_factory=queue.SimpleQueue)
    _batch: list[ProductResult] = field(default_factory=list)
    _run_id: int = 0
    _committed_at: float = 0.0
    _breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    # The error of head office's bucket after which photos were not tried.
    _given_up: HeadOfficeAway | None = None
    _has_fetched: bool = False
    # Photos that a unique rule refuses: tried again together, because they may exchange values.
    crowded: set[UUID] = field(default_factory=set)
    # Why photos could not leave the keys that others get.
    keys_not_left: dict[str, PhotoError] = field(default_factory=dict)
    _is_together: bool = False

    def publish(self, agenda: Agenda, *, run_id: int, gives_way: bool, together: bool = False) -> None:
        """Publishes the agenda of run ``run_id``. ``gives_way``: ends early when a scheduled full run waits.

        ``together``: tries all rows in one transaction and commits them in one, so that they may exchange unique values and
        products; a very long agenda goes in batches all the same.

        Raises :class:`ObjectStoreAway`, :class:`ObjectStoreFull` or :class:`SpoolFull` where no further photo can arrive, and
        :class:`EndsEarly`. The rows of all objects that were put until then are committed, also where a person stops the run.
        """
        self._run_id, self._committed_at = run_id, self.services.clock.monotonic()
        self._is_together = together
        try:
            if together and agenda.photos <= MAX_TOGETHER:
                agenda = self._accepted_of(agenda)
            self._publish(agenda, gives_way=gives_way)
        except BaseException:
            self._drain()
            raise

    def raise_if_given_up(self) -> None:
        """Raises the error of head office's bucket where the run gave up and fetched no photo."""
        if self._given_up is not None and not self._has_fetched:
            raise self._given_up

    def _publish(self, agenda: Agenda, *, gives_way: bool) -> None:
        while agenda.peek() or self._in_flight:
            self._end_at_time_limit()
            self._submit(agenda)
            full = self._collect()
            if self._is_time_to_commit(agenda):
                self._commit()
                self.failures.record_many()
                # The full run does the rest of this run's work, too (hazard 36).
                if gives_way and self.services.lock.full_is_due():
                    raise EndsEarly("A scheduled full sync is waiting; this run stops so that it can start.")
            if full is not None:
                raise full
            if (last := self._breaker.tripped_by) is not None and self._given_up is None:
                agenda = self._give_up(agenda, *last)
        self._end_at_time_limit()  # photos whose transfers were stopped last are neither published nor failed

    def _end_at_time_limit(self) -> None:
        if self.services.time_is_up:
            raise EndsEarly("The run's time is up.")

    def _submit(self, agenda: Agenda) -> None:
        """Fills the window once it is half empty, within the budget of bytes in flight; commits intents first."""
        window = self.services.images.transfers_at_once * 4
        if len(self._in_flight) > window // 2:
            return
        chosen: list[ProductPlan] = []
        budget = self.services.settings.MAX_BYTES_IN_FLIGHT - sum(self._in_flight.values())
        while (product := agenda.peek()) and len(self._in_flight) + len(chosen) < window:
            if product.bytes_in_hand > budget and (self._in_flight or chosen):
                break
            budget -= product.bytes_in_hand
            chosen.append(agenda.pop())
        if not agenda.is_tried and any(self.services.rules.concern(product) for product in chosen):
            chosen = self._accepted(chosen)
        if any(step.overwrites_live_key for product in chosen for step in product.steps):
            with translated(), transaction.atomic():
                self.services.lock.still_held()
                storage.intents.record(step for product in chosen for step in product.steps)
        for product in chosen:
            self._in_flight[product] = product.bytes_in_hand
            if self.services.images.transfers_at_once > START and len(product.steps) == 1:
                self._begin(product.steps[0])
            self.services.workers.submit(self._work, product)

    def _begin(self, step: Step) -> None:
        """Begins a download on a far link apart from the puts, which would delay it there by more than a round trip."""
        if step.kind is Kind.FETCH and step.copy_from is None:
            self.head_start.begin_planned(step.photo, self.services.early_workers)

    def _accepted_of(self, agenda: Agenda) -> Agenda:
        """Returns the accepted products of an agenda, in its order."""
        plans = list(agenda.plans())
        if any(self.services.rules.concern(plan) for plan in plans):
            plans = self._accepted(plans)
        tried = Agenda(is_tried=True)
        tried.add(plans, attempts={})
        return tried

    def _accepted(self, chosen: list[ProductPlan]) -> list[ProductPlan]:
        """Tries the rows of the products, so that a refusal costs no byte and no object. Returns the accepted products."""
        tried = self._tried(chosen)
        for plan, error in tried.refused.items():
            if self._crowds(error, plan.steps):
                continue
            photo_error = self.services.rules.photo_error(error, [step.photo for step in plan.steps])
            self.keys_not_left.update({step.row_key or "": photo_error for step in plan.steps if step.vacates})
            self._note(ProductResult(plan, failed=[(step, photo_error) for step in plan.steps if not step.is_interim]))
        for plan, columns in tried.overruled.items():
            photos = [step.photo.id for step in plan.steps if not step.is_interim]
            self.result.unchanged += len(photos)
            self.failures.resolve(photos)
            storage.retry_list.resolve(photos)
            self.progress.carried(len(photos), 0)
            self.result.note("overruled", told=f"{', '.join(sorted(columns))} ({self.services.rules.silent})")
        return tried.accepted

    def _tried(self, chosen: list[ProductPlan]) -> Written:
        """Tries products together, and each alone where one of them waits for another session or for a trigger."""

        def try_some(plans: list[ProductPlan]) -> Written:
            return storage.photo_trials.try_plans(plans, rules=self.services.rules, together=self._is_together)

        try:
            return try_some(chosen)
        except DatabaseBusy as busy:
            logger.warning("%s Each product is tried alone.", busy)
        tried = Written()
        for plan in chosen:
            try:
                tried.add(self.services.patience.alone(partial(try_some, [plan])))
            except RowWaits as waits:
                tried.refused[plan] = waits
        return tried

    def _work(self, product: ProductPlan) -> None:
        try:
            self._done.put(put_product(product, self.services.images, self.services.bucket, fetch=self.head_start.fetch))
        except Exception as error:
            # An unexpected error fails these photos and no other (invariant I7). Any of their puts may have happened.
            logger.exception("publishing product %s failed", product.product_id)
            unforeseen = PhotoError(Reason.UNFORESEEN, f"{type(error).__name__}: {error}"[:500])
            keys = {step.photo.object_key or "" for step in product.steps}
            failed = [(step, unforeseen) for step in product.steps]
            self._done.put(ProductResult(product, failed=failed, unsettled_keys=keys))
        except BaseException as error:
            self._done.put(ProductResult(product, stopped_by=error))

    def _collect(self) -> EtalaseError | None:
        """Takes the finished results; waits for the first one, but not past the time to commit.

        Returns the error that ends the run where the bucket or the spool is full.
        """
        full: EtalaseError | None = None
        block = True
        while self._in_flight:
            try:
                product = self._done.get(block, COMMIT_SECONDS)
            except queue.Empty:
                break
            if block:
                self.services.clock.sleep(GATHER_SECONDS)
                block = False
            del self._in_flight[product.plan]
            if product.stopped_by is not None:
                raise product.stopped_by
            full = self._note(product) or full
        return full

    def _note(self, product: ProductResult) -> EtalaseError | None:
        """Adds a result to the batch and its failures to the run's. Returns the error where the bucket or spool is full."""
        self._batch.append(product)
        if self.services.stopped.is_set():
            # A transfer that the run stopped is not a failed one: the checkpoint stays, so the next run lists its photo again.
            product.failed = [
                (s, error) for s, error in product.failed if error.reason.policy.kind is not ReasonClass.TRANSIENT
            ]
        full: EtalaseError | None = None
        product.failed = [(step, error) for step, error in product.failed if not step.vacates]
        for step, error in product.failed:
            self.failures.add(step.photo, error)
            self._breaker.record_failure(step.photo, error)
            if error.reason.policy.is_full:
                kind = ObjectStoreFull if error.reason.policy.concerns_bucket else SpoolFull
                hint = "Make room there; the next run continues from here."
                full = kind(f"Fetching stopped: {error.detail}", hint=hint)
        published = product.resolved
        if any(step.kind is not Kind.ROW for step in published):
            self._breaker.close()
        self.failures.resolve(step.photo.id for step in published if not step.is_interim)
        self.result.bytes_fetched = self.services.images.bytes_received
        self.progress.carried(len(product.published), len(product.failed))
        return full

    def _is_time_to_commit(self, agenda: Agenda) -> bool:
        if not self._batch or not self._in_flight:
            return bool(self._batch) and not (agenda.is_tried and agenda.peek())
        if agenda.is_tried:
            return False
        is_late = self.services.clock.monotonic() - self._committed_at >= COMMIT_SECONDS
        return is_late or len(self._batch) >= COMMIT_PRODUCTS

    def _commit(self) -> None:
        """Commits the batch's rows, after their objects, and all that they settle in one transaction."""
        batch = self._batch
        try:
            self._commit_together(batch)
        except (RowRefused, DatabaseBusy) as error:
            if isinstance(error, RowRefused):
                # COMMIT itself refused, by a rule that is newer than this run's look at them. Now each is found before.
                self.services.forget_rules()
            else:
                logger.warning("%s Each product is committed alone.", error)
            for product in batch:
                try:
                    self.services.patience.alone(partial(self._commit_together, [product]))
                except RowRefused as refused:
                    self._fail(product, refused)
        batch.clear()
        self._committed_at = self.services.clock.monotonic()

    def _commit_together(self, batch: list[ProductResult]) -> None:
        at = self.services.clock.utc()
        for product in batch:
            product.replaced, product.lifted = [], {}  # of an attempt that was rolled back
        with translated(), transaction.atomic():
            self.services.lock.still_held()
            storage.savepoints.bound_waits()
            refused = storage.photo_writes.commit(batch, rules=self.services.rules, at=at, together=self._is_together)
            left_out = {product for product, _ in refused}
            kept = [product for product in batch if product not in left_out]
            resolved = [step.photo.id for product in kept for step in product.resolved if not step.is_interim]
            replaced = [one for product in kept for one in product.replaced]
            gone = [photo_id for product in kept for photo_id in product.displaced] + [one.row.id for one in replaced]
            storage.retry_list.resolve(resolved + gone)
            if replaced:
                record_replaced(self.services, replaced, now=at, run_id=self._run_id)
            self._record_published([step for product in kept for step in product.resolved if step.adds_photo])
        for product, error in refused:
            self._fail(product, error)
        for product in kept:
            self._count(product)

    def _fail(self, product: ProductResult, refused: RowRefused) -> None:
        """Adds the failures of a product that was put and whose rows are refused; an intent of it stays (hazard 18)."""
        error = self.services.rules.photo_error(refused, [step.photo for step in product.published])
        orphans = [s for s in product.published if s.kind is not Kind.ROW and not s.overwrites_live_key]
        storage.reclaims.schedule([step.photo.object_key or "" for step in orphans], at=self.services.clock.utc())
        if self._crowds(refused, product.published):
            return
        for step in product.published:
            if not step.is_interim:
                self.failures.add(step.photo, error)

    def _crowds(self, refused: RowRefused, steps: Iterable[Step]) -> bool:
        """Returns whether photos are tried again together with others, because a unique rule refuses them alone."""
        if self._is_together or refused.state not in OF_UNIQUE:
            return False
        self.crowded.update(step.photo.id for step in steps if not step.is_interim)
        return True

    def _record_published(self, steps: list[Step]) -> None:
        if steps:
            size_bytes = sum(step.photo.size or 0 for step in steps if step.kind is Kind.FETCH)
            storage.runs.record_published(self._run_id, len(steps), size_bytes)

    def _count(self, product: ProductResult) -> None:
        for step in product.resolved:
            if step.is_interim:
                continue
            if step.kind is Kind.ROW:
                self.result.updated += 1
            else:
                self.result.fetched += 1
                self._has_fetched = True
                self.result.healed += step.heals
        self.result.deleted += len(product.displaced) + len(product.replaced)
        for photo, served in product.retyped:
            value = "null" if photo.content_type is None else printable(photo.content_type[:100])
            name = printable(photo.product_name or str(photo.id))
            self.result.note("retyped", field="content_type", value=value, served=served, product_name=name)
        for photo, problem in product.damaged:
            name = printable(photo.product_name or str(photo.id))
            self.result.note("damaged_at_ho", product_name=name, photo_id=str(photo.id), problem=problem)

    def _give_up(self, agenda: Agenda, photo: Photo, last: PhotoError) -> Agenda:
        """Stops trying after many failures in a row; returns the rest of the agenda.

        Raises where our own bucket accepts no picture; where it accepts smaller ones, the run publishes these. Without head
        office's bucket, it publishes products that need no download. Untried photos are recorded in the retry list like failed
        ones, so that photos that never arrive block nothing else.
        """
        if last.reason.policy.concerns_bucket:
            size_bytes = probe_bytes(photo, last)
            if self.failures.bucket_accepts(size_bytes):
                self._breaker.close()
                return agenda
            if size_bytes and self.failures.bucket_accepts(0):
                self._breaker.close()
                return self._put_off(agenda, last, from_bytes=size_bytes)
            self.failures.blame_bucket()
            raise ObjectStoreAway(
                f"The edge's object store does not take photos: {last.detail}",
                hint="Check that it runs and has room on its disk; the next run continues from here.",
            )
        has_responded = last.reason.policy.side is Side.HEAD_OFFICE
        self._given_up = HeadOfficeAway(
            f"Head office's bucket does not give photos: {last.detail} ({self._breaker.max_failures} in a row).",
            hint="Its bucket, or a proxy before it, is busy or has trouble; the next run tries again."
            if has_responded
            else "Check the link, and that image_url's host can be reached from here; the next run tries again.",
            has_responded=has_responded,
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
                error = PhotoError(last.reason, f"not tried after: {last.detail}")
                self.failures.add(step.photo, error, untried=True)
            self.failures.record_many()
        return rest

    def _drain(self) -> None:
        """Drains in-flight work, so that every uploaded object gets its row."""
        self.services.stopped.set()
        while self._in_flight:
            product = self._done.get()
            del self._in_flight[product.plan]
            self._note(product)
        if self._batch:
            self._commit()
