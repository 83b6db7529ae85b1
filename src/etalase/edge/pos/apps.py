"""The Django app of the POS: it has templates and static files, and no tables."""

from django.apps import AppConfig


class PosConfig(AppConfig):
    """``etalase.edge.pos`` in INSTALLED_APPS, beside ``etalase.edge`` whose rows it reads."""

    name = "etalase.edge.pos"
    label = "etalase_pos"
    verbose_name = "Etalase POS"
