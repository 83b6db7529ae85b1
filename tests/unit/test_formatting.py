"""Bytes, rates and durations as text."""

import pytest

from etalase import formatting

K = 1024


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 B"), (1023, "1023 B"), (K, "1.0 KiB"), (12 * K * K, "12.0 MiB"), (360 * K * K + K, "360.0 MiB"), (K**3, "1.0 GiB")],
)
def test_a_size_has_one_decimal_in_the_largest_unit_that_it_fills(size_bytes: int, text: str) -> None:
    assert formatting.size(size_bytes) == text


@pytest.mark.parametrize(
    ("done", "total", "text"),
    [(0, 800, "0/800 B"), (K, 4 * K * K, "0.0/4.0 MiB"), (K * K // 2, 4 * K * K, "0.5/4.0 MiB"), (K**3, K**3, "1.0/1.0 GiB")],
)
def test_a_share_is_in_the_unit_of_the_total(done: int, total: int, text: str) -> None:
    assert formatting.share(done, total) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(800, "800 B/s"), (512 * K, "512 KiB/s"), (1536 * K, "1.5 MiB/s"), (20 * K * K, "20 MiB/s"), (K**3, "1 GiB/s")],
)
def test_a_rate_has_the_unit_of_the_setting(rate: int, text: str) -> None:
    assert formatting.rate(rate) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.2, "1 s"), (89, "89 s"), (700, "12 min"), (5400, "1.5 h"), (12345, "3.5 h"), (86400, "24 h")],
)
def test_a_duration_is_rounded_up(seconds: float, text: str) -> None:
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0.0 s"), (1.62, "1.6 s"), (700, "12 min")])
def test_a_measured_duration_shows_tenths_while_they_matter(seconds: float, text: str) -> None:
    assert formatting.elapsed(seconds) == text
