from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.local_org.web.conftest import Client
from tests.practice import Practice, PracticeFailed

pytestmark = pytest.mark.requirement("N12")

BATCH = {"Sforce-Query-Options": "batchSize=200"}


def named(practice: Practice, name: str) -> int:
    """How many accounts bear the name."""
    return practice.count(f"SELECT COUNT() FROM Account WHERE Name = '{name}'")


@pytest.fixture(scope="module")
def pages(server: Practice) -> str:
    """A word that 450 accounts share: three pages of 200."""
    client = Client(server, server.token())
    for size in (200, 200, 50):
        client.collection([{"attributes": {"type": "Account"}, "Name": "Paged"} for _ in range(size)])
    return "Paged"


def walk(client: Client, query: str) -> Iterator[list[str]]:
    """The Ids of each page."""
    body = client.soql(query, headers=BATCH).json()
    while True:
        yield [row["Id"] for row in body["records"]]
        if body["done"]:
            return
        body = client("GET", body["nextRecordsUrl"]).json()


def finished(client: Client, path: str) -> dict[str, Any]:
    """The job once it is at an end."""
    deadline = time.monotonic() + 20
    while (job := client("GET", path).json())["state"] in ("UploadComplete", "InProgress"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return dict(job)


def ingest(client: Client, text: str) -> str:
    """Upload a CSV of accounts and close the job; its path."""
    job = client("POST", "jobs/ingest", json={"object": "Account", "operation": "insert"}).json()
    client("PUT", "/" + job["contentUrl"], data=text, headers={"Content-Type": "text/csv"})
    client("PATCH", f"jobs/ingest/{job['id']}", json={"state": "UploadComplete"})
    return f"jobs/ingest/{job['id']}"


def test_a_session_may_end_in_a_page_for_people(client: Client, practice: Practice) -> None:
    practice.fault_on("expired_session", count=1, value="html")
    answer = client("GET", "recent")
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (401, "text/html")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_a_session_may_end_between_two_pages(client: Client, practice: Practice, pages: str) -> None:
    practice.fault_on("expired_session", count=1, match="/query/01g")
    body = client.soql(f"SELECT Id FROM Account WHERE Name = '{pages}'", headers=BATCH).json()
    assert client("GET", body["nextRecordsUrl"]).status_code == 401
    assert len(client("GET", body["nextRecordsUrl"]).json()["records"]) == 200


def test_too_many_requests_at_a_time(client: Client, practice: Practice) -> None:
    practice.fault_on("allowance", count=1, value="concurrent")
    assert client("GET", "recent").json() == [
        {
            "message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
            "errorCode": "REQUEST_LIMIT_EXCEEDED",
        }
    ]


def test_a_query_may_run_for_too_long(client: Client, practice: Practice) -> None:
    practice.fault_on("query_timeout", count=1)
    answer = client.soql("SELECT Id FROM Account LIMIT 1")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "QUERY_TIMEOUT")
    assert client.soql("SELECT Id FROM Account LIMIT 1").status_code == 200


@pytest.mark.parametrize("status", [420, 502])
def test_gateways_answer_in_html(client: Client, practice: Practice, status: int) -> None:
    practice.fault_on("org_stopped", count=1, value=str(status))
    answer = client("GET", "recent")
    assert (answer.status_code, "html" in answer.headers["Content-Type"]) == (status, True)


def test_drip(client: Client, practice: Practice) -> None:
    practice.fault_on("drip", count=1, value=0.4)
    started = time.monotonic()
    assert client("GET", "sobjects/Account/describe").json()["name"] == "Account"
    assert time.monotonic() - started >= 0.35


def test_broken_gzip(client: Client, practice: Practice) -> None:
    practice.fault_on("broken_gzip", count=1)
    answer = client("GET", "sobjects/Account/describe", stream=True)
    assert answer.headers["Content-Encoding"] == "gzip"
    with pytest.raises(EOFError):
        gzip.decompress(answer.raw.read(decode_content=False))
    assert client("GET", "sobjects/Account/describe").json()["name"] == "Account"


def test_short_and_repeated_pages_of_csv(client: Client, practice: Practice, pages: str) -> None:
    query = {"operation": "query", "query": f"SELECT Id, Name FROM Account WHERE Name = '{pages}'"}
    job = client("POST", "jobs/query", json=query).json()
    path = f"jobs/query/{job['id']}"
    finished(client, path)
    whole = client("GET", f"{path}/results?maxRecords=100")
    practice.fault_on("short_page", count=1)
    short = client("GET", f"{path}/results?maxRecords=100", headers={"Accept-Encoding": "identity"})
    assert (short.status_code, int(short.headers["Content-Length"])) == (200, len(short.content))
    assert whole.content.startswith(short.content)
    assert not short.content.endswith(b"\n")
    practice.fault_on("repeated_page", count=1)
    where = f"{path}/results?maxRecords=100&locator={whole.headers['Sforce-Locator']}"
    assert client("GET", where).content == whole.content
    assert client("GET", where).content != whole.content
    practice.fault_on("locator_expired", count=1)
    assert client("GET", where).status_code == 400


def test_repeated_page_and_expired_locator_of_a_query(client: Client, practice: Practice, pages: str) -> None:
    query = f"SELECT Id FROM Account WHERE Name = '{pages}' ORDER BY Id"
    practice.fault_on("repeated_page", count=1)
    first, second, third = walk(client, query)
    assert first == second
    assert len(third) == 50
    practice.fault_on("locator_expired", count=1)
    body = client.soql(query, headers=BATCH).json()
    answer = client("GET", body["nextRecordsUrl"])
    assert answer.json() == [{"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}]


@pytest.mark.parametrize("value", ["", "merge", "change"])
def test_a_record_goes_or_changes_between_two_pages(client: Client, practice: Practice, pages: str, value: str) -> None:
    query = f"SELECT Id FROM Account WHERE Name = '{pages}' ORDER BY Id"
    everyone = [each for page in walk(client, query) for each in page]
    practice.fault_on("between_pages", count=1, value=value)
    list(walk(client, query))
    practice.fault_off("between_pages")
    after = [each for page in walk(client, query) for each in page]
    gone = set(everyone) - set(after)
    victim = client.soql(f"SELECT LastModifiedDate, CreatedDate FROM Account WHERE Id = '{everyone[200]}'").json()
    if value == "change":
        assert not gone
        assert victim["totalSize"] == 1
    else:
        assert gone == {everyone[200]}
        row = client("GET", f"queryAll?q=SELECT MasterRecordId FROM Account WHERE Id = '{everyone[200]}'").json()
        assert row["records"][0]["MasterRecordId"] == (everyone[0] if value == "merge" else None)


def test_a_stuck_job_goes_on_when_it_is_let(client: Client, practice: Practice, unique: str) -> None:
    practice.fault_on("job_stuck")
    path = ingest(client, f"Name\n{unique}\n")
    deadline = time.monotonic() + 20
    while client("GET", path).json()["state"] != "InProgress":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)
    assert (client("GET", path).json()["state"], named(practice, unique)) == ("InProgress", 0)
    practice.fault_off("job_stuck")
    assert finished(client, path)["state"] == "JobComplete"
    assert named(practice, unique) == 1


def test_a_job_completes_with_every_row_failed(client: Client, practice: Practice, unique: str) -> None:
    practice.fault_on("rows_failed")
    path = ingest(client, f"Name\n{unique}\n{unique}\n")
    job = finished(client, path)
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == ("JobComplete", 2, 2)
    failed = client("GET", f"{path}/failedResults").text
    assert failed.count("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY:PracticeTrigger: execution of BeforeInsert") == 2
    assert named(practice, unique) == 0


def test_rows_fail_with_the_code_that_is_asked_for(client: Client, practice: Practice, unique: str) -> None:
    practice.fault_on("rows_failed", count=1, value="ENTITY_IS_LOCKED:the record is locked")
    (row,) = client.collection([{"attributes": {"type": "Account"}, "Name": unique}]).json()
    assert row["errors"] == [{"statusCode": "ENTITY_IS_LOCKED", "message": "the record is locked", "fields": []}]


def test_an_automation_heals_a_failing_row(client: Client, practice: Practice, unique: str) -> None:
    bad = {"attributes": {"type": "Contact"}, "LastName": unique, "Email": "no address"}
    practice.fault_on("healed_row", count=1)
    first, second = client.collection([bad, bad]).json()
    assert (first["success"], second["success"]) == (True, False)
    row = client.soql(f"SELECT LastName, Email FROM Contact WHERE Id = '{first['id']}'").json()["records"][0]
    assert (row["LastName"], row["Email"]) == (unique, None)


def test_an_automation_heals_a_row_that_is_sent_again(client: Client, practice: Practice, unique: str) -> None:
    rows = [{"attributes": {"type": "Task"}, "Subject": unique}, {"attributes": {"type": "Task"}, "Priority": "x" * 99}]
    practice.fault_on("healed_row", value="next")
    refused = client.collection(rows, allOrNone=True).json()
    assert [r["errors"][0]["statusCode"] for r in refused] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "STRING_TOO_LONG"]
    again = [client.collection(rows).json() for _ in range(2)]
    assert [[row["success"] for row in answer] for answer in again] == [[True, False], [True, True]]


def test_schema_drift_strikes_after_the_describe(client: Client, practice: Practice) -> None:
    def field() -> dict[str, Any] | None:
        found = client("GET", "sobjects/Case/describe").json()["fields"]
        return next((f for f in found if f["name"] == "SuppliedName"), None)

    before = field()
    practice.fault_on("schema_drift", value="Case.SuppliedName:shorten=5", count=1)
    assert field() == before
    answer = client("POST", "sobjects/Case", json={"SuppliedName": "too long"})
    assert answer.json()[0]["errorCode"] == "STRING_TOO_LONG"
    practice.fault_off("schema_drift")
    assert field() == before
    practice.fault_on("schema_drift", value="Case.SuppliedName:remove", count=1)
    assert field() == before
    assert client.soql("SELECT SuppliedName FROM Case").json()[0]["errorCode"] == "INVALID_FIELD"
    practice.fault_off("all")
    after = field()
    assert after == before
    with pytest.raises(PracticeFailed, match="schema_drift wants"):
        practice.fault_on("schema_drift", value="Case.SuppliedName:explode")


def test_clock_skew_and_equal_stamps(client: Client, practice: Practice, unique: str) -> None:
    before = practice.now()
    practice.fault_on("clock_skew", value=-3600)
    assert practice.now() < before
    practice.fault_off("clock_skew")
    assert practice.now() >= before
    practice.fault_on("equal_stamps")
    for _ in range(2):
        client("POST", "sobjects/Account", json={"Name": unique})
        time.sleep(1.1)
    practice.fault_off("equal_stamps")
    client("POST", "sobjects/Account", json={"Name": unique})
    rows = practice.soql(f"SELECT SystemModstamp FROM Account WHERE Name = '{unique}' ORDER BY Id")
    stamps = [row["SystemModstamp"] for row in rows]
    assert stamps[0] == stamps[1] < stamps[2]


def test_archive_and_purge() -> None:
    # An org of its own: its clock goes on for more than a year.
    with Practice() as practice:
        task = practice.create("Task", Subject="old", Status="Completed")
        gone = practice.create("Task", Subject="gone")
        Client(practice, practice.token())("DELETE", f"sobjects/Task/{gone}")
        practice.advance_clock(400 * 86_400)
        client = Client(practice, practice.token())
        assert practice.archive() == 1
        assert client.soql("SELECT Id FROM Task").json()["totalSize"] == 0
        everything = "queryAll?q=SELECT Id FROM Task"
        assert {row["Id"] for row in client("GET", everything).json()["records"]} == {task, gone}
        assert practice.purge() == 1
        assert [row["Id"] for row in client("GET", everything).json()["records"]] == [task]
