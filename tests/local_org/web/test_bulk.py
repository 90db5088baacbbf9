from __future__ import annotations

import csv
import io
import time
from typing import Any

import pytest
import requests

from tests.local_org.web.conftest import Client
from tests.practice import Practice


def upload(client: Client, job: dict[str, Any], text: str) -> requests.Response:
    """The data of a job."""
    return client("PUT", "/" + job["contentUrl"], data=text.encode(), headers={"Content-Type": "text/csv"})


def wait(client: Client, kind: str, job_id: str) -> dict[str, Any]:
    """The job once it is finished."""
    for _ in range(400):
        job: dict[str, Any] = client("GET", f"jobs/{kind}/{job_id}").json()
        if job["state"] in ("JobComplete", "Failed", "Aborted"):
            return job
        time.sleep(0.05)
    raise AssertionError(f"job {job_id} did not finish")


def ingest(client: Client, text: str, **job: str) -> dict[str, Any]:
    """A job that ran to its end."""
    made = client("POST", "jobs/ingest", json={"object": "Contact", "operation": "insert", **job}).json()
    assert upload(client, made, text).status_code == 201
    assert client("PATCH", f"jobs/ingest/{made['id']}", json={"state": "UploadComplete"}).status_code == 200
    return wait(client, "ingest", made["id"])


def rows(client: Client, job_id: str, which: str) -> list[dict[str, str]]:
    """Result rows of an ingest job."""
    return list(csv.DictReader(io.StringIO(client("GET", f"jobs/ingest/{job_id}/{which}").text)))


def test_new_job_has_the_shape_that_clients_expect(client: Client) -> None:
    job = client("POST", "jobs/ingest", json={"object": "contact", "operation": "insert"}).json()
    assert job["id"].startswith("750")
    assert (job["state"], job["object"], job["apiVersion"]) == ("Open", "Contact", 66.0)
    assert job["contentUrl"] == f"services/data/v66.0/jobs/ingest/{job['id']}/batches"
    assert client("GET", f"jobs/ingest/{job['id']}").json()["numberRecordsProcessed"] == 0


def test_insert_with_results_per_row(client: Client, unique: str) -> None:
    text = f'LastName,Email,Title\n{unique},a@x.example,"two\nlines, ""quoted"""\n,b@x.example,none\n'
    job = ingest(client, text)
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == ("JobComplete", 2, 1)
    assert job["jobType"] == "V2Ingest"
    (good,) = rows(client, job["id"], "successfulResults")
    assert (good["sf__Created"], good["LastName"], good["Title"]) == ("true", unique, 'two\nlines, "quoted"')
    (bad,) = rows(client, job["id"], "failedResults/")
    assert bad["sf__Error"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"
    raw = client("GET", f"jobs/ingest/{job['id']}/successfulResults").text
    assert raw.startswith('"sf__Id","sf__Created","LastName","Email","Title"\n"003')


def test_empty_cell_leaves_and_not_available_clears(client: Client, practice: Practice, unique: str) -> None:
    first, second = practice.create_many("Contact", [{"LastName": unique, "Title": "old"} for _ in range(2)])
    job = ingest(client, f"Id,Title,Phone\n{first},,1\n{second},#N/A,2\n", operation="update")
    assert job["numberRecordsFailed"] == 0
    titles = practice.soql(f"SELECT Title, Phone FROM Contact WHERE LastName = '{unique}' ORDER BY Phone")
    assert titles == [{"Title": "old", "Phone": "1"}, {"Title": None, "Phone": "2"}]


def test_upsert_and_delete(client: Client, practice: Practice, unique: str) -> None:
    text = f"Syncline_Key__c|Subject\r\n{unique}-1|Call\r\n{unique}-2|Call\r\n"
    options = {"object": "Task", "operation": "upsert", "externalIdFieldName": "syncline_key__c"}
    dialect = {"columnDelimiter": "PIPE", "lineEnding": "CRLF"}
    first = ingest(client, text, **options, **dialect)
    second = ingest(client, text, **options, **dialect)
    raw = client("GET", f"jobs/ingest/{first['id']}/successfulResults").text
    assert raw.startswith('"sf__Id"|"sf__Created"|"Syncline_Key__c"|"Subject"\r\n')
    assert '"false"' in client("GET", f"jobs/ingest/{second['id']}/successfulResults").text
    ids = [r["Id"] for r in practice.soql(f"SELECT Id FROM Task WHERE Syncline_Key__c LIKE '{unique}%'")]
    assert len(ids) == 2
    job = ingest(client, "Id\n" + "\n".join(ids) + "\n", object="Task", operation="delete")
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (2, 0)
    assert practice.count(f"SELECT COUNT() FROM Task WHERE Syncline_Key__c LIKE '{unique}%'") == 0


def test_parents_by_header(client: Client, practice: Practice, unique: str) -> None:
    practice.schema_change(
        "add_field", object="Account", field="Bulk_Ref__c", type="string", length=40, external_id=True, unique=True
    )
    practice.create("Account", Name=unique, Bulk_Ref__c=unique)
    contact = practice.create("Contact", LastName=unique, Email=f"{unique}@bulk.example".lower())
    job = ingest(client, f"LastName,Account.Bulk_Ref__c\n{unique} jr,{unique}\n")
    assert job["numberRecordsFailed"] == 0, rows(client, job["id"], "failedResults")
    (child,) = practice.soql(f"SELECT Account.Name FROM Contact WHERE LastName = '{unique} jr'")
    assert child == {"Account": {"Name": unique}}
    job = ingest(client, f"Subject,Contact:Who.Email\n{unique},{unique.lower()}@bulk.example\n", object="Task")
    assert job["numberRecordsFailed"] == 0, rows(client, job["id"], "failedResults")
    assert practice.soql(f"SELECT WhoId FROM Task WHERE Subject = '{unique}'") == [{"WhoId": contact}]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("LastName,Foo\nx,y\n", {}, "InvalidBatch : Field name not found : Foo"),
        ("LastName\r\nx\r\n", {}, "LineEnding is invalid on user data. Current LineEnding setting is LF"),
        ("Id,LastName\n003000000000001AAA,x\n", {"operation": "delete"}, "must contain only 'Id'"),
        ('LastName\n"unclosed\n', {}, "CSV parse error"),
    ],
)
def test_whole_job_fails_when_the_data_does_not_fit(
    client: Client, text: str, options: dict[str, str], message: str
) -> None:
    job = ingest(client, text, **options)
    assert job["state"] == "Failed"
    assert message in job["errorMessage"]


def test_refused_jobs(client: Client, reader: Client) -> None:
    def refused(who: Client, **body: str) -> str:
        answer = who("POST", "jobs/ingest", json=body)
        assert answer.status_code in (400, 403, 404)
        return str(answer.json()[0]["errorCode"])

    assert refused(client, object="Contact", operation="dance") == "INVALIDOPERATION"
    assert refused(client, object="Nonsense", operation="insert") == "INVALIDENTITY"
    assert refused(client, object="Contact", operation="upsert") == "INVALIDJOB"
    assert refused(client, object="Contact", operation="insert", contentType="XML") == "INVALIDCONTENTTYPE"
    assert refused(reader, object="Contact", operation="insert") == "INSUFFICIENT_ACCESS"


def test_states_are_kept(client: Client) -> None:
    job = client("POST", "jobs/ingest", json={"object": "Contact", "operation": "insert"}).json()
    path = f"jobs/ingest/{job['id']}"
    assert client("GET", f"{path}/successfulResults").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert client("DELETE", path).status_code == 400
    upload(client, job, "LastName\nx\n")
    assert upload(client, job, "LastName\nx\n").status_code == 400
    assert client("PATCH", path, json={"state": "Aborted"}).json()["state"] == "Aborted"
    assert client("PATCH", path, json={"state": "UploadComplete"}).status_code == 400
    assert "x" in client("GET", f"{path}/unprocessedrecords").text
    assert client("DELETE", path).status_code == 204
    assert client("GET", path).status_code == 404


def test_abort_while_waiting_leaves_rows_unprocessed(client: Client, practice: Practice, unique: str) -> None:
    practice.fault_on("job_delay", count=1, value=1)
    job = client("POST", "jobs/ingest", json={"object": "Contact", "operation": "insert"}).json()
    upload(client, job, f"LastName\n{unique}\n")
    path = f"jobs/ingest/{job['id']}"
    client("PATCH", path, json={"state": "UploadComplete"})
    client("PATCH", path, json={"state": "Aborted"})
    assert wait(client, "ingest", job["id"])["state"] == "Aborted"
    time.sleep(1.2)
    assert practice.count(f"SELECT COUNT() FROM Contact WHERE LastName = '{unique}'") == 0
    assert unique in client("GET", f"{path}/unprocessedrecords").text


def test_multipart_makes_and_runs_a_job(client: Client, practice: Practice, unique: str) -> None:
    parts: Any = {
        "job": (None, '{"object":"Contact","operation":"insert"}', "application/json"),
        "content": ("content", f"LastName\n{unique}\n", "text/csv"),
    }
    job = client("POST", "jobs/ingest", files=parts).json()
    assert job["state"] == "UploadComplete"
    assert wait(client, "ingest", job["id"])["numberRecordsProcessed"] == 1
    assert practice.count(f"SELECT COUNT() FROM Contact WHERE LastName = '{unique}'") == 1


def test_job_lists(client: Client) -> None:
    made = client("POST", "jobs/ingest", json={"object": "Contact", "operation": "insert"}).json()
    listed = client("GET", "jobs/ingest").json()
    assert listed["done"] is True
    assert made["id"] in [job["id"] for job in listed["records"]]


def query_job(client: Client, query: str, **more: str) -> dict[str, Any]:
    """A query job that ran to its end."""
    made = client("POST", "jobs/query", json={"operation": "query", "query": query, **more}).json()
    return wait(client, "query", made["id"])


@pytest.mark.parametrize("page", [700, 1000, 1500, 5000])
def test_query_pages_hold_every_row_once(client: Client, practice: Practice, unique: str, page: int) -> None:
    practice.create_many("Contact", [{"LastName": f"{n:05}", "Title": unique} for n in range(2200)])
    job = query_job(client, f"SELECT LastName, Account.Name FROM Contact WHERE Title = '{unique}' ORDER BY LastName")
    assert (job["state"], job["numberRecordsProcessed"], job["object"]) == ("JobComplete", 2200, "Contact")
    names, locator = [], ""
    while locator != "null":
        answer = client("GET", f"jobs/query/{job['id']}/results?maxRecords={page}&locator={locator}")
        found = list(csv.reader(io.StringIO(answer.text)))
        assert found[0] == ["LastName", "Account.Name"]
        assert int(answer.headers["Sforce-NumberOfRecords"]) == len(found) - 1 <= page
        names += [row[0] for row in found[1:]]
        locator = answer.headers["Sforce-Locator"]
    assert names == [f"{n:05}" for n in range(2200)]


def test_query_job_without_rows_is_a_header(client: Client) -> None:
    job = query_job(client, "SELECT Id, Name FROM Account WHERE Name = 'nobody at all'")
    answer = client("GET", f"jobs/query/{job['id']}/results")
    assert (answer.text, answer.headers["Sforce-Locator"]) == ('"Id","Name"\n', "null")
    assert client("GET", f"jobs/query/{job['id']}/results?locator=bad").status_code == 400
    assert client("DELETE", f"jobs/query/{job['id']}").status_code == 204


def test_query_jobs_that_bulk_cannot_run(client: Client) -> None:
    def refused(query: str) -> dict[str, Any]:
        answer = client("POST", "jobs/query", json={"operation": "query", "query": query})
        assert answer.status_code == 400
        error: dict[str, Any] = answer.json()[0]
        return error

    assert refused("SELECT BillingAddress FROM Account")["message"] == (
        "Selecting compound data not supported in Bulk Query"
    )
    assert refused("SELECT COUNT(Id) FROM Account GROUP BY Name")["errorCode"] == "API_ERROR"
    assert refused("SELECT Id FROM")["errorCode"] == "MALFORMED_QUERY"


def test_results_wait_for_the_job(client: Client, practice: Practice) -> None:
    practice.fault_on("job_delay", count=1, value=0.5)
    made = client("POST", "jobs/query", json={"operation": "queryAll", "query": "SELECT Id FROM Account"}).json()
    assert made["state"] == "UploadComplete"
    early = client("GET", f"jobs/query/{made['id']}/results")
    assert early.status_code == 400
    assert wait(client, "query", made["id"])["state"] == "JobComplete"


def test_ten_thousand_rows_run_quickly(client: Client, unique: str) -> None:
    text = "LastName,Title\n" + "".join(f"{unique} {n},t\n" for n in range(10_000))
    started = time.perf_counter()
    job = ingest(client, text)
    assert job["numberRecordsProcessed"] == 10_000
    assert job["numberRecordsFailed"] == 0
    # Aim is 2 s; the margin is for a machine that is busy with other things.
    assert time.perf_counter() - started < 10


def test_a_result_that_was_made_beforehand_is_what_the_job_hands_out(client: Client, unique: str) -> None:
    practice = client.practice
    first = practice.create("Account", Name=f"{unique} one")
    body = {"operation": "query", "query": f"SELECT Id FROM Account WHERE Name LIKE '{unique}%'"}
    admin = practice.user()["username"]
    made = practice._control("POST", "results", body | {"as": admin})
    assert made["rows"] == 1
    practice.create("Account", Name=f"{unique} two")

    def found() -> str:
        job = wait(client, "query", client("POST", "jobs/query", json=body).json()["id"])
        assert job["state"] == "JobComplete"
        return client("GET", f"jobs/query/{job['id']}/results").text

    assert found().split() == ['"Id"', f'"{first}"']
    practice._control("DELETE", "results")
    assert len(found().split()) == 3
    assert client("GET", f"jobs/query/{made['job']}/results").text.split() == ['"Id"', f'"{first}"']


def test_a_hard_delete_passes_the_recycle_bin(client: Client, unique: str) -> None:
    practice = client.practice
    soft, hard = (practice.create("Contact", LastName=unique) for _ in range(2))
    ingest(client, f"Id\n{soft}\n", operation="delete")
    job = ingest(client, f"Id\n{hard}\n003000000000000AAA\n", operation="hardDelete")
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (2, 1)
    found = practice.soql(f"SELECT Id FROM Contact WHERE LastName = '{unique}'", all_rows=True)
    assert [row["Id"] for row in found] == [soft]


def test_a_row_beyond_the_limits_fails_and_the_others_go(client: Client, unique: str) -> None:
    wide = [f'"{"y" * 20_000}"'] * 21
    lines = ["LastName,Description", f"{unique},{'x' * 32_000}", f"{unique},{'x' * 32_001}"]
    lines += [f"{unique},{','.join(wide)}", f"{unique}{',' * 5_000}"]
    job = ingest(client, "\n".join(lines) + "\n")
    assert (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"]) == ("JobComplete", 4, 3)
    long, large, many = (row["sf__Error"] for row in rows(client, job["id"], "failedResults"))
    assert long.startswith("STRING_TOO_LONG:Description: data value too large: xxx")
    assert long.endswith("(max length=32000):Description --")
    assert large == f"LIMIT_EXCEEDED:The record has {420_000 + len(unique)} characters; the maximum is 400000:--"
    assert many == "LIMIT_EXCEEDED:The record has 5001 fields; the maximum is 5000:--"
    (good,) = rows(client, job["id"], "successfulResults")
    assert len(client("GET", f"sobjects/Contact/{good['sf__Id']}?fields=Description").json()["Description"]) == 32_000


def test_jobs_are_forgotten_after_seven_days(practice: Practice, unique: str) -> None:
    client = Client(practice, practice.token())
    done = ingest(client, f"LastName\n{unique}\n")["id"]
    still_open = client("POST", "jobs/ingest", json={"object": "Contact", "operation": "insert"}).json()["id"]
    asked = query_job(client, f"SELECT Id FROM Contact WHERE LastName = '{unique}'")["id"]
    paths = [f"jobs/ingest/{done}", f"jobs/ingest/{done}/successfulResults", f"jobs/ingest/{still_open}",
             f"jobs/query/{asked}", f"jobs/query/{asked}/results"]  # fmt: skip
    days = 7 * 86_400
    try:
        practice.advance_clock(days - 3600)
        later = Client(practice, practice.token())
        assert [later("GET", path).status_code for path in paths] == [200] * 5
        allowed = later("GET", "limits").json()["DailyBulkV2QueryJobs"]
        assert allowed["Remaining"] == allowed["Max"]
        practice.advance_clock(3700)
        assert [later("GET", path).status_code for path in paths] == [404] * 5
        listed = later("GET", "jobs/ingest").json()["records"] + later("GET", "jobs/query").json()["records"]
        assert not {done, still_open, asked} & {job["id"] for job in listed}
        assert not [file for job in (done, asked) for file in practice.data_dir.rglob(f"{job}*")]
        assert practice.count(f"SELECT COUNT() FROM Contact WHERE LastName = '{unique}'") == 1
    finally:
        practice.advance_clock(-days - 100)
