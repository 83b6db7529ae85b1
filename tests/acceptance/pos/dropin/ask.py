"""Runs in its own process, because a process has one Django: migrates, adds three products and prints the POS's responses."""

import json
import sys
from typing import Any

import django


def main() -> None:
    """Prints one JSON object."""
    django.setup()
    from django.apps import apps
    from django.conf import settings
    from django.core.management import call_command
    from django.test import Client, override_settings

    from etalase.edge.models import ProductPhoto

    call_command("migrate", verbosity=0)
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    articles: Any = apps.get_model(settings.ETALASE_PRODUCT_MODEL).objects
    kind = articles.model._meta.get_field("kind").related_model.objects.create(label="Nasi")
    rice = articles.create(title="NASI GORENG", article_number=5010101, kind=kind)
    articles.create(title="AIR MINERAL", article_number=None)
    nameless = articles.create(title=None, article_number=7)
    ProductPhoto.objects.create(
        id=rice.pk, product_id=rice.pk, object_key="products/nasi/primary.jpg", checksum="5cd6a73f" * 4, is_primary=True
    )
    client = Client()
    responses = {
        "image": client.get(f"/api/products/{rice.pk}/image").json(),
        "nameless": client.get(f"/api/products/{nameless.pk}/image").json(),
        "menu": client.get("/api/products/?limit=2").json(),
        "rice": client.get("/api/products/?category=Nasi").json(),
        "found": client.get("/api/products/?q=50101").json(),
        "page": client.get("/").status_code,
    }
    with override_settings(ROOT_URLCONF="etalase.edge.urls"):
        strict = Client(enforce_csrf_checks=True)
        page = strict.get("/status?language=en")
        form = {"csrfmiddlewaretoken": strict.cookies["csrftoken"].value}
        responses |= {
            "status": page.status_code,
            "button": b"<button" in page.content,
            "celery": "celery" in sys.modules,
            "without_token": strict.post("/status/sync").status_code,
            "with_token": strict.post("/status/sync", form).status_code,
            "status_json": client.get("/status.json").json()["state"],
            "metrics": client.get("/metrics").content.decode(),
        }
    sys.stdout.write(json.dumps(responses))


if __name__ == "__main__":
    main()
