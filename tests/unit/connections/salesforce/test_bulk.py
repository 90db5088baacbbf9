"""Bulk steps: what each sends, when a job has ended, and that half a page is fetched again."""

from __future__ import annotations

import io
from typing import Any

import polars as pl
import pytest
import requests

from core.connections.salesforce.bulk import LARGEST
from core.errors import AnswerLost, TerminalOrgError, TransientOrgError, UsageError
from tests.unit.connections.salesforce.wire import Scripted, refuses, says

JOB = "750000000000001AAA"


def job(state: str, **facts: Any) -> dict[str, Any]:
    return {"id": JOB, "state": state, "object": "Task", "operation": "insert", **facts}


def sheet(text: str, **headers: str) -> requests.Response:
    response = says(200, None, **headers)
    response._content, response._content_consumed = False, False
    response.raw = io.BytesIO(text.encode())
    return response


def test_a_job_is_made_filled_started_and_asked() -> None:
    scripted = Scripted(
        says(200, job("Open")), says(201), says(200, job("UploadComplete")), says(200, job("JobComplete"))
    )
    gateway, wire = scripted.gateway, scripted.wire
    assert gateway.bulk_create("upsert", "Task", "K__c") == JOB
    assert wire.body() == {
        "operation": "upsert",
        "object": "Task",
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
        "externalIdFieldName": "K__c",
    }
    gateway.bulk_upload(JOB, b'"A"\n"x"\n')
    assert (wire.path(), wire.sent[-1].headers["Content-Type"]) == (f"jobs/ingest/{JOB}/batches", "text/csv")
    gateway.bulk_start(JOB)
    assert (wire.sent[-1].method, wire.body()) == ("PATCH", {"state": "UploadComplete"})
    assert gateway.bulk_state(JOB).ended


def test_create_is_called_insert_in_bulk_and_an_upsert_needs_its_field() -> None:
    scripted = Scripted(says(200, job("Open")))
    scripted.gateway.bulk_create("create", "Task")
    assert scripted.wire.body()["operation"] == "insert"
    with pytest.raises(UsageError):
        scripted.gateway.bulk_create("upsert", "Task")


def test_a_lost_creation_is_found_among_the_open_jobs() -> None:
    jobs = [
        job("Open", createdById="005000000000001AAA", createdDate="2"),
        job("JobComplete"),
        job("Open", createdDate="1"),
    ]
    listed = {"done": False, "records": jobs, "nextRecordsUrl": "/services/data/v66.0/jobs/ingest?locator=x"}
    scripted = Scripted(says(504, b""), says(200, listed), says(200, {"records": []}), says(200, job("Aborted")))
    gateway = scripted.gateway
    with pytest.raises(AnswerLost):
        gateway.bulk_create("create", "Task")
    found = gateway.bulk_open_jobs()
    assert [state.created_at for state in found] == ["1", "2"]
    assert scripted.wire.path() == "jobs/ingest?locator=x"
    gateway.bulk_abort(found[0].id)
    assert scripted.wire.body() == {"state": "Aborted"}


def test_only_my_own_open_jobs() -> None:
    jobs = [job("Open", createdById="005000000000001AAA"), job("Open", createdById="005000000000002AAA")]
    scripted = Scripted(says(200, {"records": jobs}))
    assert len(scripted.gateway.bulk_open_jobs(mine="005000000000002")) == 1


def test_results_by_what_became_of_the_rows() -> None:
    scripted = Scripted(
        sheet('"sf__Id","sf__Created","A"\n"1","true","x"\n'),
        sheet('"sf__Id","sf__Error","A"\n"","STRING_TOO_LONG:too long:A --","y"\n'),
        sheet('"A"\n'),
    )
    results = scripted.gateway.bulk_results(JOB)
    assert results.successful.rows() == [("1", "true", "x")]
    assert results.failed["sf__Error"].to_list() == ["STRING_TOO_LONG:too long:A --"]
    assert results.unprocessed.height == 0
    assert scripted.gateway.calls == 3


def test_waiting_asks_soon_then_ever_less_often() -> None:
    scripted = Scripted(*[says(200, job("InProgress"))] * 12, says(200, job("JobComplete", numberRecordsFailed=2)))
    done = scripted.gateway.bulk_wait(lambda: scripted.gateway.bulk_state(JOB))
    assert done.failed == 2
    assert scripted.pauses == sorted(scripted.pauses)
    assert (scripted.pauses[0], scripted.pauses[-1]) == (0.25, 10.0)


@pytest.mark.parametrize("state", ["Failed", "Aborted"])
def test_a_job_that_failed_as_a_whole_says_why(state: str) -> None:
    scripted = Scripted(says(200, job(state, errorMessage="InvalidBatch : Field name not found : Foo")))
    with pytest.raises(TerminalOrgError) as raised:
        scripted.gateway.bulk_wait(lambda: scripted.gateway.bulk_state(JOB))
    assert raised.value.status_code == "InvalidBatch"
    assert raised.value.facts["org_message"].endswith("Foo")


def test_waiting_ends_in_time() -> None:
    scripted = Scripted(says(200, job("InProgress")))
    with pytest.raises(TransientOrgError):
        scripted.gateway.bulk_wait(lambda: scripted.gateway.bulk_state(JOB), at_most=0)


def test_a_query_is_read_page_by_page() -> None:
    scripted = Scripted(
        says(200, job("UploadComplete")),
        says(200, job("JobComplete")),
        sheet('"Id"\n"1"\n"2"\n', Sforce_Locator="abc", Sforce_NumberOfRecords="2"),
        sheet('"Id"\n"3"\n', Sforce_Locator="null", Sforce_NumberOfRecords="1"),
        says(204),
    )
    frames = list(scripted.gateway.bulk_query("SELECT Id FROM Task", all_rows=True, rows=2))
    assert pl.concat(frames)["Id"].to_list() == ["1", "2", "3"]
    assert scripted.wire.body(0) == {"operation": "queryAll", "query": "SELECT Id FROM Task", "contentType": "CSV"}
    assert [scripted.wire.path(n) for n in (2, 3)] == [
        f"jobs/query/{JOB}/results?maxRecords=2",
        f"jobs/query/{JOB}/results?maxRecords=2&locator=abc",
    ]
    assert scripted.wire.sent[-1].method == "DELETE"


@pytest.mark.parametrize("half", ['"Id"\n"1"\n"2', '"Id"\n"1"\n', '"Id"\n"1"\n"2"'])
def test_half_a_page_is_fetched_again(half: str) -> None:
    whole = sheet('"Id"\n"1"\n"2"\n', Sforce_Locator="null", Sforce_NumberOfRecords="2")
    scripted = Scripted(sheet(half, Sforce_NumberOfRecords="2"), whole)
    frame, following = scripted.gateway.bulk_query_page(JOB)
    assert (frame.height, following) == (2, None)


def test_pages_that_stay_cut_are_given_up() -> None:
    scripted = Scripted(*[sheet('"Id"\n"1"\n', Sforce_NumberOfRecords="2") for _ in range(3)])
    with pytest.raises(TransientOrgError, match="cut off"):
        scripted.gateway.bulk_query_page(JOB)


def test_a_query_that_cannot_be_thrown_away_does_no_harm() -> None:
    Scripted(refuses(404, "NOT_FOUND")).gateway.bulk_query_end(JOB)


@pytest.mark.parametrize("wrong", ["", "../x", "750", JOB + "/batches"])
def test_only_a_jobs_id_goes_into_a_path(wrong: str) -> None:
    with pytest.raises(UsageError):
        Scripted().gateway.bulk_state(wrong)


def test_more_than_one_upload_takes_is_refused() -> None:
    with pytest.raises(UsageError):
        Scripted().gateway.bulk_upload(JOB, b"x" * (LARGEST + 1))
