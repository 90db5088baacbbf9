from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from core.syncing import mismatch

LONG = "The landlord wants an answer by Friday"
SCHEMA: dict[str, Any] = {
    "workspace": pl.String,
    "org": pl.String,
    "baseline": pl.String,
    "has_base": pl.Boolean,
    "form": pl.String,
    "length": pl.Int64,
    "is_touched": pl.Boolean,
    "barred": pl.String,
}


def cause(workspace: str | None, org: str | None, baseline: str | None = None, **values: Any) -> str | None:
    """The cause of one field's difference; None where there is none."""
    row = {"workspace": workspace, "org": org, "baseline": baseline, "has_base": baseline is not None, "form": "text",
           "length": 0, "is_touched": False, "barred": None, **values}  # fmt: skip
    found = mismatch.differing(pl.DataFrame([row], schema=SCHEMA))
    return found["cause"].item() if found.height else None


@pytest.mark.parametrize(
    ("workspace", "org"),
    [("a", "a"), (None, None), ("", None), ("a ", "a"), ("a\r\nb", "a\nb"), (None, "  ")],
)
def test_what_the_org_stores_alike_is_no_difference(workspace: str | None, org: str | None) -> None:
    assert cause(workspace, org) is None


@pytest.mark.parametrize(
    ("base", "touched", "want"),
    [
        ("new york", False, mismatch.ORG_CHANGED),
        ("new york", True, mismatch.ORG_CHANGED),
        ("boston", True, mismatch.WORKSPACE_CHANGED),
        ("boston", False, mismatch.MAPPING),
        ("denver", True, mismatch.CONFLICT),
        ("denver", False, mismatch.ORG_CHANGED),
        (None, False, mismatch.MAPPING),
        (None, True, mismatch.MAPPING),
    ],
)
def test_who_changed_it_follows_from_what_both_last_agreed_on(base: str | None, touched: bool, want: str) -> None:
    assert cause("new york", "boston", base, is_touched=touched) == want


def test_a_field_cleared_on_one_side_was_changed_there() -> None:
    assert cause("a", None, "a") == mismatch.ORG_CHANGED
    assert cause(None, "a", "a", is_touched=True) == mismatch.WORKSPACE_CHANGED


@pytest.mark.parametrize(
    ("workspace", "org", "form"),
    [
        ("Ann@Acme.example", "ann@acme.example", "text"),
        ("Suite  100", "suite 100", "text"),
        ("https://www.acme.example/", "acme.example", "text"),
        ("(312) 555-0101", "+13125550101", "text"),
        ("1.50", "1.5", "number"),
        ("A;B", "b;a", "multi"),
    ],
)
def test_case_and_format_only(workspace: str, org: str, form: str) -> None:
    assert cause(workspace, org, "something else", form=form, is_touched=True) == mismatch.FORMAT


@pytest.mark.parametrize(
    ("workspace", "org", "form"),
    [
        ("12", "21", "number"),
        ("A;B", "A;C", "multi"),
        ("(312) 555-0101", "(312) 555-0102", "text"),
        ("1.0", "1", "text"),
    ],
)
def test_other_values_are_more_than_format(workspace: str, org: str, form: str) -> None:
    assert cause(workspace, org, form=form) == mismatch.MAPPING


def test_a_text_that_begins_the_other_and_fills_its_field_was_cut() -> None:
    assert cause(LONG + " at noon", LONG, length=len(LONG)) == mismatch.TEXT_CUT
    assert cause(LONG, LONG[:25] + "…") == mismatch.TEXT_CUT
    assert cause(LONG, LONG[:25] + " ...") == mismatch.TEXT_CUT


@pytest.mark.parametrize(
    ("workspace", "org", "length"), [(LONG + " at noon", LONG, 0), (LONG, LONG[:5], 5), (LONG, "Another" + LONG, 38)]
)
def test_a_text_that_was_shortened_by_hand_was_not_cut(workspace: str, org: str, length: int) -> None:
    assert cause(workspace, org, workspace, length=length) == mismatch.ORG_CHANGED


@pytest.mark.parametrize(
    ("workspace", "org", "form"),
    [
        ("2026-11-21", "2026-11-20", "date"),
        ("2026-11-21T18:00:00Z", "2026-11-21T12:00:00Z", "datetime"),
        ("2026-11-21T18:00:00Z", "2026-11-21T12:30:00Z", "datetime"),
    ],
)
def test_a_zone_apart_and_nobody_changed_it(workspace: str, org: str, form: str) -> None:
    assert cause(workspace, org, form=form) == mismatch.TIME_ZONE
    assert cause(workspace, org, org, form=form) == mismatch.TIME_ZONE
    assert cause(workspace, org, workspace, form=form) == mismatch.ORG_CHANGED
    assert cause(workspace, org, org, form=form, is_touched=True) == mismatch.WORKSPACE_CHANGED


@pytest.mark.parametrize(
    ("workspace", "org", "form"),
    [
        ("2026-11-21", "2026-11-19", "date"),
        ("2026-11-21", "2026-11-20", "text"),
        ("2026-11-21T18:00:00Z", "2026-11-21T17:52:00Z", "datetime"),
        ("2026-11-21T18:00:00Z", "2026-11-20T18:00:00Z", "datetime"),
        ("soon", "later", "datetime"),
    ],
)
def test_other_times_are_more_than_a_zone_apart(workspace: str, org: str, form: str) -> None:
    assert cause(workspace, org, form=form) == mismatch.MAPPING


def test_every_cause_has_its_place_in_the_order() -> None:
    named = {v for k, v in vars(mismatch).items() if k.isupper() and isinstance(v, str) and not k.startswith("_")}
    assert set(mismatch.CAUSES) == named


@pytest.mark.parametrize(
    ("workspace", "org", "base", "barred", "expected"),
    [
        ("West", None, None, mismatch.HIDDEN, mismatch.HIDDEN),
        ("West", None, "West", mismatch.HIDDEN, mismatch.HIDDEN),
        (None, None, "West", mismatch.HIDDEN, None),
        ("West", "East", None, mismatch.FORMULA, mismatch.FORMULA),
        ("West", "East", "West", mismatch.FORMULA, mismatch.FORMULA),
        ("North", "West", "West", mismatch.FORMULA, mismatch.WORKSPACE_CHANGED),
        ("West", "WEST", "West", mismatch.FORMULA, mismatch.FORMAT),
    ],
)
def test_what_cannot_be_carried_is_told_as_such(
    workspace: str | None, org: str | None, base: str | None, barred: str, expected: str | None
) -> None:
    assert cause(workspace, org, base, barred=barred, is_touched=True) == expected
