"""The sentences of ``sync --dry-run``."""

import io
from typing import Any

import pytest

from etalase.edge.management.commands.photos_sync import Command


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"seconds_at_limit": 700.0, "limit_bytes_per_second": 512 * 1024}, "(360.0 MiB, about 12 min at 512 KiB/s), "),
        ({"seconds_at_limit": None, "limit_bytes_per_second": None}, "(360.0 MiB), "),
    ],
)
def test_a_dry_run_predicts_the_duration_at_the_current_bandwidth_limit(limit: dict[str, Any], says: str) -> None:
    out = io.StringIO()
    forecast = {
        "photos_to_fetch": 9,
        "bytes_to_fetch": 360 * 1024 * 1024,
        "bytes_in_spool": 0,
        "renditions_to_fetch": 3,
        "rendition_bytes_to_fetch": 135_000,
        "photos_to_copy": 0,
        "rows_to_update": 0,
        "removals": [],
        "removals_to_hold": [],
        "not_tried": None,
    }
    Command(stdout=out)._print_forecast({**forecast, **limit})
    assert f"Would fetch 3 small pictures (131.8 KiB) first.\nWould fetch 9 photos {says}" in out.getvalue()


def test_a_dry_run_names_removals_that_would_be_applied_and_those_that_would_be_held() -> None:
    out = io.StringIO()
    removals = {
        "removals": [{"photo_id": "a", "product_name": "Sate"}],
        "removals_to_hold": [{"photo_id": "b", "product_name": "Soto"}],
        "not_tried": "The database stopped a statement.",
    }
    Command(stdout=out)._print_forecast(
        {
            "photos_to_fetch": 0,
            "bytes_to_fetch": 0,
            "bytes_in_spool": 0,
            "renditions_to_fetch": 0,
            "photos_to_copy": 2,
            "rows_to_update": 0,
            **removals,
        }
    )
    assert "copy 2 photos within the bucket, update 0 rows" in out.getvalue()
    assert "remove 1 photos, and ask a person about 1 more." in out.getvalue()
    assert "would remove a photo of Sate (a)" in out.getvalue()
    assert "would ask before removing a photo of Soto (b)" in out.getvalue()
    assert "could not be tried against the rules of product_photo: The database stopped a statement." in out.getvalue()
