"""The gateway's verbs: what they send, and what they make of answers whole, failed, half and wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.connections.salesforce.gateway import Describe, Query, RowAnswer, UpdatedSince
from core.errors import AnswerLost, TerminalOrgError, TransientOrgError, UsageError
from tests.unit.connections.salesforce.wire import NOW, Scripted, composite, refuses, says

BASE = "/services/data/v66.0/"
ID = "001000000000001AAA"


def page(records: list[dict[str, Any]], following: str | None = None, total: int = 0) -> dict[str, Any]:
    more = {"nextRecordsUrl": following} if following else {}
    return {"totalSize": total or len(records), "done": following is None, "records": records, **more}


def rows(*successes: bool) -> list[dict[str, Any]]:
    error = {
        "statusCode": "REQUIRED_FIELD_MISSING",
        "message": "Required fields are missing: [Name]",
        "fields": ["Name"],
    }
    return [
        {"id": ID, "success": True, "errors": []} if ok else {"success": False, "errors": [error]} for ok in successes
    ]


def test_a_query_reads_every_page() -> None:
    scripted = Scripted(
        says(200, page([{"Id": "1"}], BASE + "query/01gabc-1", 2)),
        says(200, page([{"Id": "2"}])),
    )
    assert scripted.gateway.query("SELECT Id FROM Task", all_rows=True) == [{"Id": "1"}, {"Id": "2"}]
    assert [scripted.wire.path(n) for n in (0, 1)] == ["queryAll?q=SELECT+Id+FROM+Task", "query/01gabc-1"]


def test_a_query_whose_cursor_was_forgotten_begins_again_once() -> None:
    first = page([{"Id": "1"}], BASE + "query/01gabc-1", 2)
    forgotten = refuses(400, "INVALID_QUERY_LOCATOR")
    scripted = Scripted(says(200, first), forgotten, says(200, first), says(200, page([{"Id": "2"}])))
    assert scripted.gateway.query("SELECT Id FROM Task") == [{"Id": "1"}, {"Id": "2"}]
    scripted = Scripted(says(200, first), forgotten, says(200, first), forgotten)
    with pytest.raises(TransientOrgError):
        scripted.gateway.query("SELECT Id FROM Task")


@pytest.mark.parametrize(
    "cursor", ["https://evil.test/query/01g-1", "/services/data/v66.0/sobjects/01g-1", "../01g-1", ""]
)
def test_only_a_cursor_is_followed(cursor: str) -> None:
    with pytest.raises(UsageError):
        Scripted().gateway.more(cursor)


@pytest.mark.parametrize("body", [{}, {"records": None, "done": True}, {"records": [], "done": False}, [1]])
def test_a_page_that_is_none_is_not_taken_for_an_empty_one(body: Any) -> None:
    with pytest.raises(TransientOrgError):
        Scripted(says(200, body)).gateway.query("SELECT Id FROM Task")


def test_counting_reads_no_record() -> None:
    scripted = Scripted(says(200, {"totalSize": 17, "done": True, "records": []}))
    assert scripted.gateway.count("Task", "IsClosed = true") == 17


def test_several_reads_are_one_call_and_fail_singly() -> None:
    reads = [
        Query("SELECT Id FROM Task"),
        Query("SELECT X FROM Task", all_rows=False),
        UpdatedSince("Task", NOW - timedelta(minutes=5), NOW),
        Describe("Task", since=NOW),
        Describe("Event"),
    ]
    told = composite(
        {"httpStatusCode": 200, "body": page([{"Id": "1"}], BASE + "query/01gabc-1", 9)},
        {"httpStatusCode": 400, "body": [{"errorCode": "INVALID_FIELD", "message": "No such column 'X'"}]},
        {"httpStatusCode": 200, "body": {"ids": ["a"], "latestDateCovered": "2026-01-02T03:00:00.000+0000"}},
        {"httpStatusCode": 304, "body": None},
        {
            "httpStatusCode": 200,
            "body": {"name": "Event"},
            "httpHeaders": {"Last-Modified": "Fri, 02 Jan 2026 03:00:00 GMT"},
        },
    )
    scripted = Scripted(says(200, told))
    first, second, third, fourth, fifth = scripted.gateway.read_together(reads)
    assert scripted.gateway.calls == 1
    assert (first.records, first.next, first.total) == (({"Id": "1"},), BASE + "query/01gabc-1", 9)
    assert first.ok() is first
    with pytest.raises(TerminalOrgError):
        second.ok()
    assert (third.ids, third.latest_date_covered) == (("a",), datetime(2026, 1, 2, 3, 0, tzinfo=UTC))
    assert fourth.not_modified
    assert (fifth.body["name"], fifth.last_modified) == ("Event", datetime(2026, 1, 2, 3, 0, tzinfo=UTC))
    parts = scripted.wire.body()["compositeRequest"]
    assert [part["url"].partition("?")[0].removeprefix(BASE) for part in parts] == [
        "queryAll",
        "query",
        "sobjects/Task/updated",
        "sobjects/Task/describe",
        "sobjects/Event/describe",
    ]
    assert parts[3]["httpHeaders"] == {"If-Modified-Since": "Fri, 02 Jan 2026 03:04:05 GMT"}


def test_reads_may_be_repeated_although_they_are_a_post() -> None:
    told = composite({"httpStatusCode": 200, "body": page([])})
    scripted = Scripted(says(503, b""), says(200, told))
    assert scripted.gateway.read_together([Query("SELECT Id FROM Task")])[0].records == ()


@pytest.mark.parametrize("reads", [[], [Query("x")] * 6, [Describe("Task")] * 26])
def test_more_reads_than_a_composite_holds_are_refused(reads: list[Query | Describe]) -> None:
    with pytest.raises(UsageError):
        Scripted().gateway.read_together(reads)


def test_describe_says_when_nothing_was_modified() -> None:
    scripted = Scripted(says(304), says(200, {"name": "Task"}))
    assert scripted.gateway.describe("Task", since=NOW) is None
    assert scripted.gateway.describe("Task") == {"name": "Task"}
    assert scripted.wire.sent[0].headers["If-Modified-Since"] == "Fri, 02 Jan 2026 03:04:05 GMT"
    assert "If-Modified-Since" not in scripted.wire.sent[1].headers


def test_retrieve_takes_2000_at_a_time_and_keeps_order_and_gaps() -> None:
    ids = [f"{n:015d}" for n in range(2001)]
    scripted = Scripted(says(200, [{"Id": i} for i in ids[:2000]]), says(200, [None]))
    found = scripted.gateway.retrieve("Task", ids, ["Id"])
    assert [record and record["Id"] for record in found] == [*ids[:2000], None]
    with pytest.raises(TransientOrgError):
        Scripted(says(200, [None])).gateway.retrieve("Task", ids[:2], ["Id"])
    assert Scripted().gateway.retrieve("Task", [], ["Id"]) == []


def test_what_changed_is_complete_up_to_a_moment() -> None:
    covered = "2026-01-02T03:00:00.000+0000"
    deleted = {
        "deletedRecords": [{"id": ID, "deletedDate": covered}],
        "latestDateCovered": covered,
        "earliestDateAvailable": "2025-12-20T00:00:00.000+0000",
    }
    scripted = Scripted(
        says(200, {"ids": [ID], "latestDateCovered": covered}), says(200, deleted), says(200, {"ids": []})
    )
    start = NOW - timedelta(hours=1)
    updated = scripted.gateway.updated("Task", start, NOW)
    assert (updated.ids, updated.latest_date_covered.minute) == ((ID,), 0)
    gone = scripted.gateway.deleted("Task", start, NOW)
    assert gone.ids == (ID,)
    assert gone.earliest_date_available == datetime(2025, 12, 20, tzinfo=UTC)
    with pytest.raises(TransientOrgError):
        scripted.gateway.updated("Task", start, NOW)


def test_a_push_of_1000_rows_is_one_call_of_five_parts_in_order() -> None:
    told = composite(*[{"httpStatusCode": 200, "body": rows(*[True] * 199, False)}] * 5)
    scripted = Scripted(says(200, told))
    answers = scripted.gateway.push("create", "Task", [{"Subject": str(n), "Id": "x"} for n in range(1000)])
    assert [n for n, answer in enumerate(answers) if not answer.success] == [199, 399, 599, 799, 999]
    assert answers[0] == RowAnswer(ID, True, True)
    failed = answers[199]
    assert (failed.status_code, failed.fields, failed.created) == ("REQUIRED_FIELD_MISSING", ("Name",), False)
    assert failed.fault is not None
    assert failed.fault.what == "A required field has no value."
    body = scripted.wire.body()
    assert (body["allOrNone"], len(body["compositeRequest"])) == (False, 5)
    sent = [row for part in body["compositeRequest"] for row in part["body"]["records"]]
    assert sent[999] == {"attributes": {"type": "Task"}, "Subject": "999"}
    assert not any(part["body"]["allOrNone"] for part in body["compositeRequest"])


@pytest.mark.parametrize(
    ("op", "ext", "record", "method", "url", "row"),
    [
        ("create", None, {"A": None}, "POST", "composite/sobjects", {"A": None}),
        ("update", None, {"Id": ID, "A": 1}, "PATCH", "composite/sobjects", {"id": ID, "A": 1}),
        ("upsert", "K__c", {"K__c": "k", "A": 1}, "PATCH", "composite/sobjects/Task/K__c", {"K__c": "k", "A": 1}),
        ("upsert", "Id", {"Id": ID, "A": 1}, "PATCH", "composite/sobjects/Task/Id", {"id": ID, "A": 1}),
    ],
)
def test_what_each_operation_sends(op: Any, ext: str | None, record: Any, method: str, url: str, row: Any) -> None:
    scripted = Scripted(says(200, composite({"httpStatusCode": 200, "body": rows(True)})))
    scripted.gateway.push(op, "Task", [record], ext_field=ext)
    part = scripted.wire.body()["compositeRequest"][0]
    assert (part["method"], part["url"]) == (method, BASE + url)
    assert part["body"]["records"] == [{"attributes": {"type": "Task"}, **row}]


def test_a_delete_names_its_ids_and_headers_go_with_every_part() -> None:
    scripted = Scripted(says(200, composite({"httpStatusCode": 200, "body": rows(True, True)})))
    given = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    scripted.gateway.push("delete", "Task", [{"Id": "a"}, {"id": "b"}], headers=given)
    part = scripted.wire.body()["compositeRequest"][0]
    assert (part["method"], part["url"]) == ("DELETE", BASE + "composite/sobjects?allOrNone=false&ids=a,b")
    assert part["httpHeaders"] == given
    assert scripted.wire.sent[0].headers["Sforce-Duplicate-Rule-Header"] == "allowSave=true"


def test_all_or_none_is_one_collection_and_says_so() -> None:
    scripted = Scripted(says(200, composite({"httpStatusCode": 200, "body": rows(False, False)})))
    scripted.gateway.push("create", "Task", [{"A": 1}, {"A": 2}], all_or_none=True)
    assert scripted.wire.body()["compositeRequest"][0]["body"]["allOrNone"] is True
    with pytest.raises(UsageError):
        scripted.gateway.push("create", "Task", [{}] * 201, all_or_none=True)


def test_an_upsert_tells_created_from_updated() -> None:
    body = [{"id": ID, "success": True, "created": flag, "errors": []} for flag in (True, False)]
    scripted = Scripted(says(200, composite({"httpStatusCode": 200, "body": body})))
    answers = scripted.gateway.push("upsert", "Task", [{"K": "1"}, {"K": "2"}], ext_field="K")
    assert [answer.created for answer in answers] == [True, False]


@pytest.mark.parametrize(
    ("op", "records", "ext"),
    [
        ("create", [], None),
        ("create", [{}] * 1001, None),
        ("update", [{"A": 1}], None),
        ("delete", [{"A": 1}], None),
        ("upsert", [{"A": 1}], None),
        ("upsert", [{"A": 1}], "K"),
    ],
)
def test_rows_that_do_not_fit_are_refused_before_sending(
    op: Any, records: list[dict[str, Any]], ext: str | None
) -> None:
    with pytest.raises(UsageError):
        Scripted().gateway.push(op, "Task", records, ext_field=ext)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        composite({"httpStatusCode": 200, "body": rows(True)}),
        composite({"httpStatusCode": 200, "body": rows(*[True] * 200)}),
        composite({"httpStatusCode": 200, "body": rows(*[True] * 200)}, {"httpStatusCode": 200, "body": [{}]}),
        composite(
            {"httpStatusCode": 200, "body": rows(*[True] * 200)}, {"httpStatusCode": 200, "body": rows(True, True)}
        ),
        composite({"httpStatusCode": 200, "body": rows(*[True] * 199)}, {"httpStatusCode": 200, "body": rows(True)}),
        composite({"httpStatusCode": 200, "body": rows(*[True] * 200)}, {"httpStatusCode": 200, "body": None}),
        composite({"httpStatusCode": 200, "body": rows(*[True] * 200)}, {"httpStatusCode": 503, "body": None}),
        composite({"httpStatusCode": 200, "body": rows(*[True] * 200)}, {"body": rows(True)}),
    ],
)
def test_half_an_answer_to_a_push_is_an_answer_lost(body: Any) -> None:
    with pytest.raises(AnswerLost) as raised:
        Scripted(says(200, body)).gateway.push("create", "Task", [{"A": n} for n in range(201)])
    assert raised.value.facts["given_up_at"] == NOW


def test_a_part_that_the_org_refused_fails_its_rows_only() -> None:
    refused = {
        "httpStatusCode": 400,
        "body": [{"errorCode": "INVALID_FIELD", "message": "No such column", "fields": ["X"]}],
    }
    told = composite({"httpStatusCode": 200, "body": rows(*[True] * 200)}, refused)
    answers = Scripted(says(200, told)).gateway.push("create", "Task", [{"A": n} for n in range(203)])
    assert [answer.success for answer in answers] == [True] * 200 + [False] * 3
    assert {(a.status_code, a.http, a.fields) for a in answers[200:]} == {("INVALID_FIELD", 400, ("X",))}


def test_answers_out_of_order_find_their_rows() -> None:
    told = composite({"httpStatusCode": 200, "body": rows(*[True] * 200)}, {"httpStatusCode": 200, "body": rows(False)})
    told["compositeResponse"].reverse()
    answers = Scripted(says(200, told)).gateway.push("create", "Task", [{"A": n} for n in range(201)])
    assert [answer.success for answer in answers] == [True] * 200 + [False]


RULE = {
    "errorCode": "DUPLICATES_DETECTED",
    "message": "Use one of these records?",
    "duplicateResut": {"matchResults": [{"matchRecords": [{"record": {"Id": "0057e00000RmwSWAAZ"}}]}]},
}
TAKEN = {
    "errorCode": "DUPLICATE_VALUE",
    "message": "duplicate value found: K__c duplicates value on record with id: 0057e00000RmwSW",
}
SEVERAL = {
    "errorCode": "DUPLICATE_EXTERNAL_ID",
    "message": "more than one record found for external id field: [0057e00000RmwSWAAZ,00BD0000005WcCN]",
}


@pytest.mark.parametrize(
    ("error", "similar"),
    [
        (RULE, ("0057e00000RmwSWAAZ",)),
        (TAKEN, ("0057e00000RmwSWAAZ",)),
        (SEVERAL, ("0057e00000RmwSWAAZ", "00BD0000005WcCNMA0")),
        ({"errorCode": "STRING_TOO_LONG", "message": "0057e00000RmwSWAAZ"}, ()),
    ],
)
def test_a_duplicate_names_the_records_in_its_way(error: dict[str, Any], similar: tuple[str, ...]) -> None:
    answer = Scripted(says(400, [error])).gateway.create("Contact", {})
    assert answer.similar == similar


def test_single_writes() -> None:
    scripted = Scripted(
        says(201, {"id": ID, "success": True, "errors": []}),
        says(204),
        says(204),
        refuses(404, "ENTITY_IS_DELETED"),
        refuses(403, "INSUFFICIENT_ACCESS_OR_READONLY"),
    )
    gateway = scripted.gateway
    assert gateway.create("Task", {"Subject": "x"}) == RowAnswer(ID, True, True, http=201)
    assert gateway.update("Task", ID, {"Subject": None}) == RowAnswer(ID, True, http=204)
    assert gateway.delete("Task", ID) == RowAnswer(ID, True, http=204)
    assert gateway.delete("Task", ID).status_code == "ENTITY_IS_DELETED"
    assert gateway.update("Task", ID, {}).status_code == "INSUFFICIENT_ACCESS_OR_READONLY"
    with pytest.raises(UsageError):
        gateway.delete("Task", "")


def test_a_create_without_a_proper_answer_is_lost() -> None:
    for body in (b"", b"{}", b"[]", b'{"id"'):
        with pytest.raises(AnswerLost):
            Scripted(says(201, body)).gateway.create("Task", {})


@pytest.mark.parametrize("name", ["Task/../User", "Task?x", "", "Task Event"])
def test_names_cannot_leave_their_place_in_a_path(name: str) -> None:
    gateway = Scripted().gateway
    for call in (
        lambda: gateway.describe(name),
        lambda: gateway.create(name, {}),
        lambda: gateway.push("create", name, [{}]),
    ):
        with pytest.raises(ValueError, match="not a field"):
            call()
