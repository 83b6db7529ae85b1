"""Checks that a log's own names of secrets hide the values after them, and nothing else."""

import time

import pytest

from etalase.support.labelled_secrets import hide_labelled

CANARY = "CANARY0a1b2c3d"


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Token {}",
        '{{"Authorization": "Token {}", "run_id": 3}}',
        "X-Api-Key: {}",
        "Cookie: csrftoken=abc; sessionid={}",
        "Set-Cookie: sessionid={}; Path=/",
        "GET /x?password={}&y=1",
        "GET /x?access_token={}",
        '{{"username":"a","password":"{}"}}',
        '{{"password":"two words {}"}}',
        '{{"refresh": "{}"}}',
        "{{'password': '{}'}}",
        '{{\\"password\\": \\"{}\\"}}',
        "password={} host=db",
        "    password = '{}'",
        "  password: {}",
        "ALTER ROLE x PASSWORD '{}'",
        "AWS4-HMAC-SHA256 Credential=K, SignedHeaders=host, Signature={}",
        "ETALASE_HO_PASSWORD={}",
        "'secret_key' => '{}'",
        "git clone https://{}@github.com/a/b",
        "see //user:{}@host/x",
        "curl -u user:{} https://x",
        "['curl', '-u', 'user:{}']",
        "curl --proxy-user=user:{} https://x",
        "pwd: {}",
        "db_pass={}",
        "etalase edge init --ho-password {} --json",
        "'--password', '{}'",
        "<password>{}</password>",
        '<ns:secretKey kind="a">{}</ns:secretKey>',
        '("password", "{}")',
        "(b'authorization', b'Token {}')",
        "DETAIL:  Key (token)=({}) already exists.",
        "DETAIL:  Key (store, token)=(1, {}) already exists.",
        "DETAIL:  Failing row contains (1, {}, x).",
        "DETAIL:  parameters: $1 = 'it''s {}', $2 = '{}'",
        "sandi={}",
        "Kata sandi: {}",
        "Settings(password=SecretStr('{}'))",
        "a password=b'{}'",
        "secret_key: !!binary {}",
        "secret_key: !!binary |\n  {}\n  {}",
        "password: two words {}",
        "at login password=a,b;c&{}",
        'login password="{}',
        '{{"password":"a\\"b{}"}}',
        "mysql -u root -p{} db",
        "mysqldump --all-databases -p'{}'",
        "sshpass -p {} ssh h",
        "redis-cli -h h -a {} ping",
        "your password is {}",
        "PASS {}",
        "api_key {}",
        "password (again): {}",
        "Senha: {}",
        "hasło = {}",
        "contraseña: {}",
    ],
)
def test_a_value_after_the_name_of_a_secret_is_hidden(line: str) -> None:
    shown = hide_labelled(line.format(CANARY, CANARY))
    assert CANARY not in shown
    assert "[hidden]" in shown


@pytest.mark.parametrize(
    "line",
    [
        'password authentication failed for user "edge"',
        "Check ETALASE_HO_USERNAME and ETALASE_HO_PASSWORD, and that the account is active.",
        '{"message":"GET /api/v1/token/ 200","run_id":3}',
        "the access token is good for 60 minutes",
        "PWD=/home/etalase",
        "mysql -P3306 -u root -p db",
        "the password is wrong or too short",
        "3 tokens deleted",
        "docker run -u 1000:1000 ssh://git@host http://a:80/x@y",
    ],
)
def test_other_lines_stay_as_they_are(line: str) -> None:
    assert hide_labelled(line) == line


def test_a_wrapped_value_is_hidden_whole() -> None:
    assert hide_labelled(f"x(password=SecretStr('{CANARY}'))") == "x(password=SecretStr('[hidden]'))"


def test_the_rest_of_a_line_stays_readable() -> None:
    line = '{"message":"login","password":"x1","run_id":3}'
    assert hide_labelled(line) == '{"message":"login","password":"[hidden]","run_id":3}'


@pytest.mark.parametrize(
    "text",
    [
        "password" * 130_000, "token='" * 150_000, "x-" + "a-" * 500_000, "cookie" + " " * 1_000_000, "//a:" * 250_000,
        "(token)=(" * 110_000, "DETAIL: (" * 110_000, "--pass " * 140_000, "<pw " * 250_000, "-u a:" * 200_000,
        "pw=\\" * 250_000, "a" * 1_000_000,
    ],
    ids=lambda text: text[:9],
)  # fmt: skip
def test_a_hostile_log_costs_little(text: str) -> None:
    began = time.process_time()
    hide_labelled(text)
    assert time.process_time() - began < 60
