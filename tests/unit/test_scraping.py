"""Checks who may read metrics, and that hanging work costs one thread and no caller more than its time."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from etalase.scraping import ELSEWHERE, NO_TOKEN, OFF, Refusal, SingleFlight, refusal
from etalase.server import LOCAL_ADDRESS

TOKEN = "a-scrapers-own-token"
BEARER = {"HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
HERE, THERE = {"REMOTE_ADDR": "127.0.0.1"}, {"REMOTE_ADDR": "192.168.1.20"}


@pytest.mark.parametrize(
    ("environ", "token", "proxies", "expected"),
    [
        (HERE, "", 0, None),
        ({"REMOTE_ADDR": "127.8.9.10"}, "", 0, None),
        ({"REMOTE_ADDR": "::1"}, "", 0, None),
        ({"REMOTE_ADDR": "::ffff:127.0.0.1"}, "", 0, None),
        (THERE, "", 0, ELSEWHERE),
        ({**THERE, LOCAL_ADDRESS: "192.168.1.20"}, "", 0, None),  # by the address that the web server listens at
        ({**THERE, LOCAL_ADDRESS: "192.168.1.10"}, "", 0, ELSEWHERE),
        ({**THERE, LOCAL_ADDRESS: "192.168.1.20"}, "", 1, ELSEWHERE),
        ({"REMOTE_ADDR": "", LOCAL_ADDRESS: ""}, "", 0, ELSEWHERE),
        ({"REMOTE_ADDR": "::ffff:192.168.1.20"}, "", 0, ELSEWHERE),
        ({"REMOTE_ADDR": ""}, "", 0, ELSEWHERE),  # a Unix socket
        ({}, "", 0, ELSEWHERE),
        ({**HERE, "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, "", 0, ELSEWHERE),
        ({**HERE, "HTTP_FORWARDED": "for=127.0.0.1"}, "", 0, ELSEWHERE),
        ({**HERE, "HTTP_X_REAL_IP": "127.0.0.1"}, "", 0, ELSEWHERE),
        ({**HERE, "HTTP_VIA": "1.1 proxy"}, "", 0, ELSEWHERE),
        (HERE, "", 1, ELSEWHERE),
        (HERE, TOKEN, 0, NO_TOKEN),
        ({**THERE, **BEARER}, TOKEN, 0, None),
        ({**HERE, **BEARER, "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, TOKEN, 1, None),
        ({**THERE, "HTTP_AUTHORIZATION": "Bearer "}, TOKEN, 0, NO_TOKEN),
        ({**THERE, "HTTP_AUTHORIZATION": TOKEN}, TOKEN, 0, NO_TOKEN),
        ({**THERE, "HTTP_AUTHORIZATION": "Bearer tökèn"}, TOKEN, 0, NO_TOKEN),
        ({**THERE, "HTTP_AUTHORIZATION": "Bearer \udcff"}, TOKEN, 0, NO_TOKEN),
        ({**THERE, "HTTP_AUTHORIZATION": "Bearer "}, "", 0, ELSEWHERE),
    ],
)
def test_metrics_are_for_holders_of_the_token_or_for_this_machine(
    environ: dict[str, Any], token: str, proxies: int, expected: Refusal | None
) -> None:
    assert refusal(environ, is_on=True, token=SecretStr(token), proxies=proxies) == expected


def test_no_client_reads_metrics_that_are_off() -> None:
    assert refusal({**HERE, **BEARER}, is_on=False, token=SecretStr(TOKEN)) == OFF


def test_callers_share_work_in_flight_and_each_waits_only_its_own_time() -> None:
    begun, go_on, calls = threading.Event(), threading.Event(), []

    def work() -> int:
        calls.append(1)
        begun.set()
        assert go_on.wait(60)
        return len(calls)

    flight = SingleFlight(work)
    for _ in range(5):
        with pytest.raises(TimeoutError):
            flight.result(0.001)
    assert begun.wait(60)
    assert len(calls) == 1
    go_on.set()
    assert flight.result(30) >= 1
    assert flight.result(30) >= 2  # new work after the end of the old


def test_an_error_of_the_work_reaches_its_callers_and_the_next_one_tries_again() -> None:
    outcomes: Iterator[int | ValueError] = iter([ValueError("odd"), 7])

    def work() -> int:
        outcome = next(outcomes)
        if isinstance(outcome, ValueError):
            raise outcome
        return outcome

    flight = SingleFlight(work)
    with pytest.raises(ValueError, match="odd"):
        flight.result(30)
    assert flight.result(30) == 7
