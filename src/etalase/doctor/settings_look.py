"""The first check of each doctor: the settings, with every problem at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from etalase.doctor.check import Fault

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class SettingsLook(Generic[S]):
    """The settings of a half, or the problem of each that is wrong."""

    settings: S | None
    problems: Sequence[str] = ()

    def __call__(self) -> str:
        """Says that they are valid. Raises :class:`Fault` with all problems."""
        if self.problems:
            raise Fault(" ".join(self.problems), hint="Correct each setting named here; docs/operations.md explains them.")
        return "valid"
