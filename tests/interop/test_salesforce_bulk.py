"""salesforce-bulk over Bulk API 1.0: what it writes and reads is what the org holds, row by row."""

from __future__ import annotations

import pytest

from tests.interop.conftest import Run
from tests.practice import Practice

pytestmark = pytest.mark.nightly
CLIENT = "salesforce-bulk"


def test_signs_in_by_password(run: Run) -> None:
    assert run(CLIENT, "password") is True


def test_writes_with_planned_failures(run: Run, practice: Practice, unique: str) -> None:
    found = run(CLIENT, "write", WORD=unique)
    made = found["made"]
    assert [row[1] for row in made] == ["true" if n % 5 else "false" for n in range(40)]
    bad = [row for row in made if row[1] == "false"]
    assert {row[3] for row in bad} == {"REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"}
    assert all(row[:3] == [row[0], "true", "false"] for row in found["changed"])
    assert [[row[2] for row in results] for results in found["upserts"]] == [["true"] * 3, ["false"] * 3]
    assert [row[1] for row in found["gone"]] == ["true", "true", "true", "false"]
    assert found["gone"][3][3].startswith("ENTITY_IS_DELETED:entity is deleted:")
    held = practice.soql(f"SELECT Id, LastName, Title FROM Contact WHERE Department = '{unique}'", all_rows=True)
    assert {r["Id"]: (r["LastName"], r["Title"]) for r in held} == {
        row[0]: (f"{unique} {n}", f'{unique} "{n}", ü\nx') for n, row in enumerate(made) if row[1] == "true"
    }
    assert practice.count(f"SELECT COUNT() FROM Contact WHERE Department = '{unique}'") == 29
    assert practice.count(f"SELECT COUNT() FROM Task WHERE Subject = '{unique}'") == 3


def test_reads_the_same_as_csv_and_json(run: Run, practice: Practice, unique: str) -> None:
    practice.create_many(
        "Contact", [{"LastName": f"{unique} {n}", "Department": unique, "Title": 'a "b", c'} for n in range(7)]
    )
    found = run(CLIENT, "read_back", WORD=unique)
    assert [row["LastName"] for row in found["CSV"]] == [f"{unique} {n}" for n in range(7)]
    names = ("Id", "LastName", "Title", "Department")
    assert [[r[n] for n in names] for r in found["CSV"]] == [[r[n] for n in names] for r in found["JSON"]]
    assert all(row["CreatedDate"].endswith(".000Z") for row in found["CSV"])
    assert all(isinstance(row["CreatedDate"], int) for row in found["JSON"])


def test_refusals(run: Run) -> None:
    found = run(CLIENT, "refused")
    query, compound, header = found["said"]
    assert "INVALID_FIELD" in query or "No such column 'Nope'" in query
    assert compound.startswith("FeatureNotEnabled") or "compound data not supported" in compound
    assert header.startswith("InvalidBatch : Field name not found : Nope")
    assert found["state"] == "Aborted"
