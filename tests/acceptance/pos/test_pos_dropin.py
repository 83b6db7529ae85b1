"""Checks the POS in a customer's Django project, with that project's own products."""

import json
import os
import subprocess
import sys
import uuid

from etalase.devstack.postgres import Postgres


def test_the_pos_shows_the_projects_own_products_by_the_configured_fields(postgres_server: Postgres) -> None:
    name = f"dropin_{uuid.uuid4().hex[:12]}"
    postgres_server.create_database(name)
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": postgres_server.url(name),
        "DJANGO_SETTINGS_MODULE": "tests.acceptance.pos.dropin.settings",
    }
    command = [sys.executable, "-m", "tests.acceptance.pos.dropin.ask"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert answers["image"]["product_name"] == "NASI GORENG"
    assert answers["image"]["product_sku"] == "5010101"
    assert answers["image"]["image_url"] == ("https://photos.store.example/product-images/products/nasi/primary.jpg?v=5cd6a73f")
    assert (answers["nameless"]["product_name"], answers["nameless"]["is_placeholder"]) == ("", True)
    assert [(entry["name"], entry["sku"]) for entry in answers["menu"]["products"]] == [
        ("AIR MINERAL", ""),
        ("NASI GORENG", "5010101"),
    ]
    assert (answers["menu"]["total"], answers["menu"]["next"]) == (3, "/api/products/?limit=2&offset=2")
    assert [entry["name"] for entry in answers["found"]["products"]] == ["NASI GORENG"]
    assert answers["page"] == 200
    # Without CSRF middleware or a Celery application, the status page has no button and accepts no post.
    assert (answers["status"], answers["button"], answers["celery"]) == (200, False, False)
    assert (answers["without_token"], answers["with_token"]) == (403, 403)
