from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.local_org.web.conftest import Client
from tests.practice import Practice


@pytest.fixture
def crowd(practice: Practice, unique: str) -> str:
    """450 contacts that share a title."""
    practice.create_many("Contact", [{"LastName": f"N{n:03}", "Title": unique} for n in range(450)])
    return unique


def test_pages_follow_each_other_without_gap(client: Client, crowd: str) -> None:
    small = {"Sforce-Query-Options": "batchSize=200"}
    query = f"SELECT LastName FROM Contact WHERE Title = '{crowd}' ORDER BY LastName"
    page = client.soql(query, headers=small).json()
    names = [r["LastName"] for r in page["records"]]
    assert (page["totalSize"], page["done"], len(names)) == (450, False, 200)
    while not page["done"]:
        page = client("GET", page["nextRecordsUrl"]).json()
        names += [r["LastName"] for r in page["records"]]
    assert names == [f"N{n:03}" for n in range(450)]
    assert "nextRecordsUrl" not in page


def test_locator_may_be_changed_by_the_client_and_path_dropped(client: Client, crowd: str) -> None:
    query = f"SELECT LastName FROM Contact WHERE Title = '{crowd}' ORDER BY LastName"
    page = client("GET", "queryAll", params={"q": query}, headers={"Sforce-Query-Options": "batchSize=200"}).json()
    locator = page["nextRecordsUrl"].rsplit("/", 1)[-1]
    moved = client("GET", f"query/{locator.partition('-')[0]}-440?q=ignored").json()
    assert [r["LastName"] for r in moved["records"]] == [f"N{n:03}" for n in range(440, 450)]
    assert moved["done"] is True


def test_rows_that_vanish_between_pages_do_not_shift_the_rest(client: Client, practice: Practice, crowd: str) -> None:
    query = f"SELECT Id, LastName FROM Contact WHERE Title = '{crowd}' ORDER BY LastName"
    page = client.soql(query, headers={"Sforce-Query-Options": "batchSize=200"}).json()
    practice.update("Contact", page["records"][0]["Id"], Title="moved")
    second = client("GET", page["nextRecordsUrl"]).json()
    assert second["records"][0]["LastName"] == "N200"


def test_cursors_end_when_unused_foreign_or_too_many(client: Client, practice: Practice, crowd: str) -> None:
    query = f"SELECT Id FROM Contact WHERE Title = '{crowd}'"
    small = {"Sforce-Query-Options": "batchSize=200"}
    urls = [client.soql(query, headers=small).json()["nextRecordsUrl"] for _ in range(11)]
    gone = client("GET", urls[0])
    assert gone.status_code == 400
    assert gone.json() == [{"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}]
    foreign = Client(practice, practice.token("integration@practice.example"))("GET", urls[-1])
    assert foreign.json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    assert client("GET", urls[-1]).status_code == 200
    practice.advance_clock(901)
    assert client("GET", urls[-1]).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_count_aggregates_and_deleted_rows(client: Client, practice: Practice, crowd: str) -> None:
    query = f"FROM Contact WHERE Title = '{crowd}'"
    assert client.soql(f"SELECT COUNT() {query}").json() == {"totalSize": 450, "done": True, "records": []}
    (row,) = client.soql(f"SELECT COUNT(Id) {query}").json()["records"]
    assert row == {"attributes": {"type": "AggregateResult"}, "expr0": 450}
    (first, *_) = practice.soql(f"SELECT Id {query} LIMIT 1")
    practice.delete("Contact", first["Id"])
    assert client.soql(f"SELECT COUNT() {query}").json()["totalSize"] == 449
    everything = client("GET", "queryAll/", params={"q": f"SELECT COUNT() {query}"}).json()
    assert everything["totalSize"] == 450


def test_columns_and_explain(client: Client) -> None:
    query = "SELECT Name, Owner.Name FROM Account"
    found = client("GET", "query", params={"q": query, "columns": "true"}).json()
    assert (found["entityName"], found["keyPrefix"], found["idSelected"]) == ("Account", "001", False)
    assert [c["columnName"] for c in found["columnMetadata"]] == ["Name", "Owner"]
    assert found["columnMetadata"][1]["joinColumns"][0]["columnName"] == "Name"
    plans = client("GET", "query", params={"explain": query}).json()["plans"]
    assert plans[0]["sobjectType"] == "Account"


def test_broken_query_answers_400_with_the_position(client: Client) -> None:
    answer = client.soql("SELECT Id FROM XYZZY")
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == "INVALID_TYPE"
    assert "ERROR at Row:1:Column:16" in answer.json()[0]["message"]
    assert client("GET", "query").json()[0]["errorCode"] == "MALFORMED_QUERY"


def moment(text: str) -> datetime:
    """A date of an answer."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.000%z")


def test_updated_and_deleted(client: Client, practice: Practice, unique: str) -> None:
    kept, gone = practice.create_many("Account", [{"Name": f"{unique} {n}"} for n in range(2)])
    practice.delete("Account", gone)
    practice.advance_clock(120)
    now = datetime.fromisoformat(practice.now())
    span = {"start": (now - timedelta(hours=1)).isoformat(), "end": now.strftime("%Y-%m-%dT%H:%M:%SZ")}
    updated = client("GET", "sobjects/Account/updated/", params=span).json()
    assert kept in updated["ids"]
    assert gone not in updated["ids"]
    assert moment(updated["latestDateCovered"]) <= now
    deleted = client("GET", "sobjects/Account/deleted/", params=span).json()
    assert gone in [r["id"] for r in deleted["deletedRecords"]]
    assert moment(deleted["earliestDateAvailable"]) < now - timedelta(days=14)
    plus = f"sobjects/Account/updated?start={span['start']}&end={span['start']}"
    assert client("GET", plus).json()[0]["errorCode"] == "INVALID_REPLICATION_DATE"
    old = {"start": "2020-01-01T00:00:00Z", "end": span["end"]}
    assert client("GET", "sobjects/Account/updated", params=old).json()[0]["errorCode"] == "INVALID_REPLICATION_DATE"


def test_children_of_one_row_are_paged(client: Client) -> None:
    account = client("POST", "sobjects/Account", json={"Name": "Crowded house"}).json()["id"]
    for start in range(0, 600, 200):
        people = [
            {"attributes": {"type": "Contact"}, "LastName": f"P{n:03}", "AccountId": account}
            for n in range(start, start + 200)
        ]
        assert all(r["success"] for r in client.collection(people).json())
    query = f"SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName) FROM Account WHERE Id = '{account}'"
    nested = client.soql(query).json()["records"][0]["Contacts"]
    assert (nested["totalSize"], nested["done"], len(nested["records"])) == (600, False, 499)
    assert nested["nextRecordsUrl"].endswith("-499")
    rest = client("GET", nested["nextRecordsUrl"]).json()
    assert (rest["totalSize"], rest["done"], len(rest["records"])) == (600, True, 101)
    names = [r["LastName"] for r in nested["records"] + rest["records"]]
    assert names == [f"P{n:03}" for n in range(600)]
