"""Runs a sync that dies at a named point, as by ``kill -9``: ``python -m tests.integration.sync.killed_run``.

Reads one JSON object from stdin: ``database`` (Django's), ``settings`` (EdgeSettings) and ``point``.
"""

import json
import os
import sys
import time
from typing import Any

import django
from django.conf import settings

KILLED = 9


def main() -> None:
    """Runs until the point and exits there."""
    job = json.loads(sys.stdin.read())
    settings.INSTALLED_APPS = ["etalase.edge"]
    settings.DATABASES["default"].update(job["database"])
    django.setup()

    from etalase.edge.sync import run
    from etalase.edge.sync.services import Services, real_services
    from etalase.settings.edge import EdgeSettings
    from etalase.settings.reading import parse_settings

    class Bucket:
        """The real bucket, until the point."""

        def __init__(self, services: Services) -> None:
            self.real: Any = services.bucket

        def put(self, *args: Any, **kwargs: Any) -> Any:
            if job["point"] == "before the put":
                os._exit(KILLED)
            etag = self.real.put(*args, **kwargs)
            if job["point"] == "after the put":
                os._exit(KILLED)
            return etag

        def __getattr__(self, name: str) -> Any:
            return getattr(self.real, name)

    def settle(*_: object, **__: object) -> None:
        if job["point"] == "after the commit":
            os._exit(KILLED)
        print("hangs", flush=True)  # noqa: T201 - the test waits for this line
        time.sleep(600)

    run.commit_checkpoint = settle
    with real_services(parse_settings(EdgeSettings, job["settings"])) as services:
        services.bucket = Bucket(services)
        report = run.sync(services, full=False)
    sys.exit(f"the run ended without a kill: {report.as_json()}")


if __name__ == "__main__":
    main()
