"""Writes the edge's commands as a user types them: ``etalase edge …``, or ``manage.py …`` in a Django project."""

import os

STANDALONE = "etalase.settings.django_edge"
# A project starts these by its own commands; all others are photos_… of its manage.py.
_OF_PROJECT = {
    "etalase edge migrate": "python manage.py migrate",
    "etalase edge worker": "celery -A PROJECT worker",
    "etalase edge beat": "celery -A PROJECT beat",
}


def is_in_project() -> bool:
    """Returns whether the edge is an app in a Django project."""
    return os.environ.get("DJANGO_SETTINGS_MODULE") != STANDALONE


def as_typed(text: str, *, in_project: bool | None = None) -> str:
    """Returns ``text`` with each ``etalase edge COMMAND`` in it as a user of this edge types it."""
    if not (is_in_project() if in_project is None else in_project):
        return text
    for standalone, typed in _OF_PROJECT.items():
        text = text.replace(standalone, typed)
    return text.replace("etalase edge ", "python manage.py photos_")
