"""Head office as a WSGI application, for gunicorn or any other server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etalase.settings.django_head_office")

from etalase.head_office.api.body import counted
from etalase.settings.head_office import configured

application = counted(get_wsgi_application(), max_bytes=configured().MAX_REQUEST_BYTES)
