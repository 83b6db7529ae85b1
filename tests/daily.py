"""Chooses the cases of a wide parametrization that `make test` runs each time; `make test-long` runs the others too."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def daily(cases: Iterable[Any], *chosen: Any) -> list[Any]:
    """Returns all cases as parameters; a tuple is several. Those not ``chosen`` get the mark ``long``."""
    every = list(cases)
    assert not (unknown := [case for case in chosen if case not in every]), unknown
    return [pytest.param(*_arguments(case), marks=[] if case in chosen else [pytest.mark.long]) for case in every]


def named(cases: Iterable[Any], *names: str) -> list[Any]:
    """Returns all cases as parameters; those whose text is not among the ``names`` get the mark ``long``."""
    every = list(cases)
    return daily(every, *(next(case for case in every if str(case) == name) for name in names))


def _arguments(case: Any) -> Collection[Any]:
    return case if type(case) is tuple else (case,)
