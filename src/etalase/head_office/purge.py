"""Forgetting, in time: tombstones that no edge will ask for, tokens that nobody can use."""

from datetime import timedelta

from django.db import connection, transaction

from etalase.head_office.models import AssortmentTombstone, PhotoTombstone, TokenFamily


@transaction.atomic
def purge(*, days: int) -> dict[str, int]:
    """Remove tombstones older than ``days`` and raise the floor with them, in one transaction; and expired tokens.

    An ``updated_since`` below the floor gets the full set (hazard 12). Counts of rows come back, by kind.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT head_office_clock()")
        (now,) = cursor.fetchone()
        floor = now - timedelta(days=days)
        cursor.execute("UPDATE head_office_feed_floor SET floor = greatest(floor, %s)", [floor])
    tombstones = [model.objects.filter(changed_at__lt=floor).delete()[0] for model in (PhotoTombstone, AssortmentTombstone)]
    tokens, _ = TokenFamily.objects.filter(expires_at__lte=now).delete()
    return {"tombstones": sum(tombstones), "tokens": tokens}
