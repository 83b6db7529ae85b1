"""Searches the menu as the POS page does (``search.js``): accents, joined words, typing errors. One table tests both."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

# Letters without a decomposition in Unicode.
_PLAIN = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
# Accents, and characters that nobody sees, as a soft hyphen.
_UNSEEN = ("M", "Cf")
_WORD = re.compile(r"[^\W_]+")
LEAST_TYPO_LETTERS = 3
# A shorter word is compared with whole words only: too many words begin much like it.
BEGINNING_TYPO_LETTERS = 4
TWO_TYPOS_LETTERS = 7
MOST_JOINED_LETTERS = 30

Item = TypeVar("Item")


def searchable(text: str) -> str:
    """Returns ``text`` in the form in which it is compared."""
    letters = unicodedata.normalize("NFKD", text)
    seen = (letter for letter in letters if not unicodedata.category(letter).startswith(_UNSEEN))
    return "".join(seen).lower().translate(_PLAIN)


def found(items: Iterable[Item], text_of: Callable[[Item], str], typed: str) -> list[Item]:
    """Returns the items whose text matches all words of ``typed``, the best first, each rank in the order of ``items``.

    The best has each word as the beginning of one; the next one as another part of its text; the next one joins beginnings of
    successive words; the last one has a typing error.
    """
    looks = [_Look(word) for word in searchable(typed).split()]
    ranks: tuple[list[Item], ...] = ([], [], [], [])
    for item in items:
        text = searchable(text_of(item))
        words = _WORD.findall(text)
        places = [look.rank(text, words) for look in looks]
        if None not in places:
            ranks[max((place for place in places if place is not None), default=0)].append(item)
    return [item for rank in ranks for item in rank]


@dataclass(slots=True)
class _Look:
    """A typed word with what is known of it. A menu has few different words: each is compared once."""

    typed: str
    letters: str = ""
    typos: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.letters = "".join(_WORD.findall(self.typed))

    def rank(self, text: str, words: list[str]) -> int | None:
        if self.typed in text:
            return 0 if f" {self.typed}" in f" {text}" or any(word.startswith(self.typed) for word in words) else 1
        if len(self.letters) < 2:
            return None
        if len(self.letters) <= MOST_JOINED_LETTERS and _joins_beginnings(self.letters, words):
            return 2
        return 3 if any(self._has_typo(word) for word in words) else None

    def _has_typo(self, word: str) -> bool:
        if word not in self.typos:
            self.typos[word] = has_typo(self.letters, word)
        return self.typos[word]


def _joins_beginnings(letters: str, words: list[str]) -> bool:
    return any(word[0] == letters[0] and _reaches_end(letters, words[first:]) for first, word in enumerate(words))


def _reaches_end(letters: str, words: list[str]) -> bool:
    """Returns whether ``letters`` are beginnings of the first words, one after the other, at least a letter of each."""
    reached = {0}
    for word in words:
        reached = {
            start + length
            for start in reached
            for length in range(1, len(word) + 1)
            if letters.startswith(word[:length], start) and start + length <= len(letters)
        }
        if len(letters) in reached:
            return True
        if not reached:
            return False
    return False


def has_typo(letters: str, word: str) -> bool:
    """Returns whether ``letters`` are ``word``, or from four letters on its beginning, but for one or two typing errors."""
    if len(letters) < LEAST_TYPO_LETTERS or any(letter.isdigit() for letter in letters):
        return False
    # A wrong first letter is rare, except where the first two have changed places.
    if word[0] != letters[0] and (word[0] != letters[1] or word[1:2] != letters[0]):
        return False
    if len(letters) < BEGINNING_TYPO_LETTERS:
        swapped = (letters[:at] + letters[at + 1] + letters[at] + letters[at + 2 :] for at in range(len(letters) - 1))
        return word in swapped or letters in (word[:at] + word[at + 1 :] for at in range(1, len(word)))
    return _near_beginning(letters, word, 1 if len(letters) < TWO_TYPOS_LETTERS else 2)


def _near_beginning(letters: str, word: str, most: int) -> bool:
    """Returns whether a beginning of ``word`` is at most ``most`` edits away; two letters that changed places are one edit."""
    if len(word) < len(letters) - most:
        return False
    word = word[: len(letters) + most]
    before: list[int] = []
    last = list(range(len(word) + 1))
    for row, letter in enumerate(letters, 1):
        current = [row]
        for column, other in enumerate(word, 1):
            edits = min(last[column - 1] + (letter != other), last[column] + 1, current[column - 1] + 1)
            if row > 1 and column > 1 and letter == word[column - 2] and letters[row - 2] == other:
                edits = min(edits, before[column - 2] + 1)
            current.append(edits)
        if min(current) > most:
            return False
        before, last = last, current
    return min(last) <= most
