from __future__ import annotations

import csv
import io
import time
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from tests.local_org.web.conftest import Client
from tests.practice import Practice

SPACE = "{http://www.force.com/2009/06/asyncapi/dataload}"
MEDIA = {"JSON": "application/json", "CSV": "text/csv", "XML": "application/xml"}
DONE = ("Completed", "Failed", "NotProcessed")


class Async:
    """A bare client of Bulk API 1.0."""

    def __init__(self, practice: Practice, token: str) -> None:
        self.base = f"{practice.base_url}/services/async/58.0"
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = practice.env["ca_file"]
        self.http.headers["X-SFDC-Session"] = token

    def __call__(self, method: str, path: str, data: bytes | str = b"", media: str = "", **options: Any) -> Any:
        """A request; the headers may be changed by `headers`."""
        headers = ({"Content-Type": media} if media else {}) | options.pop("headers", {})
        raw = data.encode() if isinstance(data, str) else data
        return self.http.request(method, f"{self.base}/{path}", data=raw, headers=headers, timeout=30)

    def job(self, form: str = "JSON", headers: dict[str, str] | None = None, **facts: Any) -> dict[str, Any]:
        """A new job, made in JSON."""
        body = {"object": "Contact", "operation": "insert", "contentType": form, **facts}
        answer = self.http.post(f"{self.base}/job", json=body, headers=headers, timeout=30)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def batch(self, job: dict[str, Any], data: str) -> str:
        """The Id of a new batch."""
        answer = self("POST", f"job/{job['id']}/batch", data, MEDIA[job["contentType"]])
        assert answer.status_code == 201, answer.text
        return str(shown(answer)["id"])

    def finished(self, job: dict[str, Any], batch: str) -> dict[str, Any]:
        """The batch when it is done."""
        for _ in range(400):
            found = shown(self("GET", f"job/{job['id']}/batch/{batch}"))
            if found["state"] in DONE:
                return found
            time.sleep(0.03)
        raise AssertionError(f"batch {batch} did not finish")

    def run(self, data: str, form: str = "JSON", **facts: Any) -> tuple[dict[str, Any], dict[str, Any], Any]:
        """A job with one batch that ran: job, batch, and the answer with the results."""
        job = self.job(form, **facts)
        batch = self.finished(job, self.batch(job, data))
        return job, batch, self("GET", f"job/{job['id']}/batch/{batch['id']}/result")

    def rows(self, query: str, form: str, operation: str = "query", sobject: str = "Contact") -> requests.Response:
        """The answer with the rows of a query."""
        job, batch, ids = self.run(query, form, operation=operation, object=sobject)
        assert batch["state"] == "Completed", batch
        found = ids.json() if form == "JSON" else [e.text for e in ElementTree.fromstring(ids.text)]
        answer: requests.Response = self("GET", f"job/{job['id']}/batch/{batch['id']}/result/{found[0]}")
        return answer


def shown(answer: requests.Response) -> dict[str, Any]:
    """A job or a batch, from JSON or XML, with numbers as numbers."""
    if answer.headers["Content-Type"].startswith("application/json"):
        found: dict[str, Any] = answer.json()
        return found
    facts = {element.tag.removeprefix(SPACE): element.text for element in ElementTree.fromstring(answer.text)}
    return {n: int(v) if n.startswith("number") and v else v for n, v in facts.items()}


@pytest.fixture
def bulk(practice: Practice) -> Async:
    return Async(practice, practice.token())


def test_json_job_saves_rows_and_says_what_came_of_each(bulk: Async, unique: str) -> None:
    job, batch, answer = bulk.run(f'[{{"LastName": "{unique}", "Title": null}}, {{"Title": "no name"}}]')
    assert (job["id"][:3], batch["id"][:3], batch["jobId"]) == ("750", "751", job["id"])
    assert (batch["state"], batch["numberRecordsProcessed"], batch["numberRecordsFailed"]) == ("Completed", 2, 1)
    good, bad = answer.json()
    assert (good["success"], good["created"], good["id"][:3], good["errors"]) == (True, True, "003", [])
    assert (bad["success"], bad["created"], bad["id"]) == (False, False, None)
    assert bad["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert bad["errors"][0]["fields"] == ["LastName"]


def test_csv_job_answers_its_batches_in_xml_and_its_results_in_csv(bulk: Async, unique: str) -> None:
    job = bulk.job("CSV")
    posted = bulk("POST", f"job/{job['id']}/batch", f"LastName,Title\n{unique},\n,x\n", "text/csv; charset=UTF-8")
    assert posted.headers["Content-Type"] == "application/xml"
    batch = bulk.finished(job, shown(posted)["id"])
    assert (batch["numberRecordsProcessed"], batch["numberRecordsFailed"]) == (2, 1)
    answer = bulk("GET", f"job/{job['id']}/batch/{batch['id']}/result")
    assert answer.headers["Content-Type"].startswith("text/csv")
    good, bad = csv.DictReader(io.StringIO(answer.text))
    assert answer.text.startswith('"Id","Success","Created","Error"\n"003')
    assert (good["Success"], good["Created"], good["Error"]) == ("true", "true", "")
    assert bad["Error"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"


def test_xml_job_from_beginning_to_end(bulk: Async, practice: Practice, unique: str) -> None:
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    space = 'xmlns="http://www.force.com/2009/06/asyncapi/dataload"'
    text = f"{head}<jobInfo {space}><operation>insert</operation><object>Contact</object></jobInfo>"
    made = bulk("POST", "job", text, "application/xml; charset=utf-8")
    job = shown(made)
    assert (made.status_code, job["contentType"], job["state"], job["apiVersion"]) == (201, "XML", "Open", "58.0")
    rows = (
        f'<sObjects {space} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><sObject><LastName>{unique}'
        "</LastName><DoNotCall>true</DoNotCall><Title>A &amp; B</Title></sObject>"
        '<sObject><LastName xsi:nil="true"/></sObject></sObjects>'
    )
    batch = bulk.finished(job, bulk.batch(job, rows))
    results = ElementTree.fromstring(bulk("GET", f"job/{job['id']}/batch/{batch['id']}/result").text)
    assert [r.findtext(SPACE + "success") for r in results] == ["true", "false"]
    assert results[1].findtext(f"{SPACE}errors/{SPACE}statusCode") == "REQUIRED_FIELD_MISSING"
    (saved,) = practice.soql(f"SELECT DoNotCall, Title FROM Contact WHERE LastName = '{unique}'")
    assert saved == {"DoNotCall": True, "Title": "A & B"}
    closed = bulk("POST", f"job/{job['id']}", f"{head}<jobInfo {space}><state>Closed</state></jobInfo>", MEDIA["XML"])
    assert (shown(closed)["state"], shown(closed)["numberBatchesCompleted"]) == ("Closed", 1)


def test_update_upsert_and_delete(bulk: Async, practice: Practice, unique: str) -> None:
    task = {"object": "Task", "operation": "upsert", "externalIdFieldName": "syncline_key__c"}
    rows = f'[{{"Syncline_Key__c": "{unique}", "Subject": "Call"}}]'
    assert bulk.run(rows, **task)[2].json()[0]["created"] is True
    (again,) = bulk.run(rows, **task)[2].json()
    assert (again["created"], again["success"]) == (False, True)
    text = f"Id,Subject,Description\n{again['id']},Email,#N/A\n"
    assert '"true","false",""' in bulk.run(text, "CSV", object="Task", operation="update")[2].text
    assert practice.soql(f"SELECT Subject FROM Task WHERE Id = '{again['id']}'") == [{"Subject": "Email"}]
    bulk.run(f'[{{"Id": "{again["id"]}"}}]', object="Task", operation="delete")
    assert practice.count(f"SELECT COUNT() FROM Task WHERE Syncline_Key__c = '{unique}'") == 0


def test_parents_by_external_id_in_every_format(bulk: Async, practice: Practice, unique: str) -> None:
    mail = f"{unique}@bulk.example".lower()
    contact = practice.create("Contact", LastName=unique, Email=mail)
    json_rows = f'[{{"Subject": "{unique}", "Who": {{"attributes": {{"type": "Contact"}}, "Email": "{mail}"}}}}]'
    csv_rows = f"Subject,Contact:Who.Email\n{unique},{mail}\n"
    xml_rows = (
        f"<sObjects><sObject><Subject>{unique}</Subject><Who><sObject><type>Contact</type><Email>{mail}</Email>"
        "</sObject></Who></sObject></sObjects>"
    )
    for form, rows in (("JSON", json_rows), ("CSV", csv_rows), ("XML", xml_rows)):
        _, batch, answer = bulk.run(rows, form, object="Task")
        assert batch["numberRecordsFailed"] == 0, answer.text
    found = practice.soql(f"SELECT WhoId FROM Task WHERE Subject = '{unique}'")
    assert found == [{"WhoId": contact}] * 3


def test_json_query_counts_datetimes_in_milliseconds(bulk: Async, practice: Practice, unique: str) -> None:
    practice.create("Contact", LastName=unique)
    query = f"SELECT Id, LastName, Birthdate, CreatedDate, Owner.CreatedDate FROM Contact WHERE LastName = '{unique}'"
    (row,) = bulk.rows(query, "JSON").json()
    (truth,) = practice.soql(query)
    assert row["attributes"]["url"].endswith(row["Id"])
    assert row["CreatedDate"] == int(datetime.fromisoformat(truth["CreatedDate"]).timestamp()) * 1000
    assert row["Owner"]["CreatedDate"] == int(datetime.fromisoformat(truth["Owner"]["CreatedDate"]).timestamp()) * 1000
    assert (row["LastName"], row["Birthdate"]) == (unique, None)


def test_csv_and_xml_queries(bulk: Async, practice: Practice, unique: str) -> None:
    practice.create("Contact", LastName=unique, Title='a "b" & <c>', Department="bell\u0007 \ufffe")
    query = f"SELECT LastName, Title, Department, CreatedDate, Owner.Name FROM Contact WHERE LastName = '{unique}'"
    answer = bulk.rows(query, "CSV")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["LastName"], row["Title"], row["CreatedDate"][-5:]) == (unique, 'a "b" & <c>', ".000Z")
    assert "Owner.Name" in row
    (record,) = ElementTree.fromstring(bulk.rows(query, "XML").text)
    assert (record.findtext(SPACE + "type"), record.findtext(SPACE + "Title")) == ("Contact", 'a "b" & <c>')
    assert (record.findtext(SPACE + "CreatedDate") or "")[-5:] == ".000Z"
    assert record.findtext(SPACE + "Department") == "bell "


def test_nothing_found_is_said_in_words_in_csv(bulk: Async) -> None:
    query = "SELECT Id FROM Contact WHERE LastName = 'nobody at all'"
    assert bulk.rows(query, "CSV").text == "Records not found for this query"
    assert bulk.rows(query, "JSON").json() == []


def test_query_all_sees_the_deleted(bulk: Async, practice: Practice, unique: str) -> None:
    practice.delete("Contact", practice.create("Contact", LastName=unique))
    query = f"SELECT Id, IsDeleted FROM Contact WHERE LastName = '{unique}'"
    assert bulk.rows(query, "JSON").json() == []
    assert [row["IsDeleted"] for row in bulk.rows(query, "JSON", "queryAll").json()] == [True]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT Id, Name FROM Campaign WHERE Name LIKE '{}%' AND IsActive = false",
        "SELECT Id, Name FROM Campaign WHERE Name LIKE '{}%' OR Name = 'nobody'",
        "SELECT c.Id, c.Name FROM Campaign c WHERE NOT (c.Name = 'nobody') AND (c.Name LIKE '{}%')",
    ],
)
def test_chunks_by_primary_key_hold_every_row_once(bulk: Async, practice: Practice, unique: str, query: str) -> None:
    practice.create_many("Campaign", [{"Name": f"{unique} {n}"} for n in range(7)])
    headers = {"Sforce-Enable-PKChunking": "chunkSize=3; startRow=001000000000000"}
    job = bulk.job("JSON", headers, object="Campaign", operation="query")
    asked = bulk.batch(job, query.format(unique))
    assert bulk.finished(job, asked)["state"] == "NotProcessed"
    listed = bulk("GET", f"job/{job['id']}/batch").json()["batchInfo"]
    parts = [part["id"] for part in listed if part["id"] != asked]
    assert len(parts) >= 3
    names: list[str] = []
    for part in parts:
        assert bulk.finished(job, part)["state"] == "Completed"
        base = f"job/{job['id']}/batch/{part}/result"
        names += [row["Name"] for row in bulk("GET", f"{base}/{bulk('GET', base).json()[0]}").json()]
    assert sorted(names) == [f"{unique} {n}" for n in range(7)]


def test_ordered_query_is_not_chunked(bulk: Async, practice: Practice, unique: str) -> None:
    practice.create("Campaign", Name=unique)
    job = bulk.job("JSON", {"Sforce-Enable-PKChunking": "TRUE"}, object="Campaign", operation="query")
    batch = bulk.batch(job, f"SELECT Id FROM Campaign WHERE Name = '{unique}' ORDER BY Name LIMIT 5")
    found = bulk.finished(job, batch)
    assert (found["state"], found["numberRecordsProcessed"]) == ("Completed", 1)
    body = '{"object": "Campaign", "operation": "query", "contentType": "JSON"}'
    refused = bulk("POST", "job", body, MEDIA["JSON"], headers={"Sforce-Enable-PKChunking": "chunkSize=300000"})
    assert "PK chunk size must be between" in refused.json()["exceptionMessage"]


def test_request_is_echoed_byte_by_byte(bulk: Async, unique: str) -> None:
    text = f'LastName\r\n"{unique} ä"\r\n'
    job, batch, _ = bulk.run(text, "CSV")
    answer = bulk("GET", f"job/{job['id']}/batch/{batch['id']}/request")
    assert answer.content == text.encode()
    assert answer.headers["Content-Type"].startswith("text/csv")


@pytest.mark.parametrize(
    ("form", "text", "facts", "message"),
    [
        ("CSV", "LastName,Foo\nx,y\n", {}, "InvalidBatch : Field name not found : Foo"),
        ("JSON", '[{"LastName": "x", "Foo": 1}]', {}, "InvalidBatch : Field name not found : Foo"),
        ("JSON", '{"LastName": "x"}', {}, "an array of objects"),
        ("JSON", "[{", {}, "Unable to parse JSON"),
        ("JSON", '[{"Id": "003000000000001AAA", "Title": "x"}]', {"operation": "delete"}, "must contain only 'Id'"),
        ("CSV", "LastName\n", {}, "Records not processed"),
        ("XML", '<!DOCTYPE x [<!ENTITY a "aaaa">]><sObjects/>', {}, "InvalidXMLBatch"),
        ("XML", "<sObjects><sObject>", {}, "InvalidXMLBatch"),
        ("CSV", "LastName\n" + "x\n" * 10_001, {}, "more than 10000 records"),
        ("JSON", "SELECT Foo FROM Contact", {"operation": "query"}, "InvalidBatch : Failed to process query: INVALID_"),
        ("CSV", "SELECT Id FROM Account", {"operation": "query"}, "The query is on Account, the job is on Contact"),
        ("CSV", "SELECT COUNT() FROM Contact", {"operation": "query"}, "not supported in Bulk Query"),
    ],
)
def test_whole_batch_fails_when_it_does_not_fit(
    bulk: Async, form: str, text: str, facts: dict[str, str], message: str
) -> None:
    _, batch, answer = bulk.run(text, form, **facts)
    assert batch["state"] == "Failed"
    assert message in batch["stateMessage"]
    assert (batch["numberRecordsProcessed"], answer.status_code) == (0, 400)
    assert "InvalidBatch" in answer.text


def test_refusals_have_their_code_and_their_format(bulk: Async, practice: Practice, reader: Client) -> None:
    def refused(who: Async, body: str, media: str = "application/json") -> str:
        answer = who("POST", "job", body, media)
        assert answer.status_code == 400
        if "json" in media:
            return str(answer.json()["exceptionCode"])
        return str(ElementTree.fromstring(answer.text).findtext(SPACE + "exceptionCode"))

    assert refused(bulk, '{"object": "Contact", "operation": "dance"}') == "InvalidJob"
    assert refused(bulk, '{"object": "Nonsense", "operation": "insert"}') == "InvalidJob"
    assert refused(bulk, '{"object": "Contact", "operation": "upsert"}') == "InvalidJob"
    assert refused(bulk, '{"object": "Contact", "operation": "insert", "contentType": "ZIP_CSV"}') == "InvalidJob"
    assert refused(bulk, "[]") == "InvalidJob"
    assert refused(bulk, "<x/>", "application/xml") == "InvalidJob"
    low = Async(practice, practice.token("reader@practice.example"))
    assert refused(low, '{"object": "Contact", "operation": "insert"}') == "InvalidJob"
    nobody = Async(practice, "")
    assert refused(nobody, "{}") == "InvalidSessionId"
    assert "<exceptionCode>InvalidSessionId</exceptionCode>" in nobody("GET", "job/750000000000001").text
    assert "<exceptionCode>InvalidJob</exceptionCode>" in bulk("GET", "job/750000000000001").text
    assert bulk("GET", "job/750000000000001", media="application/json").json()["exceptionCode"] == "InvalidJob"


def test_other_users_jobs_are_not_found(bulk: Async, practice: Practice) -> None:
    job = bulk.job("JSON", operation="query")
    other = Async(practice, practice.token("reader@practice.example"))
    assert "InvalidJob" in other("GET", f"job/{job['id']}").text


def test_states_are_kept(bulk: Async, practice: Practice, unique: str) -> None:
    job = bulk.job("JSON", concurrencyMode=1)
    assert job["concurrencyMode"] == "Serial"
    with practice.fault("job_delay", value="1", count=1):
        batches = [bulk.batch(job, f'[{{"LastName": "{unique}"}}]') for _ in range(2)]
        aborted = bulk("POST", f"job/{job['id']}", '{"state": "Aborted"}', "application/json").json()
        assert aborted["state"] == "Aborted"
        assert [bulk.finished(job, one)["state"] for one in batches] == ["NotProcessed", "NotProcessed"]
    late = bulk("POST", f"job/{job['id']}/batch", "[]", "application/json")
    assert late.json()["exceptionCode"] == "InvalidJobState"
    assert bulk("POST", f"job/{job['id']}", '{"state": "Closed"}', "application/json").status_code == 400
    assert practice.count(f"SELECT COUNT() FROM Contact WHERE LastName = '{unique}'") == 0


def test_job_counts_its_batches_and_its_rows(bulk: Async, unique: str) -> None:
    job = bulk.job()
    for size in (2, 3):
        bulk.finished(job, bulk.batch(job, "[" + ", ".join([f'{{"LastName": "{unique}"}}'] * size) + "]"))
    found = bulk("GET", f"job/{job['id']}", media="application/json").json()
    counts = [found[f"number{name}"] for name in ("BatchesTotal", "BatchesCompleted", "RecordsProcessed")]
    assert counts == [2, 2, 5]
    without_type = bulk("GET", f"job/{job['id']}")
    assert without_type.json()["id"] == job["id"]


def test_row_locks_strike_rows_and_faults_strike_jobs(bulk: Async, practice: Practice, unique: str) -> None:
    with practice.fault("row_lock", count=1):
        answer = bulk.run(f'[{{"LastName": "{unique}"}}, {{"LastName": "{unique}"}}]')[2].json()
    assert sorted(row["success"] for row in answer) == [False, True]
    with practice.fault("job_failed", count=1):
        assert bulk.run(f'[{{"LastName": "{unique}"}}]')[1]["stateMessage"].startswith("InternalServerError")
    with practice.fault("expired_session", count=1):
        assert "InvalidSessionId" in bulk("GET", "job/750000000000001").text
    with practice.fault("allowance", count=1):
        assert "ExceededQuota" in bulk("GET", "job/750000000000001").text


def test_a_cut_answer_has_taken_its_batch(bulk: Async, practice: Practice, unique: str) -> None:
    job = bulk.job()
    with practice.fault("answer_cut", count=1), pytest.raises(requests.ConnectionError):
        bulk("POST", f"job/{job['id']}/batch", f'[{{"LastName": "{unique}"}}]', "application/json")
    (batch,) = bulk("GET", f"job/{job['id']}/batch").json()["batchInfo"]
    assert bulk.finished(job, batch["id"])["numberRecordsProcessed"] == 1
    assert practice.count(f"SELECT COUNT() FROM Contact WHERE LastName = '{unique}'") == 1


def test_user_without_the_api_is_told_so_in_the_words_that_clients_look_for(practice: Practice) -> None:
    low = Async(practice, practice.token("reader@practice.example"))
    practice.schema_change("api_access", profile="Read Only", enabled=False)
    try:
        answer = low("POST", "job", "{}", "application/json")
    finally:
        practice.schema_change("api_access", profile="Read Only", enabled=True)
    assert answer.status_code == 400
    assert answer.json() == {"exceptionCode": "FeatureNotEnabled", "exceptionMessage": "Async API not enabled"}


def test_content_types_are_bare(bulk: Async, unique: str) -> None:
    for form, media in MEDIA.items():
        rows = {"JSON": '[{"LastName": "x"}]', "CSV": "LastName\nx\n"}
        xml = "<sObjects><sObject><LastName>x</LastName></sObject></sObjects>"
        answer = bulk.run(rows.get(form, xml), form)[2]
        assert answer.headers["Content-Type"] == media
        assert bulk.rows("SELECT Id FROM Contact", form).headers["Content-Type"] == media


def test_killed_server_goes_on_and_saves_every_row_once(tmp_path: Path, unique: str) -> None:
    with Practice(data_dir=tmp_path) as practice:
        bulk = Async(practice, practice.token())
        job = bulk.job("CSV")
        rows = "LastName,Title\n" + "".join(f"{unique},{n}\n" for n in range(6000))
        batches = [bulk.batch(job, rows), bulk.batch(job, f"LastName\n{unique} last\n")]
        for _ in range(400):
            if practice.count(f"SELECT COUNT() FROM Contact WHERE LastName = '{unique}'"):
                break
            time.sleep(0.02)
        practice.kill()
        practice.start()
        states = [bulk.finished(job, one) for one in batches]
        assert [(one["state"], one["numberRecordsProcessed"]) for one in states] == [
            ("Completed", 6000),
            ("Completed", 1),
        ]
        found = practice.soql(f"SELECT Title FROM Contact WHERE LastName = '{unique}'")
        assert sorted(int(row["Title"]) for row in found) == list(range(6000))
        results = bulk("GET", f"job/{job['id']}/batch/{batches[0]}/result").text
        assert len({row["Id"] for row in csv.DictReader(io.StringIO(results))}) == 6000


def test_an_org_without_bulk_api_1_says_so(practice: Practice) -> None:
    bulk = Async(practice, practice.token())
    with practice.fault("bulk1_off"):
        answer = bulk("POST", "job", b'{"object": "Contact"}', "application/json")
    assert answer.status_code == 400
    assert answer.json() == {"exceptionCode": "FeatureNotEnabled", "exceptionMessage": "Async API not enabled"}
    assert bulk.job()["state"] == "Open"
