from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_org.org import ids

FIFTEEN = st.text(ids.ALPHABET, min_size=15, max_size=15)


@pytest.mark.parametrize(("short", "check"), [("0057e00000RmwSW", "AAZ"), ("00BD0000005WcCN", "MA0")])
def test_check_characters_of_known_ids(short: str, check: str) -> None:
    assert ids.check_characters(short) == check
    assert ids.to18(short) == short + check


@given(FIFTEEN)
def test_check_characters_say_which_letters_are_upper_case(short: str) -> None:
    bits = ["ABCDEFGHIJKLMNOPQRSTUVWXYZ012345".index(c) for c in ids.check_characters(short)]
    read = [bool(bits[i // 5] >> (i % 5) & 1) for i in range(15)]
    assert read == [c.isupper() for c in short]


@given(FIFTEEN)
def test_ids_that_differ_by_case_alone_differ_without_case_at_18(short: str) -> None:
    other = short.swapcase()
    same = short == other
    assert (ids.to18(short).lower() == ids.to18(other).lower()) == same


@given(FIFTEEN)
def test_to18_of_18_changes_nothing(short: str) -> None:
    assert ids.to18(ids.to18(short)) == ids.to18(short)


@pytest.mark.parametrize("text", ["", "001", "001000000000001AAB", "00100000000000é", "00100000000-001", 1, None])
def test_malformed_ids(text: object) -> None:
    assert not ids.is_id(text)
    with pytest.raises(ValueError, match="malformed id"):
        ids.to18(str(text))


@given(st.integers(0, 62**9 - 1))
def test_number_and_id_are_one_to_one(number: int) -> None:
    made = ids.make_id("001", number)
    assert ids.is_id(made)
    assert ids.id_number(made) == number


@given(st.integers(0, 62**9 - 1), st.integers(0, 62**9 - 1))
def test_ids_sort_by_age(one: int, other: int) -> None:
    assert (ids.make_id("001", one)[:15] < ids.make_id("001", other)[:15]) == (one < other)
