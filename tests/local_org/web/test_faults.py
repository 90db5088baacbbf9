from __future__ import annotations

import socket
import ssl
import threading
import time
from datetime import datetime, timedelta

import pytest
import requests

from tests.local_org.web.conftest import Client
from tests.practice import Practice, PracticeFailed

pytestmark = pytest.mark.requirement("N12")


def named(practice: Practice, name: str) -> int:
    """How many accounts bear the name."""
    return practice.count(f"SELECT COUNT() FROM Account WHERE Name = '{name}'")


def test_answer_cut_commits_and_closes(client: Client, practice: Practice, unique: str) -> None:
    practice.fault_on("answer_cut", count=1)
    with pytest.raises(requests.ConnectionError):
        client("POST", "sobjects/Account", json={"Name": unique})
    assert named(practice, unique) == 1
    assert client("POST", "sobjects/Account", json={"Name": unique}).status_code == 201


def test_a_body_that_breaks_off_changes_nothing(practice: Practice, unique: str) -> None:
    host, _, port = practice.base_url.removeprefix("https://").partition(":")
    context = ssl.create_default_context(cafile=practice.env["ca_file"])
    head = f"POST /services/data/v66.0/sobjects/Account HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {practice.token()}"
    body = f'{{"Name":"{unique}"}}'
    request = f"{head}\r\nContent-Type: application/json\r\nContent-Length: {len(body) + 1}\r\n\r\n{body}"
    with socket.create_connection((host, int(port))) as raw, context.wrap_socket(raw, server_hostname=host) as wire:
        wire.sendall(request.encode())
    time.sleep(0.3)
    assert named(practice, unique) == 0


def test_answer_cut_spares_reads(client: Client, practice: Practice, unique: str) -> None:
    practice.fault_on("answer_cut")
    assert client.soql("SELECT Id FROM Account LIMIT 1").status_code == 200
    read_only = {"compositeRequest": [{"method": "GET", "url": "/services/data/v66.0/limits", "referenceId": "a"}]}
    assert client("POST", "composite", json=read_only).status_code == 200
    assert client("POST", "composite/sobjects/Account", json={"ids": [], "fields": ["Id"]}).status_code == 200
    assert client("POST", "jobs/ingest", json={"object": "Account", "operation": "insert"}).status_code == 200
    writing = {"compositeRequest": [{"method": "POST", "url": "/services/data/v66.0/sobjects/Account",
                                     "referenceId": "a", "body": {"Name": unique}}]}  # fmt: skip
    with pytest.raises(requests.ConnectionError):
        client("POST", "composite", json=writing)
    assert named(practice, unique) == 1


def test_answer_cut_before_and_in_the_middle(client: Client, practice: Practice, unique: str) -> None:
    practice.fault_on("answer_cut", count=1, value="before")
    with pytest.raises(requests.ConnectionError):
        client("POST", "sobjects/Account", json={"Name": unique})
    assert named(practice, unique) == 0
    practice.fault_on("answer_cut", count=1, value="mid")
    records = [{"attributes": {"type": "Account"}, "Name": unique}] * 20
    with pytest.raises(requests.RequestException):
        client.collection(records)
    assert named(practice, unique) == 20


def test_answer_cut_only_where_it_matches(client: Client, practice: Practice, unique: str) -> None:
    practice.fault_on("answer_cut", match="/jobs/ingest")
    assert client("POST", "sobjects/Account", json={"Name": unique}).status_code == 201
    with pytest.raises(requests.ConnectionError):
        client("POST", "jobs/ingest", json={"object": "Account", "operation": "insert"})


def test_late_commit_after_the_hang_up(client: Client, practice: Practice, unique: str) -> None:
    before = practice.now()
    practice.fault_on("late_commit", count=1, value="30+1.5")
    with pytest.raises(requests.Timeout):
        client("POST", "sobjects/Account", json={"Name": unique}, timeout=0.7)
    assert named(practice, unique) == 0
    started = time.monotonic()
    span = {"start": "2026-01-01T00:00:00Z"}
    now = datetime.fromisoformat(practice.now())
    span = {"start": (now - timedelta(days=1)).isoformat(), "end": (now + timedelta(days=1)).isoformat()}
    covered = client("GET", "sobjects/Account/updated", params=span).json()["latestDateCovered"]
    assert named(practice, unique) == 0
    while named(practice, unique) == 0 and time.monotonic() - started < 10:
        time.sleep(0.1)
    (row,) = practice.soql(f"SELECT SystemModstamp FROM Account WHERE Name = '{unique}'")
    stamp = datetime.strptime(row["SystemModstamp"], "%Y-%m-%dT%H:%M:%S.000%z")
    # The row carries the start of its transaction, and no answer of getUpdated had promised to be past it.
    assert datetime.fromisoformat(before) <= stamp <= datetime.fromisoformat(before) + timedelta(seconds=1)
    assert datetime.strptime(covered, "%Y-%m-%dT%H:%M:%S.000%z") <= stamp


def test_late_commit_leaves_the_rest_of_the_org_usable(client: Client, practice: Practice, unique: str) -> None:
    practice.fault_on("late_commit", count=1, value="1.5", match="composite")
    held = threading.Thread(target=client.collection, args=([{"attributes": {"type": "Account"}, "Name": unique}],))
    held.start()
    time.sleep(0.3)
    started = time.monotonic()
    practice.create("Account", Name=f"{unique} other")
    assert time.monotonic() - started < 1
    assert named(practice, unique) == 0
    held.join()
    assert named(practice, unique) == 1


def test_org_stopped_answers_html(client: Client, practice: Practice) -> None:
    practice.fault_on("org_stopped")
    answer = client("GET", "limits")
    assert answer.status_code == 503
    assert "html" in answer.headers["Content-Type"]
    practice.fault_off("org_stopped")
    assert client("GET", "limits").status_code == 200


def test_org_stopped_may_say_when_to_come_back(client: Client, practice: Practice) -> None:
    for value, status in (("json", 503), ("429", 429)):
        practice.fault_on("org_stopped", count=1, value=value)
        answer = client("GET", "limits")
        assert (answer.status_code, answer.headers["Retry-After"]) == (status, "1")
        assert len(answer.json()) == 1


def test_read_cut_breaks_pages_off(client: Client, practice: Practice) -> None:
    practice.fault_on("read_cut", count=1)
    with pytest.raises(requests.RequestException):
        client("GET", "sobjects/Account/describe")
    assert client("GET", "sobjects/Account/describe").json()["name"] == "Account"


def test_hidden_field_comes_back(client: Client, reader: Client, practice: Practice) -> None:
    def sees(who: Client) -> bool:
        return "Site" in [f["name"] for f in who("GET", "sobjects/Account/describe").json()["fields"]]

    practice.fault_on("hidden_field", value="Account.Site@Read Only")
    assert (sees(client), sees(reader)) == (True, False)
    practice.fault_on("hidden_field", value="Account.Site")
    assert (sees(client), sees(reader)) == (False, False)
    practice.fault_off("hidden_field")
    assert (sees(client), sees(reader)) == (True, True)
    with pytest.raises(PracticeFailed, match=r"Object\.Field"):
        practice.fault_on("hidden_field", value="Account")


def test_job_failed_saves_nothing(client: Client, practice: Practice, unique: str) -> None:
    practice.fault_on("job_failed", count=1)
    job = client("POST", "jobs/ingest", json={"object": "Account", "operation": "insert"}).json()
    client("PUT", "/" + job["contentUrl"], data=f"Name\n{unique}\n", headers={"Content-Type": "text/csv"})
    client("PATCH", f"jobs/ingest/{job['id']}", json={"state": "UploadComplete"})
    while (state := client("GET", f"jobs/ingest/{job['id']}").json()["state"]) in ("UploadComplete", "InProgress"):
        time.sleep(0.02)
    assert state == "Failed"
    assert unique in client("GET", f"jobs/ingest/{job['id']}/unprocessedrecords").text
    assert named(practice, unique) == 0


def test_allowance_by_fault_and_by_use(client: Client, practice: Practice) -> None:
    practice.fault_on("allowance", count=1)
    refused = client("GET", "limits")
    assert refused.status_code == 403
    assert refused.json() == [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    used = int(client("GET", "limits").headers["Sforce-Limit-Info"].partition("=")[2].partition("/")[0])
    practice.allowance(used + 2)
    try:
        assert [client("GET", "recent").status_code for _ in range(3)] == [200, 200, 403]
        practice.advance_clock(86_400)
        assert Client(practice, practice.token())("GET", "recent").status_code == 200
    finally:
        practice.allowance(15_000)


def test_expired_session_strikes_as_often_as_asked(client: Client, practice: Practice) -> None:
    practice.fault_on("expired_session", count=2)
    assert [client("GET", "recent").status_code for _ in range(3)] == [401, 401, 200]


def test_server_error_slow_and_latency(client: Client, practice: Practice) -> None:
    practice.fault_on("server_error", count=1)
    broken = client("GET", "recent")
    assert (broken.status_code, broken.json()[0]["errorCode"]) == (500, "UNKNOWN_EXCEPTION")
    practice.fault_on("slow", count=1, value=0.4)
    practice.fault_on("latency", value=200)
    started = time.monotonic()
    client("GET", "recent")
    assert time.monotonic() - started >= 0.6


def test_row_lock_hits_a_share_of_rows_and_can_be_repeated(client: Client, practice: Practice, unique: str) -> None:
    records = [{"attributes": {"type": "Account"}, "Name": unique} for _ in range(100)]
    shapes = []
    for _ in range(2):
        practice.fault_on("row_lock", rate=0.3, seed=11)
        rows = client.collection(records).json()
        shapes.append([row["success"] for row in rows])
    assert shapes[0] == shapes[1]
    failed = [row for row in rows if not row["success"]]
    assert 10 <= len(failed) <= 50
    assert {row["errors"][0]["statusCode"] for row in failed} == {"UNABLE_TO_LOCK_ROW"}
    assert named(practice, unique) == 2 * (100 - len(failed))


def test_row_lock_with_all_or_none_saves_nothing(client: Client, practice: Practice, unique: str) -> None:
    practice.fault_on("row_lock", count=1)
    records = [{"attributes": {"type": "Account"}, "Name": unique} for _ in range(3)]
    rows = client.collection(records, allOrNone=True).json()
    codes = [row["errors"][0]["statusCode"] for row in rows]
    assert codes == ["UNABLE_TO_LOCK_ROW"] + ["ALL_OR_NONE_OPERATION_ROLLED_BACK"] * 2
    assert named(practice, unique) == 0


def test_unknown_fault_is_refused_and_all_are_listed(practice: Practice) -> None:
    with pytest.raises(PracticeFailed, match="no fault is named 'nonsense'"):
        practice.fault_on("nonsense")
    practice.fault_on("slow", rate=0.5, count=3, value=2)
    listed = {fault["name"]: fault for fault in practice.faults()}
    wanted = "answer_cut late_commit org_stopped allowance consent_refused code_expired expired_session revoked_grant"
    more = "row_lock slow rotation latency server_error job_delay job_failed hidden_field read_cut job_stuck"
    new = "rows_failed healed_row drip broken_gzip short_page repeated_page locator_expired between_pages query_timeout"
    rest = "bulk1_off schema_drift clock_skew equal_stamps event_gap event_lost"
    assert set(f"{wanted} {more} {new} {rest}".split()) == set(listed)
    assert (listed["slow"]["on"], listed["slow"]["count"]) == (True, 3)
    assert listed["latency"]["on"] is False


def test_control_endpoints_want_their_secret(practice: Practice) -> None:
    for headers in ({}, {"X-Practice-Secret": "guess"}):
        answer = requests.get(
            f"{practice.base_url}/_practice/faults", headers=headers, verify=practice.env["ca_file"], timeout=10
        )
        assert answer.status_code == 401


def test_log_of_calls_counts_what_the_server_saw(client: Client, practice: Practice, unique: str) -> None:
    practice.reset_calls()
    client.collection([{"attributes": {"type": "Account"}, "Name": unique}] * 7)
    client("GET", "nonsense")
    practice.count("SELECT COUNT() FROM Account")
    first, second = practice.calls()
    assert (first["method"], first["path"], first["status"], first["rows"]) == (
        "POST",
        "/services/data/v66.0/composite/sobjects",
        200,
        7,
    )
    assert second["status"] == 404
    assert practice.api_calls() == 2
