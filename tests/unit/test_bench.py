"""Checks the pure parts of the bench: its photos, the order of its rounds, its judgements."""

from statistics import median
from typing import Any

import pytest
from bench.food_photos import NEAR_ENOUGH, PIXELS, TARGET_BYTES, food_photos
from bench.photos import LEAST_BYTES, MEDIAN_BYTES, MOST_BYTES, equal_photos, md5, menu_photos, share
from bench.profiling import cpu_report, elapsed_report, phases
from bench.report import beyond, page, targets
from bench.work import order

from etalase.media_types import MAGIC_BYTES, sniff_type
from etalase.pictures.reading import read_outline


def test_the_bench_menu_is_reproducible_and_lognormal_within_its_bounds() -> None:
    photos = menu_photos(4000)
    sizes = [photo.size for photo in photos]

    assert photos == menu_photos(4000)
    assert min(sizes) >= LEAST_BYTES
    assert max(sizes) <= MOST_BYTES
    assert median(sizes) == pytest.approx(MEDIAN_BYTES, rel=0.05)
    assert sum(size > 2 * MEDIAN_BYTES for size in sizes) > 200


def test_a_smaller_bench_menu_is_the_beginning_of_a_larger_one() -> None:
    assert menu_photos(500)[:100] == menu_photos(100)


def test_each_bench_product_has_one_primary_photo_and_each_photo_its_own_key() -> None:
    photos = menu_photos(300)
    primaries = [photo.product_id for photo in photos if photo.is_primary]

    assert len(primaries) == len(set(primaries)) == len({photo.product_id for photo in photos}) == 250
    assert len({photo.object_key for photo in photos}) == len({photo.photo_id for photo in photos}) == 300


def test_bench_photos_are_jpegs_of_the_listed_size_with_new_bytes_after_a_change() -> None:
    (photo,) = equal_photos(1, 5000)
    body = photo.body()

    assert len(body) == len(photo.changed().body()) == 5000
    assert sniff_type(body[:MAGIC_BYTES]) == "image/jpeg"
    assert md5(body) == md5(photo.body()) != md5(photo.changed().body())


def test_food_photos_are_pictures_of_both_types_with_the_listed_size() -> None:
    photos = list(food_photos(2))

    assert [photo.content_type for photo in photos] == ["image/webp", "image/jpeg"]
    for photo in photos:
        content_type, outline = read_outline(photo.body())
        assert (content_type, outline.width, outline.height) == (photo.content_type, *PIXELS)
        assert photo.size == len(photo.body()) == pytest.approx(TARGET_BYTES, rel=NEAR_ENOUGH)
    assert [photo.object_key.rpartition(".")[2] for photo in photos] == ["webp", "jpg"]


def test_a_bench_share_is_spread_over_all_photos_and_differs_each_turn() -> None:
    photos = menu_photos(1000)
    first, second = (share(photos, 10, turn) for turn in (0, 1))

    assert [photo.number for photo in first] == list(range(0, 1000, 100))
    assert not set(first) & set(second)


def test_each_contender_starts_a_round_equally_often() -> None:
    rounds = [order(["a", "b", "c"], turn) for turn in range(3)]

    assert rounds == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]


def test_the_start_of_the_process_is_subtracted_in_each_round() -> None:
    assert beyond({"wall_seconds": [1.5, 2.75, 1.25]}, {"wall_seconds": [1.0, 2.0, 1.0]}) == 0.5


def figures(wall: float, cpu: float = 1.0, **more: list[float]) -> dict[str, Any]:
    """Returns the figures of a contender: varying rounds with the given median."""
    return {"wall_seconds": [wall * 9, wall, wall / 9], "cpu_seconds": [cpu] * 3, "peak_bytes": [50e6] * 3, **more}


def initial(**walls: float) -> dict[str, Any]:
    """Returns the figures of an initial load, by contender."""
    contenders = {name.replace("_", "-"): figures(wall) for name, wall in walls.items()}
    contenders["limit"] |= {"inner_seconds": [walls["limit"] * 0.9] * 3}
    return {"photos": 4000, "bytes": 200_000_000, "contenders": contenders}


def judged(make: str, **works: Any) -> dict[str, tuple[str, bool | None]]:
    """Returns the measured figure and the judgement, by goal."""
    return {target.wanted: (target.measured, target.holds) for target in targets(make, works)}


def test_on_seaweedfs_the_load_is_judged_against_the_limit_the_guide_and_rclone() -> None:
    found = judged("seaweedfs", initial=initial(limit=9, etalase=10, guide_10=39, guide_1=90, rclone=17, rclone_tuned=16, mc=1))

    assert found["≥ 90 % of the limit"] == ("90% (81% without the start of its processes)", True)
    assert found["≥ 4 × guide-10"] == ("3.90 ×", False)
    assert found["≥ 1.7 × rclone"] == ("1.70 ×", True)
    assert found["≥ 1.7 × rclone-tuned"] == ("1.60 ×", False)
    assert found["≤ 1.5 × the limit's"] == ("1.00 × its 0.25 ms a photo", True)


def test_on_minio_the_load_is_judged_against_the_better_of_rclone_and_mc() -> None:
    found = judged("minio", initial=initial(limit=8, etalase=10, guide_10=20, rclone=17, mc=10.5))

    assert found["≥ 1.1 × the best of rclone and mc"] == ("1.05 × mc", False)
    assert found["≥ 90 % of the limit"][1] is False
    assert "≥ 4 × guide-10" not in found


def test_an_omitted_contender_gives_no_judgement() -> None:
    assert targets("seaweedfs", {"initial": {"photos": 1, "bytes": 1, "contenders": {"rclone": figures(1)}}}) == []


def test_a_run_without_changes_is_judged_by_its_requests_and_its_time_beyond_a_start() -> None:
    start = {"wall_seconds": [1.0, 1.0]}
    work = {
        "start": {"wall_seconds": [0.9, 0.9]},
        "loaded": start,
        "incremental": {"wall_seconds": [1.05, 1.07]},
        "full": {"wall_seconds": [2.5, 2.5]},
        "requests": {"incremental": 2},
    }
    found = judged("seaweedfs", nothing=work)

    assert found["1 feed request"] == ("2", False)
    assert found["≤ 0.1 s beyond the start of the process"] == ("0.06 s (0.16 s beyond Django alone)", True)
    assert found["≤ 1 s beyond the start of the process"] == ("1.50 s (1.60 s beyond Django alone)", False)


def test_a_change_must_cost_the_same_in_a_larger_menu() -> None:
    start = {"wall_seconds": [1.0]}
    small = {"start": start, "40": {"wall_seconds": [1.2]}}
    large = {"start": start, "40": {"wall_seconds": [1.4]}}

    assert judged("minio", changed={"changed": [40], "menus": {"20000": large, "4000": small}}) == {
        "no matter of how many (≤ 1.5 ×)": ("0.20 s of 4000, 0.40 s of 20000: 2.00 ×", False)
    }


def test_the_largest_peak_decides_the_memory_judgement() -> None:
    peaks = {"initial": {"peak_bytes": 100e6}, "incremental": {"peak_bytes": 90e6}, "full": {"peak_bytes": 151e6}}
    found = judged("minio", memory={"tiny": {"photos": 10, "bytes": 20480, **peaks}})

    assert found == {"≤ 150 MB": ("144 MiB (first 95, then 86, full 144)", False)}


def test_the_bench_page_lists_the_quickest_first_with_its_ratios() -> None:
    result = {"stores": {"minio": {"initial": initial(limit=8, etalase=10, rclone=16)}}}
    rows = [line for line in page(result).splitlines() if line.startswith(("| limit", "| etalase", "| rclone"))]

    assert rows[0] == "| limit | 8.00 (0.89–72.00) | 500 | 1.00 | 0.80 | 0.25 | 48 |"
    assert rows[2] == "| rclone | 16.00 (1.78–144.00) | 250 | 0.50 | 1.60 | 0.25 | 48 |"


def test_phases_are_reported_for_the_leading_thread_only() -> None:
    main = ["thread (MainThread)", "sync (run.py)", "_run (run.py)"]
    stacks = [([*main, "_pull (run.py)", "get (client.py)"], 3), (["thread (fetch)", "carry (fetch.py)"], 9), (main[:2], 1)]

    assert phases(stacks) == {"_pull (run.py)": 3, "start and end of the process": 1}


def test_a_profile_counts_a_function_once_per_stack_and_its_own_time_at_the_end() -> None:
    lines = cpu_report([(["thread (a)", "f (x.py)", "g (x.py)", "f (x.py)"], 250), (["thread (a)", "f (x.py)"], 250)])

    assert lines[:2] == ["in the function itself:", "     2.00 s  100.0%  f (x.py)"]
    assert "     1.00 s  50.0%  g (x.py)" in lines


def test_worker_threads_are_reported_apart_from_the_leading_thread() -> None:
    main = ["thread (MainThread)", "_run (run.py)", "_plan (run.py)"]
    lines = elapsed_report([(main, 250), (["thread (etalase-fetch_0)", "put (x.py)"], 500), (["thread (other)", "f"], 9)])

    assert lines == [
        "the run's own thread:",
        "     1.00 s  100.0%  _plan (run.py)",
        "its workers together:",
        "     2.00 s  100.0%  put (x.py)",
    ]
