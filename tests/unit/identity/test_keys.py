"""Match keys: plain and composite, in their order; what is not certain stays open."""

from __future__ import annotations

import polars as pl
import pytest

from core.identity.keys import keys_of, match_first, normalized


def points(side: str, rows: list[tuple[int, str, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={side: pl.Int64, "part": pl.String, "value": pl.String}, orient="row")


def matched(left: list[tuple[int, str, str | None]], right: list[tuple[int, str, str | None]], *match: str):
    order = pl.DataFrame({"left": sorted({n for n, _, _ in left})})
    found = match_first(points("left", left), points("right", right), order, keys_of(match))
    return {r["left"]: (r["right"], r["status"], r["rule"], r["candidates"]) for r in found.iter_rows(named=True)}


def test_a_composite_key_wants_every_part() -> None:
    here = [(1, "last_name", "day"), (1, "company", "acme"), (2, "last_name", "day"), (2, "company", None)]
    there = [(8, "last_name", "day"), (8, "company", "acme"), (9, "last_name", "day"), (9, "company", "other")]
    assert matched(here, there, "last_name + company") == {1: (8, "unique", "last_name + company", [8])}


def test_the_first_key_that_finds_anybody_decides() -> None:
    here = [(1, "email", "a@x.example"), (1, "phone", "+1"), (2, "phone", "+1")]
    there = [(8, "email", "a@x.example"), (9, "phone", "+1")]
    found = matched(here, there, "link", "email", "phone")
    assert found == {1: (8, "unique", "email", [8]), 2: (9, "unique", "phone", [9])}


def test_several_are_never_guessed_and_one_is_taken_once() -> None:
    there = [(8, "email", "a@x.example"), (9, "email", "a@x.example")]
    assert matched([(1, "email", "a@x.example")], there, "email") == {1: (None, "ambiguous", "email", [8, 9])}
    twice = [(1, "email", "a@x.example"), (2, "email", "a@x.example")]
    assert matched(twice, there[:1], "email") == {1: (8, "unique", "email", [8])}, "the second is somebody else"


@pytest.mark.parametrize(
    ("part", "text", "value"),
    [
        ("email", " A@X.Example ", "a@x.example"),
        ("phone", "(312) 555-0101 ext 4", "+13125550101"),
        ("domain", "https://www.acme.example/about", "acme.example"),
        ("last_name", "  O'Brien   Day ", "o'brien day"),
        ("last_name", "   ", None),
    ],
)
def test_values_are_compared_in_one_form(part: str, text: str, value: str | None) -> None:
    assert normalized(part, pl.Series([text]))[0] == value
