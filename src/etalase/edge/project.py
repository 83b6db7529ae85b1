"""Describes the Django project around the edge: its product model, and whether it may have tasks."""

import sys
from importlib.util import find_spec

from django.conf import settings


def may_have_tasks() -> bool:
    """Returns whether this process may send or run tasks: it has loaded Celery, or the guide's module of tasks is here."""
    return "celery" in sys.modules or find_spec("sync_api") is not None


def product_model_name() -> str:
    """Returns the name of the product model, as ``app.Model``."""
    return getattr(settings, "ETALASE_PRODUCT_MODEL", "etalase_edge.Product")
