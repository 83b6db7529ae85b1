"""The code of an invitation: every typing error of one or two places is found before it is sent."""

import random

import pytest

from etalase.joining import ALPHABET, CODE_CHARS, new_code, parse_code, shown_code


def test_a_new_code_is_read_back_however_it_is_typed() -> None:
    for _ in range(200):
        code = new_code()
        shown = shown_code(code)
        assert [len(group) for group in shown.split("-")] == [4, 4, 4]
        for typed in (code, shown, shown.lower(), shown.replace("-", " "), f"  {shown}\n", shown.replace("-", " – ")):
            assert parse_code(typed) == code


def test_codes_differ_and_use_the_whole_alphabet() -> None:
    codes = [new_code() for _ in range(2000)]
    assert len(set(codes)) == len(codes)
    assert {char for code in codes for char in code} == set(ALPHABET)
    assert not set("0O1I") & set(ALPHABET)
    assert len(ALPHABET) == 32


def test_each_single_wrong_character_and_each_exchange_of_two_is_found() -> None:
    code = new_code()
    wrong = {code[:at] + char + code[at + 1 :] for at in range(CODE_CHARS) for char in ALPHABET} - {code}
    for one in range(CODE_CHARS):
        for two in range(one):
            chars = list(code)
            chars[one], chars[two] = chars[two], chars[one]
            wrong.add("".join(chars))
    for typed in wrong - {code}:
        with pytest.raises(ValueError, match="typing error"):
            parse_code(typed)


def test_a_guessed_code_has_the_right_check_character_once_in_32() -> None:
    chance = random.Random(5)

    def is_read(code: str) -> bool:
        try:
            return bool(parse_code(code))
        except ValueError:
            return False

    read = sum(is_read("".join(chance.choices(ALPHABET, k=CODE_CHARS))) for _ in range(6400))
    assert 140 < read < 260


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "has 12 characters"),
        ("K7QF-M2XR", "this one has 8"),
        ("K7QF-M2XR-9TWA-2222", "this one has 16"),
        ("K7QF-M2XR-9TW0", "«0». 0, O, 1 and I are never used"),
        ("K7QF-M2XR-9TWO", "«O»"),
        ("K7QF-M2XR-9TW!", "«!»"),
        ("K7QF-M2XR-9TWÉ", "no «É»"),
    ],
)
def test_a_malformed_code_is_refused_with_its_fault(typed: str, told: str) -> None:
    with pytest.raises(ValueError, match=told.replace(".", r"\.")):
        parse_code(typed)
