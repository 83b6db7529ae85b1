"""Deletes data that is no longer needed: old tombstones, expired tokens, old failures of logins and codes."""

from datetime import timedelta

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.db import connection, transaction

from etalase.head_office.feed_models import AssortmentTombstone, PhotoTombstone
from etalase.head_office.joining.throttle import delete_old_failures
from etalase.head_office.models import TokenFamily


@transaction.atomic
def purge(*, days: int) -> dict[str, int]:
    """Deletes tombstones older than ``days``, expired tokens and old login failures; returns the number of rows by kind.

    Raises the floor of the feed: an ``updated_since`` below it gets the full set (hazard 12). All in one transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT head_office_clock()")
        (now,) = cursor.fetchone()
        floor = now - timedelta(days=days)
        cursor.execute("UPDATE head_office_feed_floor SET floor = greatest(floor, %s)", [floor])
    tombstones = [model.objects.filter(changed_at__lt=floor).delete()[0] for model in (PhotoTombstone, AssortmentTombstone)]
    tokens, _ = TokenFamily.objects.filter(expires_at__lte=now).delete()
    failures, _ = AccessAttempt.objects.filter(attempt_time__lt=now - get_cool_off()).delete()
    failures += delete_old_failures(now)
    return {"tombstones": sum(tombstones), "tokens": tokens, "login_failures": failures}
