"""Checks the POS in a customer's Django project, with that project's own products."""

import json
import os
import subprocess
import sys
import uuid

import pytest

from etalase.devstack.postgres import Postgres


@pytest.mark.parametrize(
    ("category_field", "expected"),
    [("kind__label", [None, "Nasi"]), pytest.param("", [None, None], marks=pytest.mark.long)],
)
def test_the_pos_shows_the_projects_own_products_by_the_configured_fields(
    postgres_server: Postgres, category_field: str, expected: list[str | None]
) -> None:
    name = f"dropin_{uuid.uuid4().hex[:12]}"
    postgres_server.create_database(name)
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": postgres_server.url(name),
        "CATEGORY_FIELD": category_field,
        "DJANGO_SETTINGS_MODULE": "tests.acceptance.pos.dropin.settings",
    }
    wrong = [sys.executable, "-m", "django", "check"]
    done = subprocess.run(wrong, env=environment | {"CATEGORY_FIELD": "kind"}, capture_output=True, text=True, check=False)
    assert "(etalase.E002) ETALASE PRODUCT_CATEGORY_FIELD «kind»: products.Product.kind is a relation" in done.stderr
    command = [sys.executable, "-m", "tests.acceptance.pos.dropin.ask"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    responses = json.loads(done.stdout)
    assert responses["image"]["product_name"] == "NASI GORENG"
    assert responses["image"]["product_sku"] == "5010101"
    assert responses["image"]["image_url"] == (
        "https://photos.store.example/product-images/products/nasi/primary.jpg?v=5cd6a73f"
    )
    assert (responses["nameless"]["product_name"], responses["nameless"]["is_placeholder"]) == ("", True)
    assert [(entry["name"], entry["sku"]) for entry in responses["menu"]["products"]] == [
        ("AIR MINERAL", ""),
        ("NASI GORENG", "5010101"),
    ]
    assert (responses["menu"]["total"], responses["menu"]["next"]) == (3, "/api/products/?limit=2&offset=2")
    assert [entry["name"] for entry in responses["found"]["products"]] == ["NASI GORENG"]
    assert [entry["category"] for entry in responses["menu"]["products"]] == expected
    assert [entry["name"] for entry in responses["rice"]["products"]] == (["NASI GORENG"] if "Nasi" in expected else [])
    assert responses["page"] == 200
    # The photo came from elsewhere, and a web server without the project's Celery application does not know its queue.
    assert responses["status_json"] == "not_adopted"
    assert "etalase_up 1.0" in responses["metrics"]
    assert 'etalase_problem{state="not_adopted"} 1.0' in responses["metrics"]
    assert "etalase_queue_length" not in responses["metrics"]
    # Without CSRF middleware or a Celery application, the status page has no button and accepts no post.
    assert (responses["status"], responses["button"], responses["celery"]) == (200, False, False)
    assert (responses["without_token"], responses["with_token"]) == (403, 403)
