"""Ids, stamps and phone numbers that the generator stands on."""

from __future__ import annotations

import random

import phonenumbers
import pytest

from local_org.org import ids
from local_org.sample.base import PREFIXES, make_id, to18
from local_org.sample.phones import PhoneBook, dialer_format, digits, dress, with_extension


@pytest.mark.parametrize(("short", "suffix"), [("0057e00000RmwSW", "AAZ"), ("00BD0000005WcCN", "MA0")])
def test_check_characters(short: str, suffix: str) -> None:
    assert to18(short) == short + suffix


def test_ids_are_ids_for_the_org_and_never_meet_those_it_makes_later() -> None:
    for sobject, prefix in PREFIXES.items():
        made = make_id(sobject, 123_456)
        assert ids.is_id(made)
        assert made.startswith(prefix)
        assert made < ids.make_id(prefix, 0)


def test_every_number_is_handed_out_once() -> None:
    book, rng = PhoneBook(offset=499_999), random.Random(1)
    numbers = [book.next(rng) for _ in range(60_000)]
    assert len(set(numbers)) == len(numbers)
    assert 400 < sum(number.startswith("+44") for number in numbers) <= 2_000


def test_every_spelling_is_the_same_number() -> None:
    book, rng = PhoneBook(offset=0), random.Random(2)
    for _ in range(500):
        number = book.next(rng)
        for text in (dress(rng, number), dialer_format(rng, number), with_extension(rng, dress(rng, number), "42")):
            assert f"+{digits(text)}" == number
            parsed = phonenumbers.parse(text, "US")
            assert phonenumbers.is_valid_number(parsed)
            assert phonenumbers.format_number(
                phonenumbers.PhoneNumber(parsed.country_code, parsed.national_number),
                phonenumbers.PhoneNumberFormat.E164,
            ) == number  # fmt: skip


def test_spellings_differ() -> None:
    rng = random.Random(3)
    assert len({dress(rng, "+12065550142") for _ in range(300)}) == 9
    assert len({dress(rng, "+442079460123") for _ in range(50)}) == 3
