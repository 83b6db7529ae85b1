"""Settings: each that is missing, malformed or unsafe is named, and no secret is ever shown (hazard 49)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.settings.examples import EDGE, HEAD_OFFICE, SECRET, SERVER

from etalase.errors import SettingsError
from etalase.settings.edge import EdgeServerSettings, EdgeSettings
from etalase.settings.head_office import HeadOfficeSettings
from etalase.settings.reading import PUBLISHED_SECRETS, from_environment, parse_settings, together


def problems(source: Mapping[str, Any], screen: type[EdgeSettings | EdgeServerSettings] = EdgeSettings) -> list[str]:
    """Returns the problems of ``source``."""
    with pytest.raises(SettingsError) as refused:
        parse_settings(screen, source)
    assert SECRET not in str(refused.value)
    return refused.value.problems


def test_the_promised_settings_exist() -> None:
    named = (
        "HO_URL HO_USERNAME HO_PASSWORD COMPANY_ID STORE_ID IMAGE_ORIGINS IMAGE_URL_REWRITE S3_ENDPOINT S3_ACCESS_KEY"
        " S3_SECRET_KEY S3_BUCKET S3_REGION S3_PUBLIC_URL SCHEDULE_OFFSET_MINUTES RECLAIM_GRACE WORKERS"
    )
    assert set(named.split()) <= set(EdgeSettings.model_fields)
    assert {"BROKER_URL", "TIME_ZONE", "SECRET_KEY", "ALLOWED_HOSTS", "CORS_ORIGINS"} <= set(EdgeServerSettings.model_fields)


def test_the_promised_defaults_hold() -> None:
    settings = parse_settings(EdgeSettings, EDGE)
    assert settings.S3_BUCKET == "product-images"
    assert timedelta(hours=24) == settings.RECLAIM_GRACE
    assert settings.WORKERS is None
    assert settings.most_workers == 64
    assert settings.TRIES == 3
    assert settings.HO_URL == "http://ho.example:8002"
    assert parse_settings(EdgeServerSettings, SERVER).TIME_ZONE == "Asia/Jakarta"


@pytest.mark.parametrize("name", list(EDGE))
@pytest.mark.parametrize("absent", ["missing", "empty"])
def test_a_setting_that_is_missing_is_named(name: str, absent: str) -> None:
    source = {**EDGE, name: ""} if absent == "empty" else {key: value for key, value in EDGE.items() if key != name}
    assert problems(source) == [f"ETALASE_{name} is missing."]


def test_all_that_is_missing_is_named_at_once() -> None:
    assert len(problems({})) == len(EDGE)


def test_both_screens_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        together(lambda: parse_settings(EdgeSettings, {}), lambda: parse_settings(EdgeServerSettings, {}))
    assert len(refused.value.problems) == len(EDGE) + len(SERVER)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("HO_URL", "ho.example:8002", "http://HOST:PORT"),
        ("HO_URL", "ftp://ho.example", "http://HOST:PORT"),
        ("HO_URL", "http://", "http://HOST:PORT"),
        ("HO_URL", "http://ho.example:port", "HO_URL"),
        ("HO_URL", "http://ho.example:99999", "HO_URL"),
        ("HO_URL", "http://ho.example?x=1", "http://HOST:PORT"),
        ("HO_URL", "http://höst", "http://HOST:PORT"),
        ("HO_URL", "http://ho. example", "http://HOST:PORT"),
        ("HO_URL", "http://admin@ho.example", "user name"),
        ("S3_PUBLIC_URL", "edge:9000", "http://HOST:PORT"),
        ("COMPANY_ID", "7", "UUID"),
        ("STORE_ID", "AVRIL-001", "UUID"),
        ("S3_BUCKET", "Product_Images", "pattern"),
        ("WORKERS", "0", "from 1 to 64"),
        ("WORKERS", "many", "neither auto nor a number"),
        ("WORKERS", "1000", "from 1 to 64"),
        ("WORKERS", "-1", "from 1 to 64"),
        ("WORKERS", "4.5", "from 1 to 64"),
        ("TRIES", "0", "greater"),
        ("MAX_PHOTO_BYTES", "-1", "greater"),
        ("MAX_PHOTO_BYTES", str(2**31), "less"),
        ("CONNECT_TIMEOUT_SECONDS", "nan", "CONNECT_TIMEOUT_SECONDS"),
        ("CONNECT_TIMEOUT_SECONDS", "inf", "less"),
        ("RECLAIM_GRACE", "a day", "24h"),
        ("RECLAIM_GRACE", "24", "24h"),
        ("RECLAIM_GRACE", "-1h", "24h"),
        ("IMAGE_URL_REWRITE", "minio:9000", "pattern"),
        ("SCHEDULE_OFFSET_MINUTES", "60", "less"),
        ("DEMO", "perhaps", "boolean"),
        ("BANDWIDTH", "06:00,512k 23:00,fast", "«fast» is not a rate"),
        ("BANDWIDTH", "512k:64k", "only downloads"),
        ("FULL_RUN", "off-peak", "needs a timetable"),
        ("FULL_RUN", "at night", "off-peak"),
    ],
)
def test_a_setting_that_is_malformed_is_named_with_its_value(name: str, value: str, says: str) -> None:
    (problem,) = problems({**EDGE, name: value})
    assert problem.startswith(f"ETALASE_{name} «{value}»")
    assert says in problem


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("TIME_ZONE", "Asia/Djakarta", "did you mean Asia/Jakarta?"),
        ("TIME_ZONE", "+07:00", "not a time zone"),
        ("LOG_LEVEL", "LOUD", "pattern"),
    ],
)
def test_a_server_setting_that_is_malformed_is_named(name: str, value: str, says: str) -> None:
    (problem,) = problems({**SERVER, name: value}, EdgeServerSettings)
    assert problem.startswith(f"ETALASE_{name} ")
    assert says in problem


def test_the_old_name_of_a_time_zone_names_the_present_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etalase.settings.values.available_timezones", lambda: {"Asia/Jakarta", "Asia/Bahrain"})
    (problem,) = problems({**SERVER, "TIME_ZONE": "Asia/Batavia"}, EdgeServerSettings)
    assert "write Asia/Jakarta" in problem


def test_spaces_around_a_user_name_do_not_count() -> None:
    assert parse_settings(EdgeSettings, {**EDGE, "HO_USERNAME": " store "}).HO_USERNAME == "store"


@pytest.mark.parametrize(("text", "expected"), [("0s", 0), ("90 s", 90), ("5m", 300), ("24h", 86400), ("7d", 604800)])
def test_a_duration_is_a_number_and_its_unit(text: str, expected: int) -> None:
    assert parse_settings(EdgeSettings, {**EDGE, "RECLAIM_GRACE": text}).RECLAIM_GRACE.total_seconds() == expected


@pytest.mark.parametrize("text", ["512k", "off", "06:00,512k 23:00,512k"])
def test_off_peak_needs_a_rate_that_is_wider_than_another(text: str) -> None:
    assert problems({**EDGE, "BANDWIDTH": text, "FULL_RUN": "off-peak"})[0].startswith("ETALASE_FULL_RUN «off-peak»: needs")
    assert parse_settings(
        EdgeSettings, {**EDGE, "BANDWIDTH": "06:00,512k 23:00,off", "FULL_RUN": "off-peak"}
    ).BANDWIDTH.is_timetable


def test_lists_are_separated_by_commas() -> None:
    settings = parse_settings(EdgeSettings, {**EDGE, "IMAGE_ORIGINS": " minio:9000, , http://10.1.2.3 "})
    assert settings.IMAGE_ORIGINS == ["minio:9000", "http://10.1.2.3"]


@pytest.mark.parametrize(
    ("misspelt", "meant"), [("WORKER", "WORKERS"), ("S3_PUBLIC_URI", "S3_PUBLIC_URL"), ("STOREID", "STORE_ID")]
)
def test_an_unknown_name_is_refused_and_the_one_meant_suggested(misspelt: str, meant: str) -> None:
    (problem,) = problems({**EDGE, misspelt: "1"})
    assert problem == f"ETALASE_{misspelt} is not a setting; did you mean ETALASE_{meant}?"


def test_an_unknown_name_like_no_other_is_refused_too() -> None:
    assert problems({**EDGE, "XYZZY": "1"}) == ["ETALASE_XYZZY is not a setting."]


# The guide's passwords


@pytest.mark.parametrize("published", sorted(PUBLISHED_SECRETS))
@pytest.mark.parametrize("name", ["HO_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY"])
def test_the_guides_passwords_are_refused(name: str, published: str) -> None:
    (problem,) = problems({**EDGE, name: published})
    assert f"ETALASE_{name}" in problem
    assert published not in problem


@pytest.mark.parametrize("password", ["admin123", "Admin123%20", "%61dmin123", "minioadmin"])
@pytest.mark.parametrize("name", ["DATABASE_URL", "BROKER_URL"])
def test_the_guides_passwords_are_refused_in_addresses_too(name: str, password: str) -> None:
    known = {"DATABASE_URL": "postgresql://db/x", "BROKER_URL": "redis://b", "SECRET_KEY": "k" * 40, "ALLOWED_HOSTS": "edge"}
    address = {"DATABASE_URL": f"postgresql://edge:{password}@db/x", "BROKER_URL": f"redis://:{password}@b"}[name]
    with pytest.raises(SettingsError) as refused:
        parse_settings(EdgeServerSettings, {**known, name: address})
    assert f"{name}: this value is in the public guide" in str(refused.value)
    assert password not in str(refused.value)


def test_the_guides_own_keys_are_among_the_published_ones() -> None:
    assert {"admin123", "edge_foodlife_admin", "edge_foodlife_secret_2026"} <= PUBLISHED_SECRETS


def test_all_published_passwords_are_named_at_once() -> None:
    (problem,) = problems({**EDGE, "HO_PASSWORD": "admin123", "S3_SECRET_KEY": "edge_foodlife_secret_2026"})
    assert "ETALASE_HO_PASSWORD, ETALASE_S3_SECRET_KEY" in problem


DEMO = {
    **EDGE,
    "DEMO": "true",
    "HO_PASSWORD": "admin123",
    "S3_SECRET_KEY": "edge_foodlife_secret_2026",
    "HO_URL": "http://127.0.0.1:8002",
    "S3_ENDPOINT": "http://localhost:9000",
}


def test_the_demo_takes_the_guides_passwords_on_this_machine() -> None:
    assert parse_settings(EdgeSettings, DEMO).HO_PASSWORD.get_secret_value() == "admin123"


@pytest.mark.parametrize("name", ["HO_URL", "S3_ENDPOINT"])
@pytest.mark.parametrize("url", ["http://10.1.2.3:8002", "http://localhost.evil.example", "http://0.0.0.0:8002"])
def test_the_demo_reaches_nobody_but_this_machine(name: str, url: str) -> None:
    (problem,) = problems({**DEMO, name: url})
    assert f"ETALASE_{name}" in problem


def test_head_office_refuses_the_guides_keys_too() -> None:
    with pytest.raises(SettingsError, match="ETALASE_S3_ACCESS_KEY"):
        parse_settings(HeadOfficeSettings, {**HEAD_OFFICE, "S3_ACCESS_KEY": "minioadmin"})
    assert parse_settings(HeadOfficeSettings, HEAD_OFFICE).ALLOWED_HOSTS == ["ho.example", "10.0.0.1"]


@pytest.mark.parametrize(
    ("given", "secure"),
    [
        ({}, False),
        ({"CSRF_TRUSTED_ORIGINS": "http://ho.example"}, False),
        ({"CSRF_TRUSTED_ORIGINS": "http://ho.example,https://ho.example"}, True),
        ({"HSTS_SECONDS": "3600"}, True),
        ({"SECURE_COOKIES": "true"}, True),
        ({"HSTS_SECONDS": "3600", "SECURE_COOKIES": "false"}, False),
    ],
)
def test_cookies_travel_over_https_only_where_a_setting_says_that_there_is_https(given: dict[str, str], secure: bool) -> None:
    assert parse_settings(HeadOfficeSettings, HEAD_OFFICE | given).cookies_are_secure is secure


# Secrets


@pytest.mark.parametrize("screen", [parse_settings(EdgeSettings, EDGE), parse_settings(EdgeServerSettings, SERVER)])
def test_settings_can_be_printed_without_their_secrets(screen: object) -> None:
    assert SECRET not in repr(screen)
    assert SECRET not in str(screen)


def test_a_secret_that_is_malformed_is_not_shown() -> None:
    (problem,) = problems({**SERVER, "SECRET_KEY": "short"}, EdgeServerSettings)
    assert "(not shown)" in problem
    assert "short»" not in problem


# Where settings come from


def test_the_environment_names_them_with_a_prefix_and_the_database_without(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**EDGE, **SERVER}.items():
        monkeypatch.setenv("DATABASE_URL" if name == "DATABASE_URL" else f"ETALASE_{name}", value)
    edge = from_environment(EdgeSettings, others=(EdgeServerSettings, HeadOfficeSettings))
    server = from_environment(EdgeServerSettings, others=(EdgeSettings, HeadOfficeSettings))
    assert edge.HO_USERNAME == "store"
    assert server.DATABASE_URL.get_secret_value() == SERVER["DATABASE_URL"]


def test_what_another_program_of_ours_reads_is_no_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in EDGE.items():
        monkeypatch.setenv(f"ETALASE_{name}", value)
    monkeypatch.setenv("ETALASE_TOMBSTONE_DAYS", "90")
    assert from_environment(EdgeSettings, others=(HeadOfficeSettings,))
    monkeypatch.setenv("ETALASE_TOMBSTONE_DAY", "90")
    with pytest.raises(SettingsError, match="ETALASE_TOMBSTONE_DAY"):
        from_environment(EdgeSettings, others=(HeadOfficeSettings,))


def test_every_store_has_a_minute_of_its_own_that_does_not_change() -> None:
    minutes = {parse_settings(EdgeSettings, {**EDGE, "STORE_ID": f"{n:032x}"}).schedule_offset_minutes for n in range(500)}
    assert minutes == set(range(60))
    assert parse_settings(EdgeSettings, {**EDGE, "SCHEDULE_OFFSET_MINUTES": "0"}).schedule_offset_minutes == 0


def test_the_guides_passwords_are_named_together_with_whatever_else_is_wrong() -> None:
    wrong = problems({**EDGE, "HO_PASSWORD": "admin123", "S3_SECRET_KEY": "edge_foodlife_secret_2026", "WORKERS": "many"})
    assert any("ETALASE_HO_PASSWORD, ETALASE_S3_SECRET_KEY" in line for line in wrong)
    assert any("ETALASE_WORKERS" in line for line in wrong)


def test_in_the_demo_another_mistake_does_not_bring_the_guides_passwords_up() -> None:
    here = {"HO_URL": "http://127.0.0.1:1", "S3_ENDPOINT": "http://127.0.0.1:2"}
    assert len(problems({**EDGE, **here, "HO_PASSWORD": "admin123", "DEMO": "1", "WORKERS": "many"})) == 1


def test_a_database_that_is_not_postgresql_is_refused_by_name() -> None:
    for nameless in ("postgresql://edge:secret1@db", "postgresql://edge:secret1@db:5432/", "postgresql://"):
        [line] = problems({**SERVER, "DATABASE_URL": nameless}, EdgeServerSettings)
        assert line.startswith("DATABASE_URL (not shown): names no database: postgresql://")
    [line] = problems({**SERVER, "DATABASE_URL": "sqlite:///edge.db"}, EdgeServerSettings)
    assert line.startswith("DATABASE_URL (not shown): is not an address of the form postgresql://")


def test_a_misspelt_setting_is_named_once_though_two_screens_refuse_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETALASE_TYPO", "1")
    with pytest.raises(SettingsError) as refused:
        together(lambda: from_environment(EdgeSettings), lambda: from_environment(EdgeServerSettings))
    assert sum("ETALASE_TYPO" in line for line in refused.value.problems) == 1


@pytest.mark.parametrize(
    "url", ["foo://x", "mysql://x", "nonsense", "redis://127.0.0.1:notaport/0", "redis://[::1", "http://x"]
)
def test_a_broker_that_can_be_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_settings(EdgeServerSettings, SERVER | {"BROKER_URL": url})
    assert "ETALASE_BROKER_URL (not shown): is not an address of the form redis://" in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p%40ss@h/0",
        "rediss://h:6380/0?ssl_cert_reqs=required",
        "redis+socket:///run/x",
        "sentinel://a:1;sentinel://b:2",
    ],
)
def test_brokers_of_all_kinds_are_taken(url: str) -> None:
    assert parse_settings(EdgeServerSettings, SERVER | {"BROKER_URL": url}).BROKER_URL.get_secret_value() == url


def test_a_name_that_neither_class_knows_is_reported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**EDGE, **SERVER, "HO_URLL": "x"}.items():
        monkeypatch.setenv(name if name == "DATABASE_URL" else f"ETALASE_{name}", str(value))
    with pytest.raises(SettingsError) as refused:
        together(
            lambda: from_environment(EdgeSettings, others=(EdgeServerSettings,)),
            lambda: from_environment(EdgeServerSettings, others=(EdgeSettings,)),
        )
    assert refused.value.problems == ["ETALASE_HO_URLL is not a setting; did you mean ETALASE_HO_URL?"]


@pytest.mark.parametrize(
    ("given", "on"),
    [
        ({}, False),
        ({"METRICS": "true"}, True),
        ({"METRICS_TOKEN": "a" * 16}, True),
        ({"METRICS": "0", "METRICS_TOKEN": "a" * 16}, False),
    ],
)
def test_metrics_are_on_by_setting_only(given: dict[str, str], on: bool) -> None:
    assert parse_settings(EdgeSettings, EDGE | given).has_metrics is on
    assert parse_settings(HeadOfficeSettings, HEAD_OFFICE | given).has_metrics is on
