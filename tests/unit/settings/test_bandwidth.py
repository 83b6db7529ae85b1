"""The bandwidth timetable: which rate holds when, and how long bytes need (rclone's ``--bwlimit``)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etalase.settings.bandwidth import WEEKDAYS, Bandwidth, parse_bandwidth, time_text

JAKARTA, NEW_YORK, APIA = ZoneInfo("Asia/Jakarta"), ZoneInfo("America/New_York"), ZoneInfo("Pacific/Apia")
DAY, WEEK, K = 86400.0, 7 * 86400.0, 1024


def at(text: str, zone: ZoneInfo = JAKARTA, *, fold: int = 0) -> float:
    """Returns a local time as Unix time. 2 February 2026 is a Monday."""
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


# What a text means


@pytest.mark.parametrize(
    ("text", "bytes_per_second"),
    [
        ("512k", 512 * K), ("512K", 512 * K), ("512", 512 * K), ("512Ki", 512 * K), ("512KiB", 512 * K), ("1.5M", 1536 * K),
        ("20m", 20 * K * K), ("1G", K**3), ("800B", 800), ("800b", 800), ("0.25k", 256), ("0.1B", 1), ("off", None),
        ("OFF", None), ("0", None), (" 64k ", 64 * K),
    ],
)  # fmt: skip
def test_a_rate_is_bytes_a_second_in_powers_of_1024_and_kib_by_default(text: str, bytes_per_second: int | None) -> None:
    bandwidth = parse_bandwidth(text)
    assert bandwidth.at(0, JAKARTA).bytes_per_second == bytes_per_second
    assert bandwidth.is_off == (bytes_per_second is None)
    assert not bandwidth.is_timetable


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "nor a timetable"), ("   ", "nor a timetable"), ("fast", "«fast»"), ("512x", "«512x»"), ("-512k", "«-512k»"),
        ("512 k", "«512»"), ("512kbit", "«512kbit»"), ("512MB", "«512MB»"), ("1e6", "«1e6»"), ("nan", "«nan»"),
        ("512k:256k", "only downloads"), ("06:00,10M:1M 23:00,off", "only downloads"),
        ("06:00,512k 23:00", "«23:00»"), ("06:00,", "«»"), ("6:00,512k", "«6:00,512k»"), ("24:00,512k", "«24:00,512k»"),
        ("06:60,512k", "«06:60,512k»"), ("0600,512k", "«0600,512k»"), ("06:00,512k,1M", "«512k,1M»"),
        ("Mon-06:00,512k Noday-07:00,1M", "names no weekday"), ("Sen-06:00,512k", "names no weekday"),
        ("06:00,512k 07:00,512x", "«512x»"), ("٠٦:٠٠,512k", "is not a step"), ("９k", "«９k»"),
        ("06:00,512k " * 200, "nor a timetable"),
    ],
)  # fmt: skip
def test_what_is_no_rate_and_no_timetable_is_refused_by_the_part_that_is_wrong(text: str, names: str) -> None:
    with pytest.raises(ValueError, match="write") as refused:
        parse_bandwidth(text)
    assert names in str(refused.value)


@given(
    st.text(max_size=40) | st.from_regex(r"([A-Z][a-z]{2}-)?[0-9]{2}:[0-9]{2},[0-9]{1,5}[kM]?( [0-9:]{5},off)?", fullmatch=True)
)
def test_any_text_is_a_timetable_or_refused_with_what_may_stand_there(text: str) -> None:
    message = ""
    try:
        assert parse_bandwidth(text).steps
    except ValueError as error:
        message = str(error)
    assert not message or "write" in message


# Which rate is in force


@pytest.mark.parametrize(
    ("text", "now", "rate", "ends"),
    [
        ("06:00,512k 23:00,off", "2026-02-02 05:59:59", None, "2026-02-02 06:00"),
        ("06:00,512k 23:00,off", "2026-02-02 06:00", 512, "2026-02-02 23:00"),
        ("06:00,512k 23:00,off", "2026-02-02 22:59:59.9", 512, "2026-02-02 23:00"),
        ("06:00,512k 23:00,off", "2026-02-02 23:00", None, "2026-02-03 06:00"),
        ("23:00,off 06:00,512k", "2026-02-02 12:00", 512, "2026-02-02 23:00"),
        ("06:00,512k;23:00,off", "2026-02-02 12:00", 512, "2026-02-02 23:00"),
        # a step holds across the week's end until the next one
        ("Mon-06:00,512k Sat-00:00,off", "2026-02-06 23:59", 512, "2026-02-07 00:00"),
        ("Mon-06:00,512k Sat-00:00,off", "2026-02-09 05:59", None, "2026-02-09 06:00"),
        ("monday-06:00,512k sAt-00:00,off", "2026-02-09 05:59", None, "2026-02-09 06:00"),
        # neighbours with the same rate are one step
        ("06:00,512k 12:00,512k 23:00,off", "2026-02-02 07:00", 512, "2026-02-02 23:00"),
        # the later one in the text holds, so that a weekday can differ from every day
        ("06:00,512k 23:00,off Sun-06:00,off", "2026-02-08 12:00", None, "2026-02-09 06:00"),
        ("Sun-06:00,off 06:00,512k 23:00,off", "2026-02-08 12:00", 512, "2026-02-08 23:00"),
    ],
)
def test_a_step_holds_until_the_next_one(text: str, now: str, rate: int | None, ends: str) -> None:
    step = parse_bandwidth(text).at(at(now), JAKARTA)
    assert (step.bytes_per_second, step.ends) == (rate and rate * K, at(ends))
    assert step.begins <= at(now)


def test_times_are_those_of_the_stores_zone() -> None:
    noon_in_jakarta = datetime(2026, 2, 2, 5, 0, tzinfo=UTC).timestamp()
    bandwidth = parse_bandwidth("11:00,64k 13:00,off")
    assert bandwidth.at(noon_in_jakarta, JAKARTA).bytes_per_second == 64 * K
    assert bandwidth.at(noon_in_jakarta, ZoneInfo("UTC")).bytes_per_second is None


def test_a_step_that_the_clock_skips_begins_after_the_jump_and_delays_no_other() -> None:
    # On 8 March 2026 New York's clocks go from 02:00 to 03:00.
    skipped = parse_bandwidth("02:30,512k 03:00,off")
    assert skipped.at(at("2026-03-08 03:00", NEW_YORK), NEW_YORK).bytes_per_second is None
    alone = parse_bandwidth("02:30,512k 23:00,off")
    assert alone.at(at("2026-03-08 01:59", NEW_YORK), NEW_YORK).ends == at("2026-03-08 03:30", NEW_YORK)


def test_a_step_whose_time_comes_twice_begins_the_first_time_and_holds() -> None:
    # On 1 November 2026 they go from 02:00 back to 01:00.
    bandwidth = parse_bandwidth("01:30,512k 23:00,off")
    first, second = at("2026-11-01 01:30", NEW_YORK), at("2026-11-01 01:15", NEW_YORK, fold=1)
    assert bandwidth.at(first - 1, NEW_YORK).ends == first
    assert bandwidth.at(second, NEW_YORK) == bandwidth.at(first, NEW_YORK)
    assert bandwidth.at(first, NEW_YORK).ends - first == 22.5 * 3600


rates = st.none() | st.integers(1, 2**31)
timetables = st.builds(
    lambda steps: Bandwidth(tuple((day, minute, rate) for (day, minute), rate in sorted(steps.items()))),
    st.dictionaries(st.tuples(st.integers(0, 6), st.integers(0, 1439)), rates, min_size=1, max_size=12),
)
zones = st.sampled_from([JAKARTA, NEW_YORK, APIA, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")])
# 2011 to 2036, Samoa's missing day included
times = st.integers(1293840000, 2082758400)


@given(timetables, zones, times)
def test_at_any_moment_one_step_is_in_force_and_the_next_one_follows_it_without_a_gap(
    bandwidth: Bandwidth, zone: ZoneInfo, now: int
) -> None:
    step = bandwidth.at(now, zone)
    assert step.begins <= now < step.ends
    if bandwidth.is_timetable:
        assert bandwidth.at(step.begins, zone) == step
        following = bandwidth.at(step.ends, zone)
        assert following.begins == step.ends
        assert following.bytes_per_second != step.bytes_per_second
        assert step.ends - now <= WEEK + DAY


@given(timetables, times)
def test_where_clocks_never_change_the_rate_is_that_of_the_last_step_begun_in_the_week(bandwidth: Bandwidth, now: int) -> None:
    local = datetime.fromtimestamp(now, JAKARTA)
    minute_of_week = local.weekday() * 1440 + local.hour * 60 + local.minute
    begun = [rate for day, minute, rate in bandwidth.steps if day * 1440 + minute <= minute_of_week]
    assert bandwidth.at(now, JAKARTA).bytes_per_second == (begun or [bandwidth.steps[-1][2]])[-1]


@given(st.lists(st.tuples(st.sampled_from([*WEEKDAYS, None]), st.times(), rates), min_size=1, max_size=8))
def test_a_timetable_written_down_means_what_it_says(parts: list[tuple[str | None, datetime, int | None]]) -> None:
    expected: dict[tuple[int, int], int | None] = {}
    for day, time, rate in parts:
        for weekday in range(7) if day is None else [WEEKDAYS.index(day)]:
            expected[weekday, time.hour * 60 + time.minute] = rate
    text = " ".join(
        f"{day + '-' if day else ''}{time:%H:%M},{'off' if rate is None else f'{rate}B'}" for day, time, rate in parts
    )
    assert parse_bandwidth(text).steps == tuple((day, minute, rate) for (day, minute), rate in sorted(expected.items()))


# How long bytes need


@pytest.mark.parametrize(
    ("text", "size", "now", "seconds"),
    [
        ("off", 10**12, "2026-02-02 12:00", 0),
        ("64k", 0, "2026-02-02 12:00", 0),
        ("64k", 64 * K * 90, "2026-02-02 12:00", 90),
        ("06:00,64k 23:00,off", 64 * K * 60, "2026-02-02 22:59:30", 30),
        ("06:00,64k 23:00,off", 10**12, "2026-02-02 22:00", 3600),
        ("06:00,64k 23:00,off", 1, "2026-02-02 23:30", 0),
        ("06:00,64k 23:00,128k", 64 * K * 60, "2026-02-02 22:59:30", 45),
        ("06:00,64k 23:00,128k", 128 * K * 7 * 3600 + 64 * K * 10, "2026-02-01 23:00", 7 * 3600 + 10),
        ("1B", 2 * 365 * 86400, "2026-02-02 12:00", 2 * 365 * 86400),
    ],
)
def test_bytes_need_as_long_as_the_steps_they_cross_take(text: str, size: int, now: str, seconds: float) -> None:
    assert parse_bandwidth(text).seconds_for(size, at(now), JAKARTA) == pytest.approx(seconds)


@given(timetables, zones, times, st.integers(0, 10**9), st.integers(0, 10**9))
def test_more_bytes_never_need_less_time_and_halves_need_as_long_as_the_whole(
    bandwidth: Bandwidth, zone: ZoneInfo, now: int, first: int, second: int
) -> None:
    whole = bandwidth.seconds_for(first + second, now, zone)
    begun = bandwidth.seconds_for(first, now, zone)
    assert 0 <= begun <= whole
    if whole < 300 * DAY and bandwidth.at(now + begun, zone).bytes_per_second is not None:
        assert begun + bandwidth.seconds_for(second, now + begun, zone) == pytest.approx(whole, abs=1e-3)


def test_the_seconds_of_a_transfer_beyond_a_year_are_extrapolated() -> None:
    years = parse_bandwidth("06:00,1B 23:00,2B").seconds_for(2**36, at("2026-02-02 12:00"), JAKARTA) / (365 * DAY)
    assert 1500 < years < 1900


# Off-peak


@pytest.mark.parametrize(
    ("text", "now", "begins"),
    [
        ("06:00,512k 23:00,off", "2026-02-02 02:00", "2026-02-02 02:00"),
        ("06:00,512k 23:00,off", "2026-02-02 12:00", "2026-02-02 23:00"),
        ("06:00,512k 23:00,1M", "2026-02-02 12:00", "2026-02-02 23:00"),
        ("06:00,512k 12:00,2M 23:00,1M", "2026-02-02 23:30", "2026-02-03 12:00"),
        ("06:00,512k Sat-00:00,off", "2026-02-02 02:00", "2026-02-07 00:00"),
    ],
)
def test_off_peak_is_the_widest_step(text: str, now: str, begins: str) -> None:
    assert at(now) + parse_bandwidth(text).seconds_to_widest(at(now), JAKARTA) == at(begins)


@given(timetables, zones, times)
def test_after_the_wait_for_off_peak_the_widest_rate_is_in_force(bandwidth: Bandwidth, zone: ZoneInfo, now: int) -> None:
    begins = now + bandwidth.seconds_to_widest(now, zone)
    assert bandwidth.at(begins, zone).bytes_per_second == bandwidth.widest
    assert begins - now <= timedelta(days=8).total_seconds()


# For people


def test_a_time_is_shown_in_the_stores_zone_with_its_weekday_where_it_is_not_within_a_day() -> None:
    now = at("2026-02-02 12:00")
    assert time_text(at("2026-02-02 23:00"), now, JAKARTA) == "23:00"
    assert time_text(at("2026-02-07 00:00"), now, JAKARTA) == "Sat 00:00"
