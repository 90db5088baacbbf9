"""aiosalesforce, an asyncio client, writes and loads in bulk at a My Domain host; the org holds what it says."""

from __future__ import annotations

import pytest

from tests.interop.conftest import Run
from tests.practice import Practice

pytestmark = pytest.mark.nightly


def test_rows(run: Run, unique: str) -> None:
    found = run("aiosalesforce", "work", WORD=unique)
    assert (found["shown"]["Name"], found["shown"]["Phone"]) == (unique, "1")
    assert found["asked"] == [found["made"]]
    assert found["upserts"] == [True, False]
    assert "Required fields are missing: [Name]" in found["refused"]


def test_bulk_with_planned_failures(run: Run, practice: Practice, unique: str) -> None:
    found = run("aiosalesforce", "bulk", WORD=unique)
    assert (len(found["good"]), len(found["bad"]), found["left"]) == (8, 4, [])
    assert {row["Title"] for row in found["bad"]} == {f'"{n}", ö' for n in (0, 3, 6, 9)}
    held = practice.soql(f"SELECT Id, LastName, Title FROM Contact WHERE LastName LIKE '{unique}%'")
    assert {(row["Id"], row["LastName"], row["Title"]) for row in held} == {
        (row["sf__Id"], row["LastName"], row["Title"]) for row in found["good"]
    }
