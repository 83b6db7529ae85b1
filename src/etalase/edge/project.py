"""Describes the Django project around the edge: its product model, and whether it may have tasks."""

import sys
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db.models import CharField, Field, TextField


def may_have_tasks() -> bool:
    """Returns whether this process may send or run tasks: it has loaded Celery, or the guide's module of tasks is here."""
    return "celery" in sys.modules or find_spec("sync_api") is not None


def product_model_name() -> str:
    """Returns the name of the product model, as ``app.Model``."""
    return getattr(settings, "ETALASE_PRODUCT_MODEL", "etalase_edge.Product")


def category_lookup(named: str) -> str:
    """Returns the lookup of a product's category, ``named`` by the settings; empty where products have none."""
    return named or ("category" if product_model_name() == "etalase_edge.Product" else "")


def category_fields(model: Any, lookup: str) -> list["Field[Any, Any]"]:
    """Returns the fields on the way from the product to the text of its category; none without a lookup.

    Raises :class:`ValueError` with the reason if the lookup leads to no text or to many.
    """
    fields: list[Field[Any, Any]] = []
    names = lookup.split("__") if lookup else []
    for name in names:
        meta = model._meta  # noqa: SLF001 - Django documents Model._meta as its API
        try:
            field = meta.get_field(name)
        except FieldDoesNotExist:
            there = ", ".join(field.name for field in meta.concrete_fields)
            raise ValueError(f"{meta.label} has no such field as {name}; it has {there}") from None
        fields.append(field)
        if len(fields) == len(names):
            break
        if not (field.concrete and (field.many_to_one or field.one_to_one)):
            raise ValueError(f"{meta.label}.{name} is not a foreign key")
        model = field.related_model
    if fields and fields[-1].is_relation:
        raise ValueError(f"{fields[-1]} is a relation; name a text behind it, as in {lookup}__name")
    if fields and not isinstance(fields[-1], CharField | TextField):
        raise ValueError(f"{fields[-1]} is not a text")
    return fields
