"""The resource catalogue, statement by statement: address, method, status, and what the answer says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.local_org.web.conftest import Client
from tests.practice import Practice

NOT_FOUND = "The requested resource does not exist"
NO_KEY = "Provided external ID field does not exist or is not accessible: "
DATES = "start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00Z"


@dataclass(frozen=True)
class Asked:
    """One statement; ``{account}``, ``{contact}`` and ``{word}`` stand for what the test has made."""

    what: str
    method: str
    path: str
    status: int
    said: str = ""
    """A text that the answer holds."""
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    """Keys of the answer, where it is an object."""


def get(what: str, path: str, status: int = 200, said: str = "", **more: Any) -> Asked:
    return Asked(what, "GET", path, status, said, **more)


CATALOGUE = [
    # 1 transport, addresses, headers
    get("versions need no session", "/services/data", said='"version":"66.0"', headers={"Authorization": ""}),
    get("the oldest version", "/services/data/v31.0/limits"),
    get("a version before it", "/services/data/v30.0/limits", 404, NOT_FOUND),
    get("a version after the newest", "/services/data/v67.0/limits", 404, NOT_FOUND),
    get("a slash at the end", "limits/", keys=("DailyApiRequests",)),
    get("a doubled slash", "/services/data//v66.0//limits", keys=("DailyApiRequests",)),
    get("a slash before the query", "query/?q=SELECT+Id+FROM+Organization", said='"totalSize":1'),
    get("letter case of addresses", "SOBJECTS/aCCount/DESCRIBE", said='"name":"Account"'),
    get("letter case of Bulk resources", "JOBS/INGEST", keys=("done", "records", "nextRecordsUrl")),
    get("no scheme", "limits", 401, "INVALID_HEADER_TYPE", headers={"Authorization": "nothing"}),
    get("Basic is no scheme", "limits", 401, "INVALID_AUTH_HEADER", headers={"Authorization": "Basic eA=="}),
    get("an unknown session", "limits", 401, "INVALID_SESSION_ID", headers={"Authorization": "Bearer x"}),
    get("a long address", "query?q=" + "x" * 17_000, 414, "URI_TOO_LONG"),
    get("long headers", "limits", 431, "Request Header Fields Too Large", headers={"X-Long": "x" * 17_000}),
    Asked("405", "DELETE", "limits", 405, "HTTP Method 'DELETE' not allowed. Allowed are HEAD,GET"),
    Asked("415", "POST", "sobjects/Account", 415, "UNSUPPORTED_MEDIA_TYPE", headers={"Content-Type": "text/csv"}),
    # 3 resources
    get("root of a version", "/services/data/v66.0", keys=("sobjects", "query", "tooling", "limits", "identity")),
    get("global describe", "sobjects", keys=("encoding", "maxBatchSize", "sobjects")),
    get("basic information", "sobjects/Account", keys=("objectDescribe", "recentItems")),
    get("an unknown object", "sobjects/Nope/describe", 404, NOT_FOUND),
    get("layouts", "sobjects/Account/describe/layouts", keys=("layouts", "recordTypeMappings")),
    get("layout of the master record type", "sobjects/Account/describe/layouts/012000000000000AAA"),
    get("compact layouts", "sobjects/Account/describe/compactLayouts"),
    get("approval layouts", "sobjects/Account/describe/approvalLayouts", keys=("approvalLayouts",)),
    get("a parent", "sobjects/Contact/{contact}/Account?fields=Name", said='"Name":"{word}"'),
    get("children", "sobjects/Account/{account}/Contacts?fields=LastName", said='"totalSize":1'),
    get("an empty relationship", "sobjects/Contact/{contact}/ReportsTo", 404, "NOT_FOUND"),
    get("recent items", "recent", said='"attributes"'),
    get("tooling queries find nothing", "tooling/query?q=SELECT+Id+FROM+SandboxProcess", said='"totalSize":0'),
    get("no approvals", "process/approvals", 404, NOT_FOUND),
    get("no quick actions", "quickActions", 404, NOT_FOUND),
    get("no chatter", "chatter/users/me", 404, NOT_FOUND),
    # 5 rows
    get("15 characters are enough", "sobjects/Account/{account15}?fields=Id", said='"Id":"{account}"'),
    get(
        "only what is asked for",
        "sobjects/Account/{account}?fields=Name",
        said='"Name":"{word}"',
        keys=("attributes", "Name"),
    ),
    get("an unknown row", "sobjects/Account/001000000000000AAA", 404, NOT_FOUND),
    get("a field that is no key", "sobjects/Account/Phone/1", 404, NO_KEY + "Phone"),
    get("a value that is not there", "sobjects/Task/Syncline_Key__c/23foo", 404, NO_KEY + "23foo"),
    Asked("required fields", "POST", "sobjects/Account", 400, "Required fields are missing: [Name]", {}),
    Asked(
        "unknown field", "POST", "sobjects/Account", 400, "No such column 'foo' on sobject of type Account", {"foo": 1}
    ),
    Asked(
        "Id in an update", "PATCH", "sobjects/Account/{account}", 400, "INVALID_FIELD_FOR_INSERT_UPDATE", {"Id": "x"}
    ),
    Asked(
        "audit field",
        "PATCH",
        "sobjects/Account/{account}",
        400,
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        {"CreatedDate": None},
    ),
    Asked(
        "a number that is none",
        "POST",
        "sobjects/Account",
        400,
        "JSON_PARSER_ERROR",
        {"Name": "x", "NumberOfEmployees": "y"},
    ),
    Asked("a list for a row", "POST", "sobjects/Account", 400, "JSON_PARSER_ERROR", [1]),
    Asked(
        "a row is made by key",
        "PATCH",
        "sobjects/Task/Syncline_Key__c/{word}%2F1",
        201,
        '"created":true',
        {"Subject": "x"},
    ),
    Asked(
        "key in the body",
        "PATCH",
        "sobjects/Task/Syncline_Key__c/k",
        400,
        "should not be specified",
        {"Syncline_Key__c": "z"},
    ),
    Asked(
        "only updates",
        "PATCH",
        "sobjects/Task/Syncline_Key__c/{word}?updateOnly=true",
        404,
        "NOT_FOUND",
        {"Subject": "x"},
    ),
    Asked(
        "by an idLookup field", "PATCH", "sobjects/Contact/Email/{word}@x.example", 201, "created", {"LastName": "x"}
    ),
    Asked("by Id", "PATCH", "sobjects/Account/Id/{account}", 200, '"created":false', {"Phone": "1"}),
    # 6 queries
    get("no query", "query", 400, "MALFORMED_QUERY"),
    get("COUNT alone", "query?q=SELECT+COUNT()+FROM+Organization", said='{"totalSize":1,"done":true,"records":[]}'),
    get("ALL ROWS in query", "query?q=SELECT+Id+FROM+Account+ALL+ROWS", 400, "ALL ROWS not allowed in this context"),
    get("ALL ROWS in queryAll", "queryAll?q=SELECT+Id+FROM+Account+ALL+ROWS", said='"done":true'),
    get("a locator that is none", "query/01gxxxxxxxxxxxxxxx-2000", 400, "INVALID_QUERY_LOCATOR"),
    get(
        "columns",
        "query?q=SELECT+Name+FROM+Account&columns=true",
        keys=("columnMetadata", "entityName", "idSelected", "keyPrefix"),
    ),
    get("explain", "query?explain=SELECT+Id+FROM+Account", keys=("plans", "sourceQuery")),
    get("one column twice", "query?q=SELECT+Id,Id+FROM+Account", 400, "duplicate field selected: Id"),
    # 8 composite family
    get("members of the family", "composite", keys=("tree", "batch", "sobjects", "graph")),
    Asked("201 records", "POST", "composite/sobjects", 400, "EXCEEDED_ID_LIMIT", {"records": [{"a": 1}] * 201}),
    Asked("records without a type", "POST", "composite/sobjects", 400, "INVALID_INPUT", {"records": [{"Name": "x"}]}),
    Asked(
        "2,001 Ids",
        "POST",
        "composite/sobjects/Account",
        400,
        "EXCEEDED_ID_LIMIT",
        {"ids": ["x"] * 2001, "fields": ["Id"]},
    ),
    get("a missing record is null", "composite/sobjects/Account?ids={account},x&fields=Name", said=",null]"),
    Asked("an Id that is none", "DELETE", "composite/sobjects?ids=xx", 200, '"statusCode":"MALFORMED_ID"'),
    Asked("no subrequests", "POST", "composite", 400, "INVALID_INPUT", {"compositeRequest": []}),
    Asked(
        "25 of a batch",
        "POST",
        "composite/batch",
        400,
        "LIMIT_EXCEEDED",
        {"batchRequests": [{"method": "GET", "url": "v66.0/limits"}] * 26},
    ),
    Asked(
        "a batch halts",
        "POST",
        "composite/batch",
        200,
        "BATCH_PROCESSING_HALTED",
        {
            "haltOnError": True,
            "batchRequests": [{"method": "GET", "url": "v66.0/nope"}, {"method": "GET", "url": "v66.0/limits"}],
        },
    ),
    Asked(
        "a tree fails as a whole",
        "POST",
        "composite/tree/Account",
        400,
        '"hasErrors":true',
        {"records": [{"attributes": {"type": "Account", "referenceId": "r"}}]},
    ),
    # 9 replication
    get(
        "a span of less than a minute",
        "sobjects/Account/updated?start=2026-01-01T00:00:00Z&end=2026-01-01T00:00:30Z",
        400,
        "INVALID_REPLICATION_DATE",
    ),
    get(
        "too far in the past",
        "sobjects/Account/updated/?start=2001-01-01T00:00:00Z&end=2001-01-02T00:00:00Z",
        400,
        "INVALID_REPLICATION_DATE",
    ),
    get("no start", "sobjects/Account/deleted", 400, "start"),
    # 10 limits, list views, search
    get(
        "counts, unknown names left out",
        "limits/recordCount?sObjects=Organization,Nope",
        said='{"sObjects":[{"count":1,"name":"Organization"}]}',
    ),
    get(
        "list views", "sobjects/Account/listviews", keys=("done", "listviews", "nextRecordsUrl", "size", "sobjectType")
    ),
    get("an unknown list view", "sobjects/Account/listviews/00B000000000000AAA/results", 404, NOT_FOUND),
    get("search", "search?q=FIND+{{{word}}}+RETURNING+Account(Name)", said='"Name":"{word}"'),
    get(
        "search before version 37",
        "/services/data/v36.0/search?q=FIND+{{{word}}}+RETURNING+Account(Name)",
        said='[{"attributes"',
    ),
    get(
        "a search without braces",
        "search?q=x",
        400,
        "No search term found. The search term must be enclosed in braces.",
    ),
    get(
        "parameterized search",
        "parameterizedSearch?q={word}&sobject=Account&Account.fields=Name",
        said='"Name":"{word}"',
    ),
    Asked(
        "the same in a body",
        "POST",
        "parameterizedSearch",
        200,
        '"searchRecords":[]',
        {"q": "nobodyx", "sobjects": [{"name": "Account", "fields": ["Name"]}]},
    ),
    get("a term of one letter", "parameterizedSearch?q=x", 400, "MALFORMED_SEARCH"),
    # 12 Bulk 2.0
    Asked("an unknown object", "POST", "jobs/ingest", 400, "INVALIDENTITY", {"object": "Nope", "operation": "insert"}),
    Asked(
        "an unknown operation", "POST", "jobs/ingest", 400, "INVALIDOPERATION", {"object": "Account", "operation": "x"}
    ),
    Asked(
        "an upsert without a key",
        "POST",
        "jobs/ingest",
        400,
        "INVALIDJOB",
        {"object": "Account", "operation": "upsert"},
    ),
    Asked(
        "an unknown delimiter",
        "POST",
        "jobs/ingest",
        400,
        "INVALIDJOB",
        {"object": "Account", "operation": "insert", "columnDelimiter": "X"},
    ),
    Asked(
        "compound fields",
        "POST",
        "jobs/query",
        400,
        "Selecting compound data not supported in Bulk Query",
        {"operation": "query", "query": "SELECT BillingAddress FROM Account"},
    ),
    Asked(
        "an object Bulk does not read",
        "POST",
        "jobs/query",
        400,
        "INVALIDENTITY",
        {"operation": "query", "query": "SELECT Id FROM TaskStatus"},
    ),
    get("an unknown job", "jobs/query/750000000000000AAA", 404, NOT_FOUND),
    # 2 sessions
    get("who am I", "/services/oauth2/userinfo", keys=("user_id", "organization_id", "preferred_username")),
    get("a bad token", "/services/oauth2/userinfo", 401, "Bad_OAuth_Token", headers={"Authorization": "Bearer x"}),
    get("discovery", "/.well-known/openid-configuration", keys=("issuer", "token_endpoint", "jwks_uri")),
]


@pytest.fixture(scope="module")
def made(server: Practice) -> dict[str, str]:
    """One account with a contact."""
    word = "Catalogued"
    account = server.create("Account", Name=word)
    contact = server.create("Contact", LastName=word, AccountId=account)
    return {"account": account, "account15": account[:15], "contact": contact, "word": word}


@pytest.mark.parametrize("asked", CATALOGUE, ids=lambda asked: f"{asked.method} {asked.what}")
def test_the_catalogue(client: Client, made: dict[str, str], asked: Asked) -> None:
    options: dict[str, Any] = {"headers": asked.headers} | ({} if asked.body is None else {"json": asked.body})
    answer = client(asked.method, asked.path.format(**made), **options)
    assert answer.status_code == asked.status, answer.text
    said = asked.said
    for name, value in made.items():
        said = said.replace(f"{{{name}}}", value)
    assert said in answer.text.replace('\\"', '"'), answer.text[:600]
    if asked.keys:
        assert set(asked.keys) <= set(answer.json())
    if (
        asked.status >= 400
        and "json" in answer.headers["Content-Type"]
        and "batch" not in asked.path
        and "tree" not in asked.path
    ):
        (error,) = answer.json()
        assert {"message", "errorCode"} <= set(error) <= {"message", "errorCode", "fields"}
    if asked.path.startswith("/services/data/v") or not asked.path.startswith("/"):
        counted = asked.status not in (414, 431)
        assert ("Sforce-Limit-Info" in answer.headers) or not counted


@pytest.mark.parametrize(
    ("name", "value", "read", "write"),
    [
        ("If-Match", "other", 304, 412),
        ("If-Match", "own", 200, 204),
        ("If-None-Match", "own", 304, 412),
        ("If-None-Match", "other", 200, 204),
        ("If-Modified-Since", "now", 304, 412),
        ("If-Modified-Since", "before", 200, 204),
        ("If-Unmodified-Since", "before", 304, 412),
        ("If-Unmodified-Since", "now", 200, 204),
        ("If-Modified-Since", "rubbish", 200, 400),
        ("If-Unmodified-Since", "rubbish", 200, 400),
    ],
)
def test_conditions(client: Client, unique: str, name: str, value: str, read: int, write: int) -> None:
    path = f"sobjects/Account/{client('POST', 'sobjects/Account', json={'Name': unique}).json()['id']}"
    held = client("GET", path).headers
    values = {"own": held["ETag"], "other": '"other"', "now": held["Last-Modified"], "rubbish": "rubbish"}
    headers = {name: values.get(value, "Wed, 21 Oct 2015 07:28:00 GMT")}
    assert client("GET", path, headers=headers).status_code == read
    assert client("HEAD", path, headers=headers).status_code == read
    assert client("PATCH", path, headers=headers, json={"Phone": "1"}).status_code == write
    assert client("DELETE", path, headers=headers).status_code == 204


def test_conditions_of_other_objects_are_dates_only(client: Client, unique: str) -> None:
    path = f"sobjects/Lead/{client('POST', 'sobjects/Lead', json={'LastName': unique, 'Company': 'x'}).json()['id']}"
    held = client("GET", path).headers
    assert "ETag" not in held
    assert client("GET", path, headers={"If-None-Match": "*"}).status_code == 200
    assert client("GET", path, headers={"If-Modified-Since": held["Last-Modified"]}).status_code == 304


def test_a_304_inside_a_composite_has_no_body(client: Client) -> None:
    stamp = client("GET", "sobjects/Account/describe").headers["Last-Modified"]
    part = {
        "method": "GET", "url": "/services/data/v66.0/sobjects/Account/describe", "referenceId": "d",
        "httpHeaders": {"If-Modified-Since": stamp},
    }  # fmt: skip
    (answer,) = client("POST", "composite", json={"compositeRequest": [part]}).json()["compositeResponse"]
    assert (answer["httpStatusCode"], answer["body"]) == (304, None)


def test_a_graph_is_at_most_fifteen_references_deep(client: Client) -> None:
    def chain(length: int) -> dict[str, Any]:
        url = "/services/data/v66.0/sobjects/Account"
        parts = [{"method": "POST", "url": url, "referenceId": "r0", "body": {"Name": "chain"}}]
        for n in range(1, length):
            body = {"Name": "chain", "ParentId": f"@{{r{n - 1}.id}}"}
            parts.append({"method": "POST", "url": url, "referenceId": f"r{n}", "body": body})
        return {"graphs": [{"graphId": "g", "compositeRequest": parts}]}

    fine = client("POST", "composite/graph", json=chain(15)).json()["graphs"][0]
    assert fine["isSuccessful"], fine
    deep = client("POST", "composite/graph", json=chain(16))
    assert (deep.status_code, deep.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")


def test_a_malformed_id_among_deletes_spares_the_others_unless_all_or_none(client: Client, unique: str) -> None:
    ids = [client("POST", "sobjects/Account", json={"Name": unique}).json()["id"] for _ in range(2)]
    strict = client("DELETE", f"composite/sobjects?ids={ids[0]},xx&allOrNone=true").json()
    assert [row["errors"][0]["statusCode"] for row in strict] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "MALFORMED_ID"]
    loose = client("DELETE", f"composite/sobjects?ids=xx,{ids[0]},{ids[1]}").json()
    assert [row["success"] for row in loose] == [False, True, True]
    assert json.dumps(loose[0]["errors"][0]["fields"]) == "[]"
