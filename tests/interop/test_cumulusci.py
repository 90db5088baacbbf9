"""CumulusCI's data operations, through Bulk API 1.0 and REST: each row's result is what the org holds."""

from __future__ import annotations

import pytest

from tests.interop.conftest import Run
from tests.practice import Practice

pytestmark = pytest.mark.nightly


def test_loads_and_reads_both_ways(run: Run, practice: Practice, unique: str) -> None:
    told = run("cumulusci", "both", WORD=unique)
    assert (told["version"], told["persons"]) == ("66.0", False)
    for way in ("bulk", "rest"):
        found = told[way]
        bad = [n for n, row in enumerate(found["made"]["rows"]) if not row[1]]
        assert bad == [7, 57, 107, 157, 207]
        assert all("INVALID_EMAIL_ADDRESS" in found["made"]["rows"][n][3] for n in bad)
        assert (found["made"]["failed"], found["merged"]["failed"], found["gone"]["failed"]) == (5, 0, 0)
        assert [row[2] for row in found["merged"]["rows"]] == [False, True]
        assert found["merged"]["rows"][0][0] == found["made"]["rows"][1][0]
        held = practice.soql(
            f"SELECT Id, LastName, Email FROM Contact WHERE LastName LIKE '{unique}{way}%' ORDER BY Id"
        )
        assert found["found"] == [[row["Id"], row["LastName"], row["Email"]] for row in held]
        assert len(held) == 245
