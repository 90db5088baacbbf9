"""Phones: the fast path gives what `phonenumbers` gives, row by row."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.values import phones

DIGITS = st.text("0123456789", min_size=10, max_size=11)
PUNCTUATED = st.builds(
    lambda prefix, a, left, b, right, c, tail: f"{prefix}{a}{left}{b}{right}{c}{tail}",
    st.sampled_from(["", "1", "+1", "+1 ", "1-", "(", "+1 (", " ", "011 "]),
    st.integers(0, 999).map("{:03d}".format),
    st.sampled_from(["", ") ", "-", ".", " ", ")-", "/", "  "]),
    st.integers(0, 999).map("{:03d}".format),
    st.sampled_from(["", "-", ".", " ", " - "]),
    st.integers(0, 9999).map("{:04d}".format),
    st.sampled_from(["", " ", " x12", " ext. 9", ";ext=7", "#4", "a"]),
)
ANY = st.one_of(st.none(), DIGITS, PUNCTUATED, st.text("0123456789+-() x.", max_size=18), st.text(max_size=8))


@settings(max_examples=300, deadline=None)
@given(st.lists(ANY, max_size=12), st.sampled_from(["US", "CA", "GB", "DE"]))
def test_columns_agree_with_the_library_row_by_row(cells: list[str | None], region: str) -> None:
    series = pl.Series("phone", cells, dtype=pl.String)
    assert phones.normalize(series, region).to_list() == [phones.normalize_one(cell, region) for cell in cells]


def test_every_area_code_agrees_with_the_library() -> None:
    cells = [f"+1{area}{exchange}0123" for area in range(200, 1000) for exchange in ("200", "555", "911")]
    assert phones.normalize(pl.Series(cells)).to_list() == [phones.normalize_one(cell) for cell in cells]


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("(415) 555-0100", "+14155550100"),
        ("415.555.0100", "+14155550100"),
        ("+1 415 555 0100 ext. 12", "+14155550100;ext=12"),
        ("415-555-0100 x12", "+14155550100;ext=12"),
        ("1-800-FLOWERS", "+18003569377"),
        ("+44 20 7946 0958", "+442079460958"),
        ("0000000000", None),
        ("n/a", None),
        ("", None),
        ("911", None),
    ],
)
def test_what_people_type(text: str, phone: str | None) -> None:
    assert phones.normalize_one(text) == phone
    assert phones.normalize(pl.Series([text]))[0] == phone


def test_the_region_decides_about_numbers_without_a_country() -> None:
    assert phones.normalize_one("020 7946 0958", "GB") == "+442079460958"
    assert phones.normalize(pl.Series(["020 7946 0958"]), "GB")[0] == "+442079460958"
    assert phones.normalize(pl.Series(["415 555 0100"]), "GB")[0] is None


def test_a_switchboard_is_the_number_without_its_extension() -> None:
    assert phones.plain("+14155550100;ext=12") == "+14155550100"
    frame = pl.DataFrame({"p": ["+14155550100;ext=12", None]})
    assert frame.select(phones.plain_expr("p"))["p"].to_list() == ["+14155550100", None]


def test_people_read_numbers_in_their_own_form() -> None:
    assert phones.show("+14155550100;ext=12") == "(415) 555-0100 ext. 12"
    assert phones.show("+442079460958") == "+44 20 7946 0958"
    assert phones.show(None) == ""


def test_an_empty_column_stays_empty() -> None:
    assert phones.normalize(pl.Series("p", [], dtype=pl.String)).to_list() == []
    assert phones.normalize(pl.Series("p", [None, None])).to_list() == [None, None]
