"""Salesforce's own command line signs in, reads, writes and loads in bulk; the org holds what it says."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.interop.conftest import client_environment, relayed
from tests.interop.installing import npm_home
from tests.practice import Practice

pytestmark = [pytest.mark.nightly, pytest.mark.needs("node")]
_QUIET = {
    "SF_AUTOUPDATE_DISABLE": "true",
    "SF_DISABLE_TELEMETRY": "true",
    "SF_SKIP_NEW_VERSION_CHECK": "true",
    "SF_USE_GENERIC_UNIX_KEYCHAIN": "true",
    "NO_COLOR": "1",
}


class Sf(Protocol):
    """Runs one command with ``--json``; its result, or what it says when it fails with that status."""

    def __call__(self, *args: str, status: int = 0, **more: str) -> Any: ...


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory that remembers who is signed in from one test to the next."""
    return tmp_path_factory.mktemp("sf-home")


@pytest.fixture
def sf(root: Path, practice: Practice, home: Path, tmp_path: Path) -> Sf:
    """The real command, in a folder of its own."""
    bin_dir = npm_home(root / "build", "sf", scripts=True) / "node_modules" / ".bin"

    def call(*args: str, status: int = 0, **more: str) -> Any:
        with relayed(practice) as relay:
            given = client_environment(practice, relay) | _QUIET | more
            given |= {"HOME": str(home), "PATH": f"{bin_dir}:{given['PATH']}"}
            done = subprocess.run(
                [str(bin_dir / "sf"), *args, "--json"],
                cwd=tmp_path, env=given, capture_output=True, text=True, timeout=120, check=False,
            )  # fmt: skip
        said = json.loads(done.stdout)
        assert said["status"] == status, (args, said)
        return said if status else said["result"]

    return call


@pytest.fixture
def signed_in(sf: Sf, practice: Practice) -> Sf:
    """The command with a default org, signed in by JWT once."""
    username = practice.user()["username"]
    known = sf("org", "list")["nonScratchOrgs"]
    if not any(one["username"] == username for one in known):
        found = sf(
            "org", "login", "jwt", "--client-id", practice.env["client_id"], "--jwt-key-file",
            practice.env["jwt_key_file"], "--username", username, "--instance-url", practice.base_url, "--set-default",
        )  # fmt: skip
        assert found["orgId"] == practice.env["org_id"]
    return lambda *args, status=0, **more: sf(*args, "--target-org", username, status=status, **more)


def query(sf: Sf, text: str) -> list[dict[str, Any]]:
    """The records of a query as the command prints them, without their attributes."""
    records: list[dict[str, Any]] = sf("data", "query", "--query", text)["records"]
    return [{name: value for name, value in record.items() if name != "attributes"} for record in records]


def write_csv(file: Path, rows: list[dict[str, str]]) -> str:
    """A file to load; its path."""
    with file.open("w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return str(file)


def read_csv(file: Path) -> list[dict[str, str]]:
    """A file that the command wrote."""
    with file.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_signs_in_by_access_token_and_out(sf: Sf, practice: Practice) -> None:
    where = ("--instance-url", practice.base_url, "--no-prompt")
    found = sf("org", "login", "access-token", *where, SF_ACCESS_TOKEN=practice.token())
    assert (found["username"], found["instanceApiVersion"]) == (practice.user()["username"], "66.0")
    assert sf("org", "display", "--target-org", found["username"])["connectedStatus"] == "Connected"
    sf("org", "logout", "--target-org", found["username"], "--no-prompt")
    assert sf("org", "list")["nonScratchOrgs"] == []


def test_describes_and_reads(signed_in: Sf, practice: Practice, unique: str) -> None:
    assert {"Account", "Task"} <= set(signed_in("sobject", "list", "--sobject", "all"))
    fields = signed_in("sobject", "describe", "--sobject", "Task")["fields"]
    assert "WhoId" in {field["name"] for field in fields}
    account = practice.create("Account", Name=unique)
    practice.create_many("Contact", [{"LastName": f"{unique} {n}", "AccountId": account} for n in range(3)])
    (found,) = query(
        signed_in, f"SELECT Name, Owner.Name, (SELECT LastName FROM Contacts) FROM Account WHERE Id = '{account}'"
    )
    assert (found["Name"], len(found["Contacts"]["records"])) == (unique, 3)
    limits = {one["name"]: one["max"] for one in signed_in("org", "list", "limits")}
    assert limits["DailyApiRequests"] == 15000
    refused = signed_in("data", "query", "--query", "SELECT Nope FROM Account", status=1)
    assert (refused["name"], "No such column 'Nope'" in refused["message"]) == ("INVALID_FIELD", True)
    assert (
        signed_in("data", "search", "--query", f"FIND {{{unique}}} RETURNING Account(Id)")["searchRecords"][0]["Id"]
        == account
    )


def test_single_records(signed_in: Sf, practice: Practice, unique: str) -> None:
    made = signed_in("data", "create", "record", "--sobject", "Account", "--values", f"Name='{unique}' Phone=1")["id"]
    signed_in("data", "update", "record", "--sobject", "Account", "--record-id", made, "--values", "Phone=2")
    assert signed_in("data", "get", "record", "--sobject", "Account", "--where", f"Name='{unique}'")["Phone"] == "2"
    signed_in("data", "delete", "record", "--sobject", "Account", "--record-id", made)
    assert practice.count(f"SELECT COUNT() FROM Account WHERE Name = '{unique}'") == 0
    refused = signed_in("data", "create", "record", "--sobject", "Account", "--values", "Phone=1", status=1)
    assert refused["name"] == "REQUIRED_FIELD_MISSING"


def test_bulk_load_with_planned_failures(signed_in: Sf, practice: Practice, unique: str, tmp_path: Path) -> None:
    rows = [{"LastName": f"{unique} {n}" if n % 4 else "", "Title": f'"{n}", é'} for n in range(20)]
    file = write_csv(tmp_path / "in.csv", rows)
    failed = signed_in("data", "import", "bulk", "--sobject", "Contact", "--file", file, "--wait", "2", status=1)
    job = failed["data"]["jobId"]
    counted = signed_in("data", "bulk", "results", "--job-id", job)
    assert (counted["processedRecords"], counted["successfulRecords"], counted["failedRecords"]) == (20, 15, 5)
    good, bad = read_csv(tmp_path / f"{job}-success-records.csv"), read_csv(tmp_path / f"{job}-failed-records.csv")
    assert {row["Title"] for row in bad} == {row["Title"] for row in rows if not row["LastName"]}
    assert {row["sf__Error"] for row in bad} == {
        "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"
    }
    held = practice.soql(f"SELECT Id, LastName, Title FROM Contact WHERE LastName LIKE '{unique}%'")
    assert {(r["Id"], r["LastName"], r["Title"]) for r in held} == {
        (r["sf__Id"], r["LastName"], r["Title"]) for r in good
    }
    gone = write_csv(tmp_path / "gone.csv", [{"Id": row["sf__Id"]} for row in good[:4]])
    signed_in("data", "delete", "bulk", "--sobject", "Contact", "--file", gone, "--wait", "2")
    assert practice.count(f"SELECT COUNT() FROM Contact WHERE LastName LIKE '{unique}%'") == 11


def test_full_then_incremental(signed_in: Sf, practice: Practice, unique: str, tmp_path: Path) -> None:
    keyed = [{"Syncline_Key__c": f"{unique} {n}", "Subject": f"{unique} {n}"} for n in range(30)]
    file = write_csv(tmp_path / "tasks.csv", keyed)
    signed_in(
        "data", "upsert", "bulk", "--sobject", "Task", "--external-id", "Syncline_Key__c", "--file", file, "--wait", "2"
    )
    selected = f"SELECT Id, Subject, Status, SystemModstamp FROM Task WHERE Subject LIKE '{unique}%'"

    def export(where: str = "") -> dict[str, dict[str, str]]:
        out = str(tmp_path / "out.csv")
        signed_in("data", "export", "bulk", "--query", selected + where, "--output-file", out, "--wait", "2")
        return {row["Id"]: row for row in read_csv(tmp_path / "out.csv")}

    full = export()
    mark = max(row["SystemModstamp"] for row in full.values())
    practice.advance_clock(60)
    changed = write_csv(tmp_path / "again.csv", [{**row, "Subject": row["Subject"] + " x"} for row in keyed[:5]])
    signed_in(
        "data",
        "upsert",
        "bulk",
        "--sobject",
        "Task",
        "--external-id",
        "Syncline_Key__c",
        "--file",
        changed,
        "--wait",
        "2",
    )
    news = export(f" AND SystemModstamp > {mark}")
    assert len(news) == 5
    held = practice.soql(selected)
    assert {r["Id"]: (r["Subject"], r["Status"]) for r in held} == {
        key: (row["Subject"], row["Status"]) for key, row in (full | news).items()
    }


def test_trees_out_and_in(signed_in: Sf, practice: Practice, unique: str, tmp_path: Path) -> None:
    account = practice.create("Account", Name=unique)
    practice.create_many("Contact", [{"LastName": f"{unique} {n}", "AccountId": account} for n in range(2)])
    query = f"SELECT Name, (SELECT LastName FROM Contacts) FROM Account WHERE Name = '{unique}'"
    signed_in("data", "export", "tree", "--query", query, "--output-dir", str(tmp_path))
    signed_in("data", "import", "tree", "--files", str(tmp_path / "Account-Contact.json"))
    assert practice.count(f"SELECT COUNT() FROM Contact WHERE Account.Name = '{unique}'") == 4
    assert practice.count(f"SELECT COUNT() FROM Account WHERE Name = '{unique}'") == 2
