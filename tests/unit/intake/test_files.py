"""Intake files: CSV, NDJSON and Parquet, with every way a line can be broken."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from core.connections.intake import Row, read_file
from core.errors import UsageError

HEAD = "source,external_id,kind,notes,person.email,fields.budget\n"


def read(tmp_path: Path, text: str | bytes, name: str = "calls.csv", kind: str = "activities") -> list[Row]:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_file(path, kind))


def reasons(rows: list[Row]) -> list[str]:
    return [row.reason for row in rows]


def test_csv_has_dotted_columns_and_empty_cells_are_absent(tmp_path: Path) -> None:
    (row,) = read(tmp_path, HEAD + "d,C1,call,,a@x.com,5\n")
    assert (row.line, row.source, row.external_id, row.reason) == (2, "d", "c1", "")
    assert row.values == {"kind": "call", "person_email": "a@x.com", "fields": {"budget": "5"}}


def test_a_cell_of_csv_clears_only_as_salesforce_writes_it(tmp_path: Path) -> None:
    rows = read(tmp_path, HEAD + "d,c1,call,#N/A,,#N/A\nd,c2,call,NULL,,None\n")
    assert rows[0].values == {"kind": "call", "notes": None, "fields": {"budget": None}}
    assert rows[1].values == {"kind": "call", "notes": "NULL", "fields": {"budget": "None"}}


def test_every_broken_line_of_csv_is_told_and_the_others_are_taken(tmp_path: Path) -> None:
    text = HEAD + "d,c1,call,,,\nd,c2,call\nd,c3,call,,,,,\nd,c4,fax,,,\nd,c5,call,,,\n"
    rows = read(tmp_path, text)
    assert [row.external_id for row in rows] == ["c1", "c2", "c3", "c4", "c5"]
    assert reasons(rows)[1:4] == [
        "line 3: too few cells, 3 where the header has 6",
        "line 4: too many cells, 8 where the header has 6",
        "line 5: kind 'fax' is unknown; it is one of call, note, email, meeting, task, touchpoint, campaign_touch",
    ]
    assert reasons(rows)[::4] == ["", ""]


def test_quoted_cells_hold_line_ends_commas_and_quotes(tmp_path: Path) -> None:
    rows = read(tmp_path, HEAD + 'd,c1,call,"one, ""two""\r\n\u2028three\x0c",,\r\nd,c2,call,x,,\r\n')
    assert rows[0].values["notes"] == 'one, "two"\r\n\u2028three\x0c'
    assert [(row.line, row.reason) for row in rows] == [(2, ""), (4, "")]


def test_a_stray_quote_costs_its_own_line_only(tmp_path: Path) -> None:
    lines = ['d,c1,call,"open,,', "d,c2,call,,,", "d,c3,call,,,", 'd,c4,call,"closed",,', "d,c5,call,,,"]
    rows = read(tmp_path, HEAD + "\n".join(lines) + "\n")
    assert [row.external_id for row in rows if not row.reason] == ["c2", "c3", "c4", "c5"]
    assert [row.reason for row in rows if row.reason] == ["line 2: a quote is opened and not closed"]


def test_many_lines_after_a_stray_quote_are_read_in_good_time(tmp_path: Path) -> None:
    rows = read(
        tmp_path, HEAD + 'd,c0,call,"open,,\n' + "".join(f"d,c{i},call,{'x' * 90},,\n" for i in range(1, 30_001))
    )
    assert len([row for row in rows if not row.reason]) == 30_000


def test_quotes_that_do_not_fit_are_told(tmp_path: Path) -> None:
    rows = read(tmp_path, HEAD + 'd,c1,call,"a"b,,\nd,c2,call,,,\n')
    assert "the quotes do not fit" in rows[0].reason
    assert not rows[1].reason


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    (row,) = read(tmp_path, b"\xef\xbb\xbf" + HEAD.encode() + b"d,c1,call,,,\n")
    assert not row.reason


def test_a_line_in_another_encoding_is_told(tmp_path: Path) -> None:
    rows = read(tmp_path, HEAD.encode() + b"d,c1,call,caf\xe9,,\nd,c2,call,,,\n")
    assert reasons(rows) == ["line 2: not UTF-8; save the file as UTF-8", ""]


def test_notes_of_a_megabyte_fit_into_a_cell(tmp_path: Path) -> None:
    notes = "x" * 1_000_000
    (row,) = read(tmp_path, HEAD + f"d,c1,call,{notes},,\n")
    assert row.values["notes"] == notes


def test_empty_lines_are_no_rows(tmp_path: Path) -> None:
    assert len(read(tmp_path, HEAD + "\n\nd,c1,call,,,\n\n")) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ("source,kind,kind\n", "names kind twice"),
        ("source;external_id;kind\n", "has one column"),
        ("source,external_id,kind\n".encode("utf-16"), "cannot be read"),
        ('"source,external_id\n', "cannot be read"),
    ],
)
def test_a_file_without_a_usable_header_is_refused(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read(tmp_path, text)


def test_an_unknown_column_breaks_only_rows_that_fill_it(tmp_path: Path) -> None:
    rows = read(tmp_path, "external_id,kind,colour\nc1,call,\nc2,call,red\n")
    assert reasons(rows) == ["", "line 3: 'colour' is not a key of activities; custom fields go under fields"]


def test_ndjson_is_read_line_by_line(tmp_path: Path) -> None:
    good = {"external_id": "c1", "kind": "call", "notes": None}
    lines = [json.dumps(good), "", '{"external_id": "c2"', "[1]", '{"external_id":"c3","duration_s":NaN}', "\xe9"]
    text = "\n".join(lines).encode("latin-1")
    rows = read(tmp_path, b"\xef\xbb\xbf" + text, "calls.ndjson")
    assert rows[0].values == {"kind": "call", "notes": None}
    assert [row.line for row in rows] == [1, 3, 4, 5, 6]
    assert reasons(rows)[1:] == [
        "line 3: not JSON (Expecting ',' delimiter, column 21)",
        "line 4: a row is an object with keys, not '[1]'",
        "line 5: not JSON that can be taken (NaN is not a number in JSON)",
        "line 6: not UTF-8 (byte 1)",
    ]


def test_json_nested_beyond_reason_costs_its_line_only(tmp_path: Path) -> None:
    rows = read(tmp_path, "[" * 1 + '{"external_id":"a"}]', "one.json", "accounts")
    assert reasons(rows) == [""]
    deep = '{"external_id":' + "[" * 100_000 + "]" * 100_000 + "}"
    rows = read(tmp_path, deep + '\n{"external_id":"b"}\n', "deep.ndjson", "accounts")
    assert [bool(r) for r in reasons(rows)] == [True, False]


def test_a_json_array_is_read_as_rows(tmp_path: Path) -> None:
    rows = read(tmp_path, '[{"external_id":"a"},\n 5]', "accounts.json", "accounts")
    assert [row.external_id for row in rows] == ["a", ""]
    assert rows[1].reason == "row 2: a row is an object with keys, not '5'"


def test_parquet_has_nested_columns_and_nulls_are_absent(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "external_id": ["C1", "c2", None],
            "kind": ["call", "call", "call"],
            "duration_s": [30.0, float("nan"), 1.0],
            "occurred_at": pl.Series(["2026-11-21T14:05:00Z"] * 3).str.to_datetime(time_zone="UTC"),
            "person": [{"email": "a@x.com", "phone": None}, {"email": None, "phone": None}, None],
            "fields": [{"n": 1, "t": "#N/A"}, None, None],
            "participants": [["a@x.com"], [], None],
        }
    )
    path = tmp_path / "calls.parquet"
    frame.write_parquet(path)
    rows = list(read_file(path, "activities"))
    assert rows[0].values.keys() == {"kind", "duration_s", "occurred_at", "person_email", "fields", "participants"}
    assert rows[0].values["fields"] == {"n": 1, "t": None}
    assert rows[1].values.keys() == {"kind", "occurred_at", "participants"}
    assert reasons(rows) == ["", "", "row 3: external_id is missing"]


def test_a_parquet_moment_without_a_zone_is_refused(tmp_path: Path) -> None:
    moment = pl.Series(["2026-11-21T14:05:00"]).str.to_datetime()
    path = tmp_path / "calls.parquet"
    pl.DataFrame({"external_id": ["c1"], "kind": ["call"], "occurred_at": moment}).write_parquet(path)
    assert "has no offset from UTC" in next(read_file(path, "activities")).reason


@pytest.mark.parametrize(
    ("name", "says"),
    [("calls.xlsx", "not a kind of file"), ("calls.parquet", "not a Parquet file"), ("x.json", "not JSON")],
)
def test_a_file_that_is_not_what_its_ending_says_is_refused(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read(tmp_path, "[hello", name)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        list(read_file(tmp_path / "no.csv", "people"))
