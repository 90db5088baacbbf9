"""Texts: nothing is lost but what is said to be lost."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.values import texts

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=40)


@settings(deadline=None)
@given(TEXT, st.integers(0, 40))
def test_a_spilled_text_is_whole_but_for_the_marker(text: str, length: int) -> None:
    head, rest = texts.spill(text, length, "…")
    assert len(head) <= length
    assert text in ((head + rest), head.removesuffix("…") + rest)


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), TEXT), max_size=6), st.integers(0, 20))
def test_columns_are_cut_like_single_texts(cells: list[str | None], length: int) -> None:
    frame = pl.DataFrame({"t": pl.Series(cells, dtype=pl.String)})
    cut = frame.select(texts.cut_expr("t", length, "…"), lost=texts.lost_expr("t", length, "…"))
    assert cut["t"].to_list() == [None if cell is None else texts.cut(cell, length, "…") for cell in cells]
    assert cut["lost"].to_list() == [len(texts.spill(cell or "", length, "…")[1]) for cell in cells]


def test_a_cut_text_says_so() -> None:
    assert texts.cut("x" * 300, 255).endswith(texts.MARKER)
    assert len(texts.cut("x" * 300, 255)) == 255
    assert texts.cut("fits", 4) == "fits"
    with pytest.raises(ValueError, match="negative"):
        texts.cut("x", -1)


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.text("ab \r\n\t", max_size=8)), max_size=6))
def test_columns_are_trimmed_like_single_texts(cells: list[str | None]) -> None:
    frame = pl.DataFrame({"t": pl.Series(cells, dtype=pl.String)})
    assert frame.select(texts.trim_expr("t"))["t"].to_list() == [texts.trim(cell) for cell in cells]


def test_blank_is_null_and_line_ends_are_plain() -> None:
    assert texts.trim("  \r\n ") is None
    assert texts.trim(" a\r\nb\rc ") == "a\nb\nc"
