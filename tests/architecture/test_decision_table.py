"""The decision table covers every combination exactly once, and the code decides each row as it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.architecture.tables import Row, one_of, table

POLICIES = ("last_update_wins", "org_wins", "workspace_wins", "ask")
LATER = ("workspace", "org", "tie", "unknown", "echo")
BLANKS = ("never_clear", "clear", "fill_only", "create_only")
DECISIONS = {
    "## Fields": {"none", "agree", "to org", "to workspace", "ask", "hold"},
    "## Blanks": {"write", "clear", "leave"},
    "## Consent": {"none", "agree", "to org", "to workspace", "hold"},
    "## Records": {
        "create in org",
        "create in workspace",
        "link",
        "ask",
        "fields",
        "delete in org",
        "delete in workspace",
        "unlink",
        "follow",
        "archive",
        "keep",
    },
}
FIELD_SIDES = [
    *[(w, o, "old") for w, o in product(("old", "ours", "absent"), ("old", "theirs", "absent"))],
    ("same", "same", "old"),
    ("same", "same", "-"),
    *[
        (w, o, "-")
        for w, o in product(("ours", "null", "absent"), ("theirs", "null", "absent"))
        if (w, o) != ("null",) * 2
    ],
]
CONSENT_SIDES = list(product(("in", "out", "absent"), ("in", "out", "absent"), ("in", "out", "-")))


@pytest.fixture(scope="module")
def path(root: Path) -> Path:
    return root / "docs" / "decision-table.md"


def fits(row: Row, column: str, value: str) -> bool:
    return row[column] == "-" or value in one_of(row[column])


def fitting(rows: list[Row], sides: tuple[str, str, str], policy: str, later: str) -> list[Row]:
    same_sides = [r for r in rows if (r["workspace"], r["org"], r["baseline"]) == sides]
    return [r for r in same_sides if fits(r, "policy", policy) and fits(r, "later side", later)]


@pytest.mark.parametrize("heading", list(DECISIONS))
def test_decisions_are_words_of_the_table(path: Path, heading: str) -> None:
    assert {row["decision"] for row in table(path, heading)} == DECISIONS[heading]


@pytest.mark.parametrize("heading", list(DECISIONS))
def test_every_case_has_its_own_name(path: Path, heading: str) -> None:
    names = [row["case"] for row in table(path, heading)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("sides", "policy", "later"), list(product(FIELD_SIDES, POLICIES, LATER)))
def test_a_field_has_one_decision(path: Path, sides: tuple[str, str, str], policy: str, later: str) -> None:
    assert len(fitting(table(path, "## Fields"), sides, policy, later)) == 1


@pytest.mark.parametrize("sides", CONSENT_SIDES)
def test_consent_has_one_decision(path: Path, sides: tuple[str, str, str]) -> None:
    assert len(fitting(table(path, "## Consent"), sides, "ask", "org")) == 1


def test_no_row_of_consent_lets_an_opt_in_pass(path: Path) -> None:
    for row in table(path, "## Consent"):
        source = {"to org": row["workspace"], "to workspace": row["org"]}.get(row["decision"])
        assert source in (None, "out"), row["case"]
        assert row["policy"] == row["later side"] == "-", row["case"]


@pytest.mark.parametrize(
    ("source", "target", "blank"), list(product(("absent", "null", "value"), ("null", "value", "new"), BLANKS))
)
def test_a_blank_has_one_decision(path: Path, source: str, target: str, blank: str) -> None:
    rows = [r for r in table(path, "## Blanks") if (r["source"], r["target"]) == (source, target)]
    assert len([r for r in rows if fits(r, "blank rule", blank)]) == 1


@pytest.mark.parametrize("policy", POLICIES)
def test_a_linked_record_has_one_decision(path: Path, policy: str) -> None:
    rows = table(path, "## Records")
    pairs = {(r["workspace"], r["org"], r["baseline"]) for r in rows}
    assert all(len(fitting(rows, sides, policy, "org")) == 1 for sides in pairs)


def test_the_table_speaks_the_words_of_the_code(path: Path) -> None:
    from core.mapping.spec import Blank, Policy

    assert {p.value for p in Policy} == set(POLICIES)
    assert {b.value for b in Blank} == set(BLANKS)


NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
THEN = {
    "workspace": (NOW, -60),
    "org": (NOW, 60),
    "tie": (NOW, 1),
    "unknown": (None, 0),
    "echo": (NOW, 60),
    "-": (NOW, 60),
}
SPOKEN = {
    "same": {"none", "agree"},
    "ours": {"to org"},
    "theirs": {"to workspace"},
    "ask": {"ask"},
}


def cases(path: Path) -> list[Any]:
    """Every row of the fields with each of its policies and later sides; what is absent never comes to be compared."""
    rows = [r for r in table(path, "## Fields") if "absent" not in (r["workspace"], r["org"])]
    found = []
    for row in rows:
        policies = POLICIES if row["policy"] == "-" else one_of(row["policy"])
        laters = LATER if row["later side"] == "-" else one_of(row["later side"])
        found += [pytest.param(row, p, t, id=f"{row['case']}, {p}, {t}") for p in policies for t in laters]
    return found


@pytest.mark.parametrize(("row", "policy", "later"), cases(Path(__file__).parents[2] / "docs" / "decision-table.md"))
def test_the_code_decides_as_the_table_says(row: Row, policy: str, later: str) -> None:
    from core.planning.conflicts import decide

    values = {"old": "old", "ours": "ours", "theirs": "theirs", "same": "same", "null": None}
    echo = later == "echo"  # it moves the baseline to the org's value before anything is compared
    ours_at, seconds = THEN[later]
    frame = pl.DataFrame(
        {
            "ours": [values[row["workspace"]]],
            "theirs": [values[row["org"]]],
            "base": [values[row["org"]] if echo else None if row["baseline"] == "-" else "old"],
            "has_base": [echo or row["baseline"] != "-"],
            "ours_at": [ours_at],
            "theirs_at": [NOW + timedelta(seconds=seconds)],
            "policy": [policy],
        },
        schema_overrides={
            **dict.fromkeys(("ours", "theirs", "base", "policy"), pl.String),
            **dict.fromkeys(("ours_at", "theirs_at"), pl.Datetime("us", "UTC")),
        },
    )
    assert row["decision"] in SPOKEN[decide(frame)["decision"].item()]
