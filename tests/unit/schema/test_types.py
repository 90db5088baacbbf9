"""Canonical text to JSON and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.schema.describe import OrgField
from core.schema.types import Form, form_of, from_json, to_json, type_info


def _field(org_type: str) -> OrgField:
    return OrgField("F", "F", org_type)


@pytest.mark.parametrize(
    ("org_type", "text", "value"),
    [
        ("boolean", "true", True),
        ("boolean", "false", False),
        ("int", "42", 42),
        ("double", "2.5", 2.5),
        ("currency", "1000", 1000),
        ("date", "2026-03-01", "2026-03-01"),
        ("string", "007", "007"),
        ("string", None, None),
    ],
)
def test_to_json(org_type: str, text: str | None, value: object) -> None:
    found = to_json(_field(org_type), text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("org_type", "text"), [("boolean", "yes"), ("int", "x"), ("double", "NaN"), ("double", "abc")])
def test_to_json_refuses_what_is_not_canonical(org_type: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"F|invalid literal"):
        to_json(_field(org_type), text)


@pytest.mark.parametrize(
    ("org_type", "value", "text"),
    [
        ("boolean", True, "true"),
        ("double", 1.50, "1.5"),
        ("double", 1e3, "1000"),
        ("int", 7, "7"),
        ("datetime", "2026-03-01T10:00:00.000+0000", "2026-03-01T10:00:00Z"),
        ("datetime", "2026-03-01T10:00:00.000Z", "2026-03-01T10:00:00Z"),
        ("string", "", None),
        ("string", None, None),
    ],
)
def test_from_json(org_type: str, value: object, text: str | None) -> None:
    assert from_json(_field(org_type), value) == text


@given(st.integers(-(10**12), 10**12), st.integers(0, 4))
def test_numbers_survive_both_ways(mantissa: int, places: int) -> None:
    number = mantissa / 10**places
    field = _field("double")
    text = from_json(field, number)
    assert to_json(field, text) == number
    assert text is not None
    assert "e" not in text


def test_unknown_types_are_neither_compared_nor_mapped() -> None:
    info = type_info("hologram")
    assert (info.comparable, info.mappable) == (False, False)
    assert form_of(_field("multipicklist")) is Form.MULTI
