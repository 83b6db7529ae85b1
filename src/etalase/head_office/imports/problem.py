"""A problem of one line of a menu file, as a person reads it. Pure."""

from dataclasses import dataclass

from etalase.protocol import printable

MAX_SHOWN_CHARS = 80
# Titles and empty lines may stand above the header of a table.
HEADER_WITHIN = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in a line: column, value, reason. The line is skipped, the other lines are loaded."""

    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        """Returns one line of text for a person."""
        value = printable(self.value if len(self.value) <= MAX_SHOWN_CHARS else self.value[:MAX_SHOWN_CHARS] + "…")
        return f"line {self.line}, {self.column} «{value}»: {self.reason}"
