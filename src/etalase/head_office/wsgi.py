"""Defines the WSGI application of head office, for `etalase head-office serve`, gunicorn or any other server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etalase.settings.django_head_office")

from etalase.head_office.api.parsers import bounded, counted
from etalase.head_office.upload_limits import body_limit
from etalase.settings.head_office import head_office_settings

__all__ = ["application", "body_limit"]
application = counted(bounded(get_wsgi_application(), body_limit), max_bytes=head_office_settings().MAX_REQUEST_BYTES)
