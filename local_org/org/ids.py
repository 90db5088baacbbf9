"""Makes and checks record Ids: 15 case-sensitive characters, or 18 with three check characters."""

from __future__ import annotations

import re

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""Digits of an Id in ascending order, which is also their ASCII order: Ids of one object sort by age as text."""

_CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[A-Z0-5]{3})?\Z", re.ASCII)
_POD = "Hs0"

MASTER_RECORD_TYPE = "012000000000000AAA"


def check_characters(id15: str) -> str:
    """The three characters that say which of the 15 are upper case."""
    return "".join(
        _CHECKS[sum(1 << bit for bit, char in enumerate(id15[start : start + 5]) if "A" <= char <= "Z")]
        for start in (0, 5, 10)
    )


def is_id(text: object) -> bool:
    """Whether the value is shaped like an Id: 15 characters, or 18 whose check characters fit (in any case)."""
    if not isinstance(text, str) or len(text) not in (15, 18):
        return False
    if len(text) == 15:
        return _SHAPE.match(text) is not None
    return _SHAPE.match(text[:15]) is not None and check_characters(text[:15]) == text[15:].upper()


def to18(text: str) -> str:
    """The 18-character form of an Id.

    Raises:
        ValueError: When the text is not an Id, or its check characters do not fit.
    """
    if not is_id(text):
        raise ValueError(f"malformed id {text}")
    return text[:15] + check_characters(text[:15])


def make_id(prefix: str, number: int) -> str:
    """The 18-character Id of the given number (from 0) for the object with this key prefix."""
    digits = []
    for _ in range(9):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    if number:
        raise ValueError("id number too large")
    id15 = prefix + _POD + "".join(reversed(digits))
    return id15 + check_characters(id15)


def id_number(record_id: str) -> int:
    """The number that `make_id` was given: the last nine of the first 15 characters, read in base 62."""
    number = 0
    for char in record_id[6:15]:
        number = number * 62 + ALPHABET.index(char)
    return number
