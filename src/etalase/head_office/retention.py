"""Forgetting, in time: tombstones that no edge will ask for, tokens that nobody can use, login failures that are over."""

from datetime import timedelta

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.db import connection, transaction

from etalase.head_office.models import AssortmentTombstone, PhotoTombstone, TokenFamily


@transaction.atomic
def purge(*, days: int) -> dict[str, int]:
    """Remove tombstones older than ``days``, raising the floor with them, expired tokens and old login failures, all at once.

    An ``updated_since`` below the floor gets the full set (hazard 12). Counts of rows come back, by kind.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT head_office_clock()")
        (now,) = cursor.fetchone()
        floor = now - timedelta(days=days)
        cursor.execute("UPDATE head_office_feed_floor SET floor = greatest(floor, %s)", [floor])
    tombstones = [model.objects.filter(changed_at__lt=floor).delete()[0] for model in (PhotoTombstone, AssortmentTombstone)]
    tokens, _ = TokenFamily.objects.filter(expires_at__lte=now).delete()
    failures, _ = AccessAttempt.objects.filter(attempt_time__lt=now - get_cool_off()).delete()
    return {"tombstones": sum(tombstones), "tokens": tokens, "login_failures": failures}
