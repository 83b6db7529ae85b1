"""A fleet for tests: stores with edges that report, and the plain way to judge one of them."""

from dataclasses import fields
from datetime import datetime

from django.db import connection

from etalase.head_office.database import prepared_cursor
from etalase.head_office.fleet.comparison import DigestProof, compare
from etalase.head_office.fleet.listing import KeptListing, listing_of
from etalase.head_office.fleet.report_sql import READ
from etalase.head_office.fleet.states import KnownStore, StoreVerdict, judge
from etalase.head_office.fleet_models import StoreReport
from etalase.head_office.horizon import read_horizon
from etalase.head_office.models import Account, Store

# The last columns of READ.
LISTING_COLUMNS = len(fields(KeptListing))


def plain_verdict(store: Store) -> StoreVerdict:
    """Returns the verdict of the store as a report with the kept checkpoint and digest would have it now."""
    horizon = read_horizon()
    now = datetime.fromisoformat(horizon.clock)
    report = StoreReport.objects.filter(store=store).first()
    accounts = Account.objects.filter(store=store, is_staff=False)
    is_revoked = not accounts.filter(is_active=True).exists()
    if report is None:
        return judge(KnownStore(is_revoked=is_revoked and accounts.exists()), now=now)
    with prepared_cursor() as cursor:
        cursor.execute(READ, {"store_id": store.id})
        kept = KeptListing(*cursor.fetchone()[-LISTING_COLUMNS:])
    as_of = datetime.fromisoformat(horizon.at(at_worst=horizon.clock))
    with connection.cursor() as cursor:  # what this computes is not kept: the page must not profit from it
        cursor.execute("SELECT assortment, digest, changed_at, as_of FROM head_office_assortment_digest")
        before = cursor.fetchall()
    listed = listing_of(store.id, kept, checkpoint=report.checkpoint, horizon=as_of, read_at=now).listing
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM head_office_assortment_digest")
        cursor.executemany("INSERT INTO head_office_assortment_digest VALUES (%s, %s, %s, %s)", before)
    comparison = DigestProof(report.comparison)
    if comparison not in {DigestProof.BEHIND, DigestProof.AHEAD}:
        comparison = compare(report.body.get("digest"), report.checkpoint, listed)
    is_new = comparison is DigestProof.BEHIND and report.comparison != DigestProof.BEHIND
    known = KnownStore(
        is_revoked=is_revoked,
        received_at=report.received_at,
        due_at=report.due_at,
        behind_due_at=report.due_at if is_new else report.behind_due_at,
        comparison=comparison,
        is_cloned=report.is_cloned,
        second_at=report.second_at,
        damaged=report.damaged,
        owed=report.owed,
        parked=report.parked,
        held=report.held,
        missing=report.missing,
        possession_proved_at=report.possession_proved_at,
        challenge_failed_at=report.challenge_failed_at,
    )
    return judge(known, now=now)
