"""Registers the Django app of the POS: templates and static files, no tables."""

from django.apps import AppConfig


class PosConfig(AppConfig):
    """Configures ``etalase.edge.pos``, listed in INSTALLED_APPS beside ``etalase.edge`` whose rows it reads."""

    name = "etalase.edge.pos"
    label = "etalase_pos"
    verbose_name = "Etalase POS"
