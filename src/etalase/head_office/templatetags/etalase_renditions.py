"""Gives the admin's index the sentence about photos whose renditions lack."""

from django import template

from etalase.head_office import heartbeat
from etalase.head_office.messages import text
from etalase.head_office.permissions import companies_of, sees_every_company
from etalase.head_office.renditions.queue import counts

register = template.Library()


@register.simple_tag(takes_context=True)
def rendition_notes(context: template.Context) -> list[str]:
    """Returns the sentences to show: how many photos wait, whether the worker is silent, and how many have failed.

    The photos of the person's companies count.
    """
    account = context["request"].user
    companies = None if sees_every_company(account) else list(companies_of(account).values_list("id", flat=True))
    lacking, age = counts(companies), heartbeat.age()
    is_silent = age is None or age > heartbeat.ALIVE_WITHIN
    notes = []
    if lacking.waiting:
        notes.append(text("worker_silent" if is_silent else "renditions_wait", count=lacking.waiting))
    if lacking.failed:
        notes.append(text("renditions_failed", count=lacking.failed))
    return notes
