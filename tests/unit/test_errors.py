"""Every error says what to do, and what a retry can do about it."""

import inspect

import pytest

from etalase import errors
from etalase.errors import EtalaseError, PhotoError, Reason, ReasonClass, SettingsError

ALL_ERRORS = [thing for _, thing in inspect.getmembers(errors, inspect.isclass) if issubclass(thing, EtalaseError)]


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_class(reason: Reason) -> None:
    assert reason.reason_class in ReasonClass


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (Reason.TIMEOUT, ReasonClass.TRANSIENT),
        (Reason.SERVER_ERROR, ReasonClass.TRANSIENT),
        (Reason.THROTTLED, ReasonClass.TRANSIENT),
        (Reason.STORE_FULL, ReasonClass.TRANSIENT),
        (Reason.NOT_FOUND, ReasonClass.PERMANENT),
        (Reason.FORBIDDEN, ReasonClass.PERMANENT),
        (Reason.ORIGIN_REFUSED, ReasonClass.PERMANENT),
        (Reason.BAD_KEY, ReasonClass.PERMANENT),
        (Reason.CHECKSUM_MISMATCH, ReasonClass.WRONG_DATA),
        (Reason.SIZE_MISMATCH, ReasonClass.WRONG_DATA),
        (Reason.TYPE_MISMATCH, ReasonClass.WRONG_DATA),
        (Reason.PRODUCT_MISSING, ReasonClass.PARKED),
    ],
)
def test_transient_lasting_and_data_reasons_are_told_apart(reason: Reason, expected: ReasonClass) -> None:
    assert reason.reason_class is expected
    assert PhotoError(reason, "x").retryable is (expected is ReasonClass.TRANSIENT)


def test_wrong_data_and_vanished_photos_may_be_stale() -> None:
    stale = {reason for reason in Reason if reason.may_be_stale}
    assert stale == {
        Reason.CHECKSUM_MISMATCH,
        Reason.SIZE_MISMATCH,
        Reason.TYPE_MISMATCH,
        Reason.CHECKSUM_MISSING,
        Reason.HO_CONTRADICTS_ITSELF,
        Reason.NOT_FOUND,
        Reason.FORBIDDEN,
    }


@pytest.mark.parametrize("error", ALL_ERRORS)
def test_every_error_has_a_documented_exit_status(error: type[EtalaseError]) -> None:
    assert error.exit_status in {1, 2, 4, 75}


@pytest.mark.parametrize("error", ALL_ERRORS)
def test_every_error_is_in_the_tree_of_the_module_docstring(error: type[EtalaseError]) -> None:
    assert error.__name__ in (errors.__doc__ or "")


def test_an_error_gives_its_message_and_then_its_hint() -> None:
    assert str(EtalaseError("It broke.", hint="Mend it.")) == "It broke. Mend it."
    assert str(EtalaseError("It broke.")) == "It broke."


def test_wrong_settings_are_named_one_by_one() -> None:
    error = SettingsError(["ETALASE_HO_URL is missing.", "ETALASE_WORKERS «x»: …"])
    assert error.exit_status == 2
    assert str(error).count("\n") == 2
