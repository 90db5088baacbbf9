"""CSV of Bulk jobs: absent, null and a value stay three things; half a sheet is noticed."""

from __future__ import annotations

import csv
import io

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.connections.salesforce.sheets import NULL, absent, from_csv, to_csv
from core.errors import UsageError

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=9
)
CELL = st.one_of(st.none(), st.just("absent"), TEXT.filter(lambda t: t != NULL).map(lambda t: ("is", t)))


@settings(deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8))
def test_three_states_survive(rows: list[tuple[object, object]]) -> None:
    columns: dict[str, pl.Series] = {}
    for at, name in enumerate(("A", "B")):
        cells = [row[at] for row in rows]
        columns[name] = pl.Series([c[1] if isinstance(c, tuple) else None for c in cells], dtype=pl.String)
        columns[absent(name)] = pl.Series([c == "absent" for c in cells])
    read = list(csv.reader(io.StringIO(to_csv(pl.DataFrame(columns)).decode(), newline="")))
    assert read[0] == ["A", "B"]
    for row, cells in zip(rows, read[1:], strict=True):
        assert cells == ["" if c == "absent" else NULL if c is None else c[1] for c in row]  # type: ignore[index]


def test_without_companions_every_cell_is_present() -> None:
    assert to_csv(pl.DataFrame({"A": ["x", None, ""]})) == b'"A"\n"x"\n"#N/A"\n"#N/A"\n'


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"A": [NULL]}),
        pl.DataFrame({"A": [1]}),
        pl.DataFrame({"A": ["x"], absent("B"): [True]}),
        pl.DataFrame({"A": ["x"], absent("A"): ["yes"]}),
    ],
)
def test_what_csv_cannot_carry_is_refused(frame: pl.DataFrame) -> None:
    with pytest.raises(UsageError):
        to_csv(frame)


def test_answers_are_text_and_empty_is_null() -> None:
    frame = from_csv(b'"Id","N"\n"1","007"\n"2",""\n"3","a,""b""\nc"\n')
    assert frame is not None
    assert frame.schema == {"Id": pl.String, "N": pl.String}
    assert frame["N"].to_list() == ["007", None, 'a,"b"\nc']


@pytest.mark.parametrize("data", [b'"Id","N"\n"1","x"\n"2"', b'"Id","N"\n"1","x\n', b'"Id","N"\n"1","x"'])
def test_half_a_sheet_is_none(data: bytes) -> None:
    assert from_csv(data) is None


def test_no_rows_and_nothing_at_all() -> None:
    header = from_csv(b'"sf__Id","sf__Error"\n')
    assert header is not None
    assert (header.columns, header.height) == (["sf__Id", "sf__Error"], 0)
    assert from_csv(b"") is not None
    assert from_csv(b'\xef\xbb\xbf"A"\n"x"\n').columns == ["A"]  # type: ignore[union-attr]
