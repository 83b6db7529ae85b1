"""Checks whether a worker that ended got a stop signal: then it is not restarted."""

import pytest
from celery.worker import state

from etalase import serving


@pytest.mark.parametrize(("signal", "stops"), [(None, False), (False, False), (0, True), (1, True), (True, True)])
def test_a_stop_signal_with_exit_status_0_counts_as_a_stop(
    monkeypatch: pytest.MonkeyPatch, signal: object, stops: bool
) -> None:
    monkeypatch.setattr(state, "should_stop", signal)
    monkeypatch.setattr(state, "should_terminate", None)
    assert serving._is_stopped_by_signal() is stops
