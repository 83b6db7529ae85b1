"""The loop of retries: how often, how long between attempts, and when an error is the last."""

from random import Random

import pytest

from etalase.retry import Again, Retries, retry_after_seconds

NOW = 1_770_000_000.0


class Attempts:
    """Fails as often as specified, and then returns "done"; ``pauses`` records the waits between attempts."""

    def __init__(self, failures: int) -> None:
        self.left, self.made = failures, 0
        self.pauses: list[float] = []

    def __call__(self) -> str:
        self.made += 1
        if self.made <= self.left:
            raise OSError(self.made)
        return "done"

    def retries(self, tries: int) -> Retries:
        return Retries(tries, self.pauses.append, Random(1))


def test_a_passing_failure_is_retried_with_growing_shortened_pauses() -> None:
    attempts = Attempts(7)
    assert attempts.retries(8).call(attempts, lambda _: Again()) == "done"
    longest = [1, 2, 4, 8, 16, 30, 30]
    assert all(most / 2 <= pause <= most for pause, most in zip(attempts.pauses, longest, strict=True))


def test_two_clients_that_failed_together_do_not_wait_equally_long() -> None:
    assert len({Retries(3, random=Random(seed)).backoff_seconds(1) for seed in range(50)}) == 50


def test_the_last_attempts_error_is_raised_without_a_pause_after_it() -> None:
    attempts = Attempts(9)
    with pytest.raises(OSError, match="3"):
        attempts.retries(3).call(attempts, lambda _: Again())
    assert len(attempts.pauses) == 2


def test_an_error_that_waiting_does_not_mend_is_raised_at_once() -> None:
    attempts = Attempts(9)
    with pytest.raises(OSError, match="1"):
        attempts.retries(3).call(attempts, lambda _: None)
    assert attempts.pauses == []


def test_the_servers_wish_is_the_least_pause() -> None:
    attempts = Attempts(2)
    attempts.retries(3).call(attempts, lambda error: Again(60.0 if error.args == (1,) else 0.1))
    assert attempts.pauses[0] == 60
    assert 1 <= attempts.pauses[1] <= 2


def test_an_attempt_that_brought_a_part_begins_a_new_count() -> None:
    attempts = Attempts(5)
    assert attempts.retries(2).call(attempts, lambda _: Again(has_progressed=True)) == "done"
    assert all(pause <= 1 for pause in attempts.pauses)


def test_each_pause_is_logged_with_its_error() -> None:
    attempts, logged = Attempts(1), list[tuple[Exception, float]]()
    attempts.retries(2).call(attempts, lambda _: Again(5.0), log=lambda error, seconds: logged.append((error, seconds)))
    assert [(error.args, seconds) for error, seconds in logged] == [((1,), 5.0)]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0), ("3", 3.0), ("86400", 86400.0),
        ("Mon, 02 Feb 2026 02:41:00 GMT", 60.0), ("Mon, 02 Feb 2026 02:30:00 GMT", 0.0),
        ("", None), ("soon", None), ("-1", None), ("\u00b2", None), ("1.5", None),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None), ("Mon, 01 Jan 2026 00:00:00 +999999", None),
    ],
)  # fmt: skip
def test_a_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    assert retry_after_seconds(value, now=NOW) == seconds
