"""Frames: REST and Bulk give the same canonical text for the same record."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.connections.salesforce import frames

TYPES = {
    "CreatedDate": "datetime",
    "ActivityDate": "date",
    "IsClosed": "boolean",
    "Amount": "currency",
    "Rate": "percent",
    "Count": "int",
    "Owner.Email": "email",
}
COLUMNS = ["Id", *TYPES, "BillingAddress.city", "Missing"]
RECORD = {
    "attributes": {"type": "Task", "url": "/x"},
    "Id": "00T000000000001AAA",
    "CreatedDate": "2026-01-02T03:04:05.000+0000",
    "ActivityDate": "2026-01-02",
    "IsClosed": True,
    "Amount": 1250000.0,
    "Rate": 0.10,
    "Count": 7,
    "Owner": {"attributes": {"type": "User"}, "Email": "ana@x.org"},
    "BillingAddress": {"city": "Lima"},
}
CANONICAL = {
    "Id": "00T000000000001AAA",
    "CreatedDate": "2026-01-02T03:04:05Z",
    "ActivityDate": "2026-01-02",
    "IsClosed": "true",
    "Amount": "1250000",
    "Rate": "0.1",
    "Count": "7",
    "Owner.Email": "ana@x.org",
    "BillingAddress.city": "Lima",
    "Missing": None,
}


def test_a_rest_record() -> None:
    frame = frames.to_frame([RECORD], COLUMNS, TYPES)
    assert frame.columns == COLUMNS
    assert set(frame.dtypes) == {pl.String}
    assert frame.to_dicts() == [CANONICAL]


def test_a_bulk_row_of_the_same_record_is_equal() -> None:
    cells = {
        "Id": "00T000000000001AAA",
        "CreatedDate": "2026-01-02T03:04:05.000Z",
        "ActivityDate": "2026-01-02",
        "IsClosed": "true",
        "Amount": "1250000.0",
        "Rate": "0.10",
        "Count": "7",
        "Owner.Email": "ana@x.org",
        "BillingAddress.city": "Lima",
    }
    bulk = frames.canonical(pl.DataFrame({name: [cell] for name, cell in cells.items()}), TYPES)
    assert frames.fill(bulk, COLUMNS).to_dicts() == frames.to_frame([RECORD], COLUMNS, TYPES).to_dicts()


def test_a_missing_parent_is_null() -> None:
    frame = frames.to_frame([{"Owner": None}, {}, {"Owner": {"Email": ""}}], ["Owner.Email"], TYPES)
    assert frame["Owner.Email"].to_list() == [None, None, None]


def test_compound_fields_are_no_cells() -> None:
    assert frames.to_frame([RECORD], ["BillingAddress", "Owner"]).row(0) == (None, None)


def test_no_records_still_have_columns() -> None:
    frame = frames.to_frame([], COLUMNS, TYPES)
    assert (frame.columns, frame.height) == (COLUMNS, 0)
    assert frames.to_frame([], []).width == 0


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("1.0E7", "10000000"),
        ("-0.0", "0"),
        ("0.50", "0.5"),
        ("100", "100"),
        ("1e-7", "0.0000001"),
        ("NaN", "NaN"),
        ("x", "x"),
    ],
)
def test_numbers(text: str, plain: str) -> None:
    assert frames.number_text(text) == plain
    assert frames.canonical(pl.DataFrame({"Amount": [text]}), TYPES)["Amount"][0] == plain


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_a_number_keeps_its_value(number: Decimal) -> None:
    text = frames.number_text(str(number))
    assert Decimal(text) == number
    assert text == frames.number_text(text)
    assert "." not in text or not text.endswith("0")


def test_a_cell_that_is_not_of_its_type_stays_to_be_seen() -> None:
    frame = pl.DataFrame({"CreatedDate": ["soon"], "ActivityDate": ["x"], "IsClosed": ["maybe"]})
    assert frames.canonical(frame, TYPES).row(0) == ("soon", "x", "maybe")
