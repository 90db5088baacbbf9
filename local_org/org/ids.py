"""Makes and checks record Ids: 15 case-sensitive characters, or 18 with three check characters."""

from __future__ import annotations

import re
from functools import lru_cache

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""Digits of an Id in ascending order, which is also their ASCII order: Ids of one object sort by age as text."""

_CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}\Z", re.ASCII)
_POD = "Hs0"
_PAIRS = tuple(one + other for one in ALPHABET for other in ALPHABET)
_PAIRED = len(_PAIRS)

MASTER_RECORD_TYPE = "012000000000000AAA"


@lru_cache(maxsize=1 << 16)
def _check(five: str) -> str:
    """The check character of five characters; Ids of one org share most of theirs."""
    return _CHECKS[sum(1 << bit for bit, char in enumerate(five) if "A" <= char <= "Z")]


def check_characters(id15: str) -> str:
    """The three characters that say which of the 15 are upper case."""
    return _check(id15[:5]) + _check(id15[5:10]) + _check(id15[10:15])


def full_id(text: object) -> str | None:
    """The 18-character form of an Id of 15 or 18 characters, ``None`` when the value is not one."""
    if not isinstance(text, str) or len(text) not in (15, 18) or _SHAPE.match(text[:15]) is None:
        return None
    checks = check_characters(text[:15])
    if len(text) == 18 and text[15:] != checks and text[15:].upper() != checks:
        return None
    return text[:15] + checks


def is_id(text: object) -> bool:
    """Whether the value is shaped like an Id: 15 characters, or 18 whose check characters fit (in any case)."""
    return full_id(text) is not None


def to18(text: str) -> str:
    """The 18-character form of an Id.

    Raises:
        ValueError: When the text is not an Id, or its check characters do not fit.
    """
    made = full_id(text)
    if made is None:
        raise ValueError(f"malformed id {text}")
    return made


def make_id(prefix: str, number: int) -> str:
    """The 18-character Id of the given number (from 0) for the object with this key prefix."""
    if number < 0:
        raise ValueError("id number below zero")
    if number >= 62**9:
        raise ValueError("id number too large")
    rest, last = divmod(number, _PAIRED)
    rest, third = divmod(rest, _PAIRED)
    rest, second = divmod(rest, _PAIRED)
    first, pair = divmod(rest, _PAIRED)
    id15 = f"{prefix}{_POD}{ALPHABET[first]}{_PAIRS[pair]}{_PAIRS[second]}{_PAIRS[third]}{_PAIRS[last]}"
    return id15 + check_characters(id15)


def id_number(record_id: str) -> int:
    """The number that `make_id` was given: the last nine of the first 15 characters, read in base 62."""
    number = 0
    for char in record_id[6:15]:
        number = number * 62 + ALPHABET.index(char)
    return number
