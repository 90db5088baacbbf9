"""Ids: the check characters, what is restored and what is refused, one by one and by the column."""

from __future__ import annotations

import string

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.values import ids

SHORT = st.text(string.ascii_letters + string.digits, min_size=15, max_size=15)
CELLS = st.lists(
    st.one_of(st.none(), SHORT, SHORT.map(ids.to18), SHORT.map(ids.to18).map(str.lower), st.text(max_size=20))
)


@pytest.mark.parametrize(
    ("short", "long"),
    [("0057e00000RmwSW", "0057e00000RmwSWAAZ"), ("00BD0000005WcCN", "00BD0000005WcCNMA0")],
)
def test_pairs_recorded_from_real_orgs(short: str, long: str) -> None:
    assert ids.to18(short) == long
    assert ids.to18(long) == long


@pytest.mark.parametrize(
    "text", ["", "0057e00000RmwS", "0057e00000RmwSW-", "0057e00000RmwSWAAA", "0057e00000RmwSW\n", "é" * 15]
)
def test_to18_refuses_what_is_no_id(text: str) -> None:
    assert not ids.is_id(text)
    with pytest.raises(ValueError, match="not a record Id"):
        ids.to18(text)


@settings(deadline=None)
@given(SHORT)
def test_a_lost_case_is_restored_from_the_check_characters(short: str) -> None:
    long = ids.to18(short)
    assert ids.normalize_id(long.lower()) == long
    assert ids.normalize_id(long.upper()) == long
    assert ids.normalize_id(f" {long}\n") == long


@settings(deadline=None)
@given(SHORT)
def test_15_characters_pass_only_with_their_case(short: str) -> None:
    lost = short == short.lower() and any(c.isalpha() for c in short)
    assert ids.normalize_id(short) == (None if lost else ids.to18(short))
    if any(c.isalpha() for c in short):
        assert ids.normalize_id(short.lower()) is None


def test_mixed_case_that_contradicts_its_check_characters_is_refused() -> None:
    assert ids.normalize_id("0057e00000rmwSWAAZ") is None
    assert ids.normalize_id("0057e00000RmwSWAA9") is None


def test_an_id_without_letters_needs_no_case() -> None:
    assert ids.normalize_id("001000000000001") == "001000000000001AAA"


@settings(deadline=None)
@given(CELLS)
def test_columns_agree_with_single_values(cells: list[str | None]) -> None:
    series = pl.Series("id", cells, dtype=pl.String)
    assert ids.normalize_ids(series).to_list() == [ids.normalize_id(cell) for cell in cells]


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), SHORT, SHORT.map(ids.to18))))
def test_the_expression_agrees_with_to18(cells: list[str | None]) -> None:
    frame = pl.DataFrame({"id": pl.Series(cells, dtype=pl.String)})
    assert frame.select(ids.to18_expr("id"))["id"].to_list() == [cell and ids.to18(cell) for cell in cells]


def test_the_expression_gives_null_for_other_shapes() -> None:
    frame = pl.DataFrame({"id": ["", "x", "0057e00000RmwSW\n", "0057e00000RmwSW-AA"]})
    assert frame.select(ids.to18_expr(pl.col("id")))["id"].null_count() == 4


def test_the_name_of_a_column_stays() -> None:
    assert ids.normalize_ids(pl.Series("who", ["x"])).name == "who"
