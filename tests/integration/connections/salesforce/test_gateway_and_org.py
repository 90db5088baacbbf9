"""The gateway and an org over HTTPS: what is written is there, what is counted is counted, what is lost is said so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import polars as pl
import pytest

from core.connections.salesforce import frames, sheets
from core.connections.salesforce.gateway import Describe, Gateway, Query, Timeouts, UpdatedSince
from core.errors import AllowanceUsed, AnswerLost, OrgUnreachable, TerminalOrgError, TransientOrgError
from core.values import times
from tests.practice import Practice


def named(name: str, count: int) -> list[dict[str, str]]:
    return [{"LastName": f"{name} {n}"} for n in range(count)]


def there(practice: Practice, name: str) -> int:
    return practice.count(f"SELECT COUNT() FROM Contact WHERE LastName LIKE '{name} %'")


def test_a_push_of_1000_rows_is_one_api_call_as_the_org_counts(practice: Practice, gateway: Gateway) -> None:
    practice.reset_calls()
    with gateway.tally() as tally:
        answers = gateway.push("create", "Contact", [*named("Bulk", 999), {"FirstName": "nobody"}])
    assert (tally.calls, practice.api_calls()) == (1, 1)
    assert [a.success for a in answers] == [True] * 999 + [False]
    assert answers[-1].status_code == "REQUIRED_FIELD_MISSING"
    assert there(practice, "Bulk") == 999
    found = practice.soql(f"SELECT LastName FROM Contact WHERE Id = '{answers[500].id}'")
    assert found[0]["LastName"] == "Bulk 500"


def test_update_upsert_and_delete(practice: Practice, gateway: Gateway) -> None:
    made = gateway.push(
        "create", "Contact", [{"LastName": "Verb 1", "Title": "x"}, {"LastName": "Verb 2", "Title": "x"}]
    )
    ids = [str(answer.id) for answer in made]
    changed = gateway.push("update", "Contact", [{"Id": ids[0], "Title": None}, {"Id": ids[1], "LastName": "Verb 3"}])
    assert all(answer.success and not answer.created for answer in changed)
    again = gateway.push("upsert", "Contact", [{"Id": ids[1], "Title": "y"}], ext_field="Id")
    assert (again[0].success, again[0].created, again[0].id) == (True, False, ids[1])
    rows = practice.soql(f"SELECT LastName, Title FROM Contact WHERE Id IN ('{ids[0]}', '{ids[1]}') ORDER BY LastName")
    assert [(r["LastName"], r["Title"]) for r in rows] == [("Verb 1", None), ("Verb 3", "y")]
    gone = gateway.push("delete", "Contact", [{"Id": i} for i in (*ids, ids[0])])
    assert [a.success for a in gone[:2]] == [True, True]
    assert there(practice, "Verb") == 0
    assert gateway.delete("Contact", ids[0]).status_code == "ENTITY_IS_DELETED"


def test_all_or_none_keeps_nothing(practice: Practice, gateway: Gateway) -> None:
    answers = gateway.push("create", "Contact", [*named("Whole", 2), {"FirstName": "nobody"}], all_or_none=True)
    codes = [answer.status_code for answer in answers]
    assert codes == ["ALL_OR_NONE_OPERATION_ROLLED_BACK"] * 2 + ["REQUIRED_FIELD_MISSING"]
    assert there(practice, "Whole") == 0


def test_several_reads_are_one_api_call(practice: Practice, gateway: Gateway) -> None:
    gateway.push("create", "Contact", named("Pages", 3))
    now = gateway.server_now()
    practice.reset_calls()
    answers = gateway.read_together(
        [
            Query("SELECT Id, LastName FROM Contact WHERE LastName LIKE 'Pages %'"),
            Query("SELECT Nonsense FROM Contact"),
            UpdatedSince("Contact", now - timedelta(minutes=10), now + timedelta(minutes=2)),
            Describe("Contact"),
            Describe("Contact", since=now + timedelta(days=1)),
        ]
    )
    assert practice.api_calls() == 1
    assert len(answers[0].records) == 3
    assert answers[1].error is not None
    assert answers[1].error.status_code == "INVALID_FIELD"
    assert answers[2].latest_date_covered is not None
    assert answers[3].body["name"] == "Contact"
    assert answers[4].not_modified


def test_pages_after_the_first_are_read_to_the_end(practice: Practice, gateway: Gateway) -> None:
    for _ in range(3):
        gateway.push("create", "Contact", named("Long", 700))
    question = "SELECT Id, LastName, Owner.Email, CreatedDate FROM Contact WHERE LastName LIKE 'Long %'"
    (first,) = gateway.read_together([Query(question)])
    assert first.next is not None
    rest = gateway.more(first.next)
    assert first.total == len(first.records) + len(rest.records) == 2100
    records = gateway.query(question)
    types = {"CreatedDate": "datetime"}
    frame = frames.to_frame(records, ["Id", "LastName", "Owner.Email", "CreatedDate"], types)
    assert frame["Id"].n_unique() == 2100
    assert frame["CreatedDate"].str.contains("^[0-9-]{10}T[0-9:]{8}Z$").all()
    bulk = pl.concat(list(gateway.bulk_query(question, rows=1000)))
    bulk = frames.canonical(bulk, types).select(frame.columns)
    assert bulk.sort("Id").equals(frame.sort("Id"))


def test_retrieve_describe_and_limits(practice: Practice, gateway: Gateway) -> None:
    (made,) = gateway.push("create", "Contact", [{"LastName": "One"}])
    found = gateway.retrieve("Contact", [str(made.id), "003000000000001AAA"], ["Id", "LastName"])
    assert [record and record["LastName"] for record in found] == ["One", None]
    described = gateway.describe("Contact")
    assert described is not None
    assert "LastName" in {field["name"] for field in described["fields"]}
    assert gateway.describe("Contact", since=gateway.server_now() + timedelta(minutes=1)) is None
    assert "Contact" in {entry["name"] for entry in gateway.describe_global()}
    assert gateway.limits()["DailyApiRequests"]["Max"] == gateway.usage.limit  # type: ignore[union-attr]


def test_the_clock_of_the_org_is_known(practice: Practice, gateway: Gateway) -> None:
    practice.advance_clock(3600)
    try:
        gateway.limits()
        theirs = times.parse_instant(practice.now().partition(".")[0].partition("+")[0] + "Z")
        assert theirs is not None
        assert abs((gateway.server_now() - theirs).total_seconds()) < 3
    finally:
        practice.advance_clock(-3600)


@pytest.mark.parametrize("value", ["", "mid"])
def test_an_answer_that_is_cut_is_lost_and_the_write_is_there(practice: Practice, gateway: Gateway, value: str) -> None:
    name = f"Cut{value}"
    practice.fault_on("answer_cut", count=1, value=value)
    with pytest.raises(AnswerLost) as raised:
        gateway.push("create", "Contact", named(name, 5))
    assert abs(raised.value.facts["given_up_at"] - gateway.server_now()) < timedelta(seconds=5)
    assert there(practice, name) == 5


def test_a_write_that_commits_after_we_hung_up_is_an_answer_lost(
    practice: Practice, gateway_for: Callable[..., Gateway]
) -> None:
    gateway = gateway_for(timeouts=Timeouts(connect=5, read=1))
    practice.fault_on("late_commit", count=1, value="6")
    with pytest.raises(AnswerLost):
        gateway.push("create", "Contact", named("Late", 2))
    deadline = time.monotonic() + 15
    while there(practice, "Late") != 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_stopped_org(practice: Practice, gateway_for: Callable[..., Gateway]) -> None:
    pauses: list[float] = []
    gateway = gateway_for(sleep=pauses.append)
    practice.fault_on("org_stopped")
    with pytest.raises(TransientOrgError) as read:
        gateway.count("Contact")
    assert read.value.http == 503
    assert len(pauses) == 3
    with pytest.raises(AnswerLost):
        gateway.push("create", "Contact", named("Stopped", 1))
    practice.fault_on("org_stopped", count=2)
    assert gateway.count("Contact") >= 0


def test_an_expired_session_without_a_refresh_token(practice: Practice, gateway: Gateway) -> None:
    practice.end_sessions()
    with pytest.raises(TerminalOrgError, match="nothing to renew"):
        gateway.count("Contact")


def test_a_used_up_allowance_stops_all_calls(practice: Practice, gateway: Gateway) -> None:
    practice.fault_on("allowance")
    practice.reset_calls()
    for _ in range(5):
        with pytest.raises(AllowanceUsed):
            gateway.push("create", "Contact", named("Spent", 1))
    asked = [call for call in practice.calls() if "composite" in str(call)]
    assert len(asked) == 1
    practice.fault_off("allowance")
    gateway.allowance_resets()
    assert gateway.push("create", "Contact", named("Spent", 1))[0].success
    assert there(practice, "Spent") == 1


def test_locked_rows_are_answers_of_their_rows(practice: Practice, gateway: Gateway) -> None:
    practice.fault_on("row_lock", rate=1.0, count=2)
    answers = gateway.push("create", "Contact", named("Locked", 4))
    locked = [answer for answer in answers if not answer.success]
    assert len(locked) == 2
    assert all(answer.fault is not None and answer.fault.kind == "lock" for answer in locked)
    assert there(practice, "Locked") == 2


def test_many_threads_share_a_gateway(practice: Practice, gateway: Gateway) -> None:
    practice.reset_calls()
    with ThreadPoolExecutor(8) as pool:
        pushed = list(pool.map(lambda n: gateway.push("create", "Contact", named(f"Thread{n}", 50)), range(8)))
    assert all(answer.success for answers in pushed for answer in answers)
    assert gateway.calls == practice.api_calls() == 8
    assert practice.count("SELECT COUNT() FROM Contact WHERE LastName LIKE 'Thread%'") == 400


def test_a_bulk_job_clears_leaves_and_writes(practice: Practice, gateway: Gateway) -> None:
    made = gateway.push("create", "Contact", [{"LastName": "Cell", "Title": "old", "Department": "old"}] * 3)
    ids = [str(answer.id) for answer in made]
    frame = pl.DataFrame(
        {
            "Id": ids,
            "Title": [None, "new", None],
            sheets.absent("Title"): [False, False, True],
            "Department": [None, None, "a,\"b\"\n'c'"],
        }
    )
    job_id = gateway.bulk_create("update", "Contact")
    assert job_id in {job.id for job in gateway.bulk_open_jobs()}
    gateway.bulk_upload(job_id, sheets.to_csv(frame))
    gateway.bulk_start(job_id)
    gateway.bulk_wait(lambda: gateway.bulk_state(job_id), at_most=60)
    results = gateway.bulk_results(job_id)
    assert (results.successful.height, results.failed.height, results.unprocessed.height) == (3, 0, 0)
    rows = {r["Id"]: r for r in practice.soql("SELECT Id, Title, Department FROM Contact WHERE LastName = 'Cell'")}
    assert [rows[i]["Title"] for i in ids] == [None, "new", "old"]
    assert [rows[i]["Department"] for i in ids] == [None, None, "a,\"b\"\n'c'"]


def test_a_bulk_job_with_an_unknown_column_fails_as_a_whole(practice: Practice, gateway: Gateway) -> None:
    job_id = gateway.bulk_create("create", "Contact")
    gateway.bulk_upload(job_id, sheets.to_csv(pl.DataFrame({"LastName": ["x"], "Bogus": ["y"]})))
    gateway.bulk_start(job_id)
    with pytest.raises(TerminalOrgError) as raised:
        gateway.bulk_wait(lambda: gateway.bulk_state(job_id), at_most=60)
    assert raised.value.status_code == "InvalidBatch"
    assert "Bogus" in raised.value.facts["org_message"]


def test_an_empty_job_is_aborted(practice: Practice, gateway: Gateway) -> None:
    job_id = gateway.bulk_create("create", "Contact")
    gateway.bulk_abort(job_id)
    assert gateway.bulk_state(job_id).state == "Aborted"
    assert job_id not in {job.id for job in gateway.bulk_open_jobs()}


def test_an_org_that_goes_away_and_comes_back(gateway_for: Callable[..., Gateway], practice: Practice) -> None:
    gateway = gateway_for(sleep=lambda seconds: None)
    gateway.count("Contact")
    practice.kill()
    try:
        lost: list[BaseException | None] = []
        worker = threading.Thread(
            target=lambda: lost.append(_failure(lambda: gateway.push("create", "Contact", named("Away", 1))))
        )
        worker.start()
        worker.join(30)
        assert isinstance(lost[0], OrgUnreachable | AnswerLost)
        with pytest.raises(OrgUnreachable):
            gateway.push("create", "Contact", named("Away", 1))
    finally:
        practice.start()
    assert gateway.push("create", "Contact", named("Back", 1))[0].success
    assert (there(practice, "Away"), there(practice, "Back")) == (0, 1)


def _failure(call: Callable[[], object]) -> BaseException | None:
    try:
        call()
    except Exception as error:
        return error
    return None
