"""Checks of the edge's own tables: their store, and the heartbeats of worker and beat. Only reads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.apps import apps
from django.db import connection, transaction

from etalase.doctor.check import Check, Fault, NotChecked
from etalase.doctor.database_facts import STATEMENT_MS
from etalase.edge.clock import Clock
from etalase.edge.command_names import as_typed, is_in_project
from etalase.edge.database import translated
from etalase.edge.heartbeat import ALIVE_WITHIN, LatestHeartbeat, Role, heartbeats
from etalase.edge.models import Checkpoint, ProductPhoto
from etalase.edge.project import product_model_name
from etalase.edge.runs import last_good_run
from etalase.edge.sync.storage.checkpoint import is_token
from etalase.redaction import keep_token
from etalase.settings.edge import EdgeSettings

# An edge whose runs a timer starts has neither worker nor beat.
RUNS_CONTINUE_WITHIN = timedelta(hours=2)
TABLES = ("database_rights", "tables")


@dataclass(slots=True)
class StateChecks:
    """The checks of the store's tables, and what later checks need of them."""

    settings: EdgeSettings
    signs: dict[Role, LatestHeartbeat] | None = None
    last_good_at: datetime | None = None
    access_token: str = ""

    def checks(self) -> list[Check]:
        """Returns the checks, in the order in which they are shown."""
        return [
            Check("store", self.store, needs=TABLES),
            Check("worker", lambda: self.sign(Role.WORKER), needs=TABLES, after=("store",)),
            Check("beat", lambda: self.sign(Role.BEAT), needs=TABLES, after=("store",)),
        ]

    def store(self) -> str:
        """Reads all, and checks that this database is this store's."""
        with _patient_for(STATEMENT_MS):
            checkpoint = Checkpoint.objects.first()
            good = last_good_run()
            self.last_good_at = good.finished_at if good else None
            self.signs = heartbeats()
        if checkpoint is None:
            return "no run yet"
        keep_token(checkpoint.access_token, checkpoint.refresh_token)
        if (checkpoint.store_id, checkpoint.company_id) != (self.settings.STORE_ID, self.settings.COMPANY_ID):
            raise Fault(
                f"This database is of store {checkpoint.store_id} (company {checkpoint.company_id}), and the settings name"
                f" store {self.settings.STORE_ID} (company {self.settings.COMPANY_ID}).",
                hint="Correct ETALASE_STORE_ID and ETALASE_COMPANY_ID, or use another database.",
            )
        self.access_token = checkpoint.access_token if is_token(checkpoint.access_token) else ""
        with _patient_for(STATEMENT_MS // 2):  # a lock there stops the tills' page and the runs
            ProductPhoto.objects.exists()
            apps.get_model(product_model_name())._base_manager.exists()  # noqa: SLF001 - without a filter of the project's
        return f"store {checkpoint.store_id}"

    def sign(self, role: Role) -> str:
        """Checks the last sign of life of ``role``."""
        if self.signs is None:
            raise NotChecked("needs store")
        return judge_sign(role, self.signs, last_good_at=self.last_good_at, now=Clock().utc())


@contextmanager
def _patient_for(milliseconds: int) -> Iterator[None]:
    """Limits each statement in a transaction, with which the limit ends: a pooler's session has other clients next."""
    with translated(), transaction.atomic():
        with connection.cursor() as cursor:  # of this check's thread
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
        yield


def judge_sign(role: Role, signs: dict[Role, LatestHeartbeat], *, last_good_at: datetime | None, now: datetime) -> str:
    """Judges the last sign of life of ``role``. Pure."""
    start = as_typed(f"Start it: `etalase edge {role}`") + (
        "." if is_in_project() else f", or `systemctl restart etalase-edge-{role}`."
    )
    hint = start if role not in signs or not signs[role].is_alive else ""
    if role in signs:
        if signs[role].is_alive:
            return f"last sign of life {signs[role].age.total_seconds():.0f} seconds ago"
        if signs[role].is_from_the_future:
            raise Fault(
                f"The last sign of life of the {role} is of the future, {signs[role].at:%Y-%m-%d %H:%M} UTC:"
                " a clock was ahead.",
                hint=f"If the {role} runs, it corrects this within a minute. {hint}",
            )
        raise Fault(
            f"The {role} gave its last sign of life at {signs[role].at:%Y-%m-%d %H:%M} UTC, more than"
            f" {ALIVE_WITHIN.total_seconds() / 60:.0f} minutes ago.",
            hint=hint,
        )
    if not signs and last_good_at is not None and now - last_good_at < RUNS_CONTINUE_WITHIN:
        raise NotChecked("runs are started in another way, without worker and beat")
    raise Fault(f"The {role} never gave a sign of life: no scheduled run will start.", hint=hint)
