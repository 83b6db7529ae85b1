"""Reports a run: keeps the digest of the rows as it left them, and tells head office of changes and failures."""

from collections.abc import Iterator

from etalase.edge.sync import storage
from etalase.edge.sync.context import Run
from etalase.edge.sync.plan.model import Row
from etalase.edge.sync.possession_answers import answer_challenges
from etalase.edge.sync.reporter import never_failing
from etalase.edge.sync.result import Outcome, RunResult
from etalase.edge.sync.selection import PROPOSED
from etalase.edge.sync.services import Services
from etalase.errors import HeadOfficeError
from etalase.photo_digest import photos_digest


def report_after(run: Run) -> None:
    """Keeps the digest of the rows as the run left them, and reports a run that changed or failed something.

    Challenges are answered before, so that the report has the answers, and after, for the next one.
    """
    is_whole = run.result.error is None and not run.result.yielded
    if run.audit.listing is not None and is_whole:
        never_failing("noting the look", storage.report_state.note_look, run.now)
    _answer(run)
    never_failing("computing the digest", keep_digest)
    is_cut_off = run.services.time_is_up or isinstance(run.result.error, HeadOfficeError)
    if is_worth_a_report(run.result) and not is_cut_off:
        never_failing("sending it", run.services.head_office.send_report)
        _answer(run)


def report_beside_another_run(services: Services) -> None:
    """Reports for a run that had to give way: a first load may take longer than its first report promised."""
    never_failing("sending it", _send_by_itself, services)


def _send_by_itself(services: Services) -> None:
    services.head_office.features = storage.checkpoint.features_of(services.settings.HO_URL)
    services.head_office.send_report()


def _answer(run: Run) -> None:
    if not run.services.time_is_up:
        never_failing("answering challenges", answer_challenges, run.services.bucket, run.checkpoint.store_id)


def is_worth_a_report(result: RunResult) -> bool:
    """Returns whether the run changed or failed something."""
    changes = (result.fetched, result.updated, result.deleted, result.healed, result.failed, result.damaged)
    return any(changes) or result.outcome not in {Outcome.SUCCESS, Outcome.LOCKED}


def keep_digest() -> None:
    """Computes the digest of the verified rows, unless it is kept of the same rows."""
    state, mark = storage.report_state.load(), storage.report_state.mark_of_rows()
    if state.digest and state.digest_of == mark:
        return
    left_out = storage.damage_marks.kinds().keys() | storage.own_photos.exempt()
    left_out |= {removal.photo_id for removal in storage.removals.in_states(PROPOSED)}
    verified = 0

    def rows() -> Iterator[Row]:
        nonlocal verified
        for row in storage.photos.every():
            if row.id not in left_out:
                verified += 1
                yield row

    digest = photos_digest(rows())
    storage.report_state.keep_digest(digest, of=mark, verified=verified)
