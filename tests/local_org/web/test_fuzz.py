"""Whatever JSON or CSV is sent, the answer is the platform's: never a 500, never a hang, always its shape of error."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.local_org.web.conftest import Client
from tests.practice import Practice

SECONDS = 30
_FIELDS = ["Name", "LastName", "Subject", "Phone", "AnnualRevenue", "IsActive__c", "ActivityDate", "WhoId", "Account",
           "OwnerId", "Id", "attributes", "TaskWhoIds", "BillingAddress", "CreatedDate", "Nope"]  # fmt: skip
_KEYS = [*_FIELDS, "allOrNone", "compositeRequest", "batchRequests", "graphs", "graphId", "method", "url", "body",
         "referenceId", "httpHeaders", "richInput", "haltOnError", "ids", "fields", "q", "sobjects", "object",
         "operation", "query", "externalIdFieldName", "lineEnding", "columnDelimiter", "state", "channel", "clientId",
         "subscription", "ext", "replay", "type"]  # fmt: skip
_TEXTS = ["", "Account", "Task", "POST", "GET", "PATCH", "/services/data/v66.0/sobjects/Account", "@{a.id}", "@{a[0]}",
          "001000000000001AAA", "a", "insert", "upsert", "query", "SELECT Id FROM Account", "2026-01-01",
          "/meta/connect", "/meta/handshake", "/meta/subscribe", "\u0000", "\ud83d\ude00",
          "Open", "Aborted", "LF", "PIPE"]  # fmt: skip
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(_TEXTS) | st.text(max_size=8)
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5),
    max_leaves=12,
)
rows = st.lists(st.dictionaries(st.sampled_from(_FIELDS), values, max_size=4), min_size=1, max_size=3)
parts = st.lists(
    st.fixed_dictionaries(
        {
            "method": st.sampled_from(["GET", "POST", "PATCH", "DELETE", "x"]),
            "url": st.sampled_from([
                "/services/data/v66.0/sobjects/Account", "v66.0/query?q=x", "/services/data/v66.0/composite", "", "//",
                "/services/data/v66.0/sobjects/Account/@{a.id}", "/services/data/v66.0/jobs/ingest",
            ]),
            "referenceId": st.sampled_from(["a", "b", "c"]),
        },
        optional={"body": values, "httpHeaders": values, "richInput": values},
    ),
    min_size=1, max_size=3, unique_by=lambda part: part["referenceId"],
)  # fmt: skip
TARGETS: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("POST", "sobjects/Account"): st.dictionaries(st.sampled_from(_FIELDS), values, max_size=5),
    ("PATCH", "sobjects/Task/Syncline_Key__c/fuzz"): st.dictionaries(st.sampled_from(_FIELDS), values, max_size=5),
    ("POST", "composite/sobjects"): st.fixed_dictionaries({"records": rows}, optional={"allOrNone": values}),
    ("PATCH", "composite/sobjects"): st.fixed_dictionaries({"records": rows}, optional={"allOrNone": values}),
    ("PATCH", "composite/sobjects/Task/Syncline_Key__c"): st.fixed_dictionaries({"records": rows}),
    ("POST", "composite/sobjects/Account"): st.fixed_dictionaries({"ids": values, "fields": values}),
    ("POST", "composite"): st.fixed_dictionaries({"compositeRequest": parts}, optional={"allOrNone": values}),
    ("POST", "composite/batch"): st.fixed_dictionaries({"batchRequests": parts}, optional={"haltOnError": values}),
    ("POST", "composite/graph"): st.fixed_dictionaries({"graphs": st.just(0) | st.lists(
        st.fixed_dictionaries({"compositeRequest": parts}, optional={"graphId": values}), max_size=2)}),
    ("POST", "composite/tree/Account"): st.fixed_dictionaries({"records": rows}),
    ("POST", "parameterizedSearch"): values,
    ("POST", "jobs/ingest"): st.dictionaries(st.sampled_from(_KEYS), values, max_size=6),
    ("POST", "jobs/query"): st.dictionaries(st.sampled_from(_KEYS), values, max_size=6),
    ("POST", "/services/async/60.0/job"): st.dictionaries(st.sampled_from(_KEYS), values, max_size=6),
    ("POST", "/cometd/66.0"): st.lists(
        st.fixed_dictionaries(
            {"channel": values}, optional={"clientId": values, "subscription": values, "ext": values}
        ),
        max_size=3,
    ),
}  # fmt: skip
tried = settings(
    max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)


@pytest.fixture(scope="module")
def fuzzed(server: Practice) -> Client:
    """One client for all that is tried out."""
    return Client(server, server.token())


def check(answer: requests.Response) -> None:
    """It is no server error, and an error has its shape."""
    assert answer.status_code < 500, answer.text
    if answer.status_code < 400 or "/services/async" in answer.url or "/tree/" in answer.url:
        return
    errors = answer.json()
    assert isinstance(errors, list)
    assert errors
    for error in errors:
        assert {"message", "errorCode"} <= set(error) <= {"message", "errorCode", "fields"}


@pytest.mark.parametrize(("method", "path"), TARGETS)
def test_json(fuzzed: Client, method: str, path: str) -> None:
    headers = {"X-SFDC-Session": fuzzed.http.headers["Authorization"].split()[1]} if "async" in path else {}

    @tried
    @given(TARGETS[method, path] | values)
    def run(body: Any) -> None:
        check(fuzzed(method, path, json=body, headers=headers, timeout=SECONDS))

    run()


QUIET = (
    *("row_lock", "rows_failed", "healed_row", "equal_stamps", "clock_skew", "between_pages", "repeated_page"),
    *("locator_expired", "query_timeout", "job_failed", "job_delay", "allowance", "expired_session", "rotation"),
)
"""Faults that leave the wire whole: what they answer has the platform's shape."""


@pytest.mark.nightly
def test_json_while_everything_goes_wrong(practice: Practice, fuzzed: Client) -> None:
    for name in QUIET:
        practice.fault_on(name, rate=0.3, value="0" if name == "job_delay" else "")
    practice.fault_on("hidden_field", value="Account.Phone")

    @settings(tried, max_examples=300)
    @given(st.sampled_from([key for key in TARGETS if not key[1].startswith("/")]), st.data())
    def run(target: tuple[str, str], data: st.DataObject) -> None:
        option = {"Sforce-Call-Options": "defaultNamespace=ns"}
        method, path = target
        check(fuzzed(method, path, json=data.draw(TARGETS[target] | values), headers=option, timeout=SECONDS))

    run()


@tried
@given(st.binary(max_size=60), st.sampled_from(["POST", "PATCH", "PUT", "DELETE", "GET"]), st.sampled_from([
    "sobjects/Account", "sobjects/Account/x", "composite", "jobs/ingest", "jobs/query/x", "query", "/cometd/66.0",
    "/services/data", "sobjects/Account/describe/x/y", "%2F/%00", "sobjects/%00/describe", "query/%F0%9F", "search",
]))  # fmt: skip
def test_bytes_in_any_place(fuzzed: Client, body: bytes, method: str, path: str) -> None:
    check(fuzzed(method, path, data=body, headers={"Content-Type": "application/json"}, timeout=SECONDS))


cells = st.sampled_from(
    ["", "#N/A", "x", "1", "-1e400", "true", "2026-01-01", "00", '"', "a\nb", ",", "\u0000", "é" * 300]
)
heads = st.lists(
    st.sampled_from(["Id", "LastName", "Title", "Account.Name", "Account:Owner.Email", "Nope", "Birthdate", ""]),
    min_size=1, max_size=4,
)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A CSV that is mostly well made, and sometimes only bytes."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.binary(max_size=80))
    out = io.StringIO()
    head = draw(heads)
    writer = csv.writer(out, lineterminator=draw(st.sampled_from(["\n", "\r\n"])))
    writer.writerow(head)
    writer.writerows(draw(st.lists(st.lists(cells, max_size=len(head) + 1), max_size=4)))
    return out.getvalue().encode()


@settings(tried, max_examples=25)
@given(files(), st.sampled_from(["insert", "update", "upsert", "delete"]))
def test_csv(fuzzed: Client, data: bytes, operation: str) -> None:
    made = {"object": "Contact", "operation": operation, "externalIdFieldName": "Email"}
    job = fuzzed("POST", "jobs/ingest", json=made).json()["id"]
    put = fuzzed("PUT", f"jobs/ingest/{job}/batches", data=data, headers={"Content-Type": "text/csv"}, timeout=SECONDS)
    assert put.status_code == 201
    fuzzed("PATCH", f"jobs/ingest/{job}", json={"state": "UploadComplete"})
    until = time.monotonic() + SECONDS
    while (info := fuzzed("GET", f"jobs/ingest/{job}").json())["state"] not in ("JobComplete", "Failed"):
        assert time.monotonic() < until, info
        time.sleep(0.01)
    assert "InternalServerError" not in info.get("errorMessage", ""), info
    counted = 0
    for name in ("successfulResults", "failedResults", "unprocessedrecords"):
        answer = fuzzed("GET", f"jobs/ingest/{job}/{name}", timeout=SECONDS)
        assert answer.status_code == 200
        counted += max(0, sum(1 for _ in csv.reader(io.StringIO(answer.content.decode(), newline=""))) - 1)
    if info["state"] == "JobComplete":
        assert counted == info["numberRecordsProcessed"]
