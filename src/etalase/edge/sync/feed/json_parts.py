"""Cuts JSON into its parts on the bytes, without recursion, so that an unreadable value affects only itself. Pure.

Checks that brackets and quotes pair, and the places of commas and colons. Does not check the parts themselves.
"""

import json
import re
from contextlib import suppress

import msgspec

_SPACE = re.compile(rb"[ \t\n\r]*+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SCALAR = re.compile(rb'[^ \t\n\r"{}\[\],:]++')
# Most rows have no nested value and match in one step. Possessive, so that no input causes backtracking.
_FLAT = re.compile(rb'\{(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+\}', re.DOTALL)
_TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+([{}\[\]])', re.DOTALL)
# A C parser cuts valid JSON a hundred times quicker.
_array = msgspec.json.Decoder(list[msgspec.Raw])
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NOT_PLAIN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_CLOSING = {b"{": b"}", b"[": b"]"}


def elements(array: bytes) -> list[bytes]:
    """Returns the raw elements of a JSON array. Raises ValueError where ``array`` is not one."""
    with suppress(*_NOT_PLAIN):
        return [bytes(element) for element in _array.decode(array)]
    found: list[bytes] = []
    at = _opened(array, b"[")
    while array[at : at + 1] != b"]":
        end = _end_of_value(array, at)
        found.append(array[at:end])
        at = _after_value(array, end, b"]")
    _check_end(array, at)
    return found


def members(of: bytes) -> dict[str, bytes]:
    """Returns the raw values of a JSON object by name; of equal names the last. Raises ValueError where ``of`` is not one."""
    with suppress(*_NOT_PLAIN):
        return {name: bytes(value) for name, value in _object.decode(of).items()}
    found: dict[str, bytes] = {}
    at = _opened(of, b"{")
    while of[at : at + 1] != b"}":
        name = _STRING.match(of, at)
        if name is None:
            raise ValueError(f"no name at byte {at}")
        colon = _skip(of, name.end())
        if of[colon : colon + 1] != b":":
            raise ValueError(f"no colon at byte {colon}")
        at = _skip(of, colon + 1)
        end = _end_of_value(of, at)
        found[str(scalar(name[0]))] = of[at:end]
        at = _after_value(of, end, b"}")
    _check_end(of, at)
    return found


def scalar(value: bytes) -> object:
    """Returns a value without brackets as Python's own parser does: half an emoji, NaN and control characters included.

    Bytes that are not UTF-8 become replacement characters. Raises ValueError where the value is not JSON.
    """
    return json.loads(value.decode("utf-8", "replace"), strict=False)


def _opened(text: bytes, bracket: bytes) -> int:
    at = _skip(text, 0)
    if text[at : at + 1] != bracket:
        raise ValueError(f"no {bracket.decode()} at byte {at}")
    return _skip(text, at + 1)


def _check_end(text: bytes, at: int) -> None:
    if _skip(text, at + 1) != len(text):
        raise ValueError(f"more at byte {at + 1}")


def _after_value(text: bytes, at: int, closing: bytes) -> int:
    """Returns the position of the next part, or of the closing bracket."""
    at = _skip(text, at)
    if text[at : at + 1] == closing:
        return at
    following = _skip(text, at + 1)
    if text[at : at + 1] != b"," or text[following : following + 1] == closing:
        raise ValueError(f"no comma or {closing.decode()} at byte {at}")
    return following


def _end_of_value(text: bytes, at: int) -> int:
    match = _FLAT.match(text, at) or _STRING.match(text, at) or _SCALAR.match(text, at)
    if match is not None:
        return match.end()
    if text[at : at + 1] not in _CLOSING:
        raise ValueError(f"no value at byte {at}")
    awaited = bytearray()
    while True:
        bracket = _TO_BRACKET.match(text, at)
        if bracket is None:
            raise ValueError("the end is missing")
        at = bracket.end()
        if bracket[1] in _CLOSING:
            awaited += _CLOSING[bracket[1]]
        elif bytes(awaited[-1:]) != bracket[1]:
            raise ValueError(f"a bracket at byte {at - 1} closes none")
        else:
            awaited.pop()
            if not awaited:
                return at


def _skip(text: bytes, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at
