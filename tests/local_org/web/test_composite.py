from __future__ import annotations

from typing import Any

import pytest

from tests.local_org.web.conftest import Client
from tests.practice import Practice

V = "/services/data/v66.0"


def composite(client: Client, *subs: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
    """The subanswers of a composite request."""
    answer = client("POST", "composite", json={"compositeRequest": list(subs), **body})
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["compositeResponse"]
    return found


def sub(reference: str, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    """One subrequest."""
    made = {"method": method, "url": f"{V}/{path}", "referenceId": reference, "httpHeaders": headers}
    return made if body is None else made | {"body": body}


def test_references_reach_into_earlier_answers(client: Client, unique: str) -> None:
    answers = composite(
        client,
        sub("acc", "POST", "sobjects/Account", {"Name": unique}),
        sub("con", "POST", "sobjects/Contact", {"LastName": "x", "AccountId": "@{acc.id}"}),
        sub("read", "GET", "sobjects/Contact/@{con.id}?fields=AccountId"),
        sub("list", "GET", f"query?q=SELECT+Id+FROM+Account+WHERE+Name='{unique}'"),
        sub("again", "PATCH", "sobjects/Account/@{list.records[0].Id}", {"Phone": "1"}),
    )
    assert [a["httpStatusCode"] for a in answers] == [201, 201, 200, 200, 204]
    assert [a["referenceId"] for a in answers] == ["acc", "con", "read", "list", "again"]
    assert answers[2]["body"]["AccountId"] == answers[0]["body"]["id"]
    assert answers[0]["httpHeaders"]["Location"].endswith(answers[0]["body"]["id"])
    assert answers[4]["body"] is None


def test_one_composite_is_one_call(client: Client, practice: Practice, unique: str) -> None:
    practice.reset_calls()
    composite(client, *(sub(f"r{n}", "GET", "limits") for n in range(10)))
    assert practice.api_calls() == 1
    (entry,) = practice.calls()
    assert (entry["method"], entry["status"]) == ("POST", 200)


def test_all_or_none_takes_everything_back(client: Client, practice: Practice, unique: str) -> None:
    answers = composite(
        client,
        sub("one", "POST", "sobjects/Account", {"Name": unique}),
        sub("two", "POST", "sobjects/Account", {}),
        sub("three", "POST", "sobjects/Account", {"Name": unique}),
        allOrNone=True,
    )
    codes = [a["body"][0]["errorCode"] for a in answers]
    assert codes == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]
    assert practice.count(f"SELECT COUNT() FROM Account WHERE Name = '{unique}'") == 0


def test_without_all_or_none_only_dependents_fall(client: Client, unique: str) -> None:
    answers = composite(
        client,
        sub("bad", "POST", "sobjects/Account", {}),
        sub("child", "POST", "sobjects/Contact", {"LastName": "x", "AccountId": "@{bad.id}"}),
        sub("free", "POST", "sobjects/Account", {"Name": unique}),
    )
    assert [a["httpStatusCode"] for a in answers] == [400, 400, 201]
    assert answers[1]["body"][0]["errorCode"] == "PROCESSING_HALTED"


def test_describe_with_if_modified_since_has_a_null_body(client: Client) -> None:
    (first,) = composite(client, sub("d", "GET", "sobjects/Case/describe"))
    stamp = first["httpHeaders"]["Last-Modified"]
    (again,) = composite(client, sub("d", "GET", "sobjects/Case/describe", **{"If-Modified-Since": stamp}))
    assert (again["httpStatusCode"], again["body"]) == (304, None)


@pytest.mark.parametrize(
    ("count", "path"), [(26, "limits"), (6, "query?q=SELECT+Id+FROM+Account"), (6, "composite/sobjects")]
)
def test_limits_of_a_composite(client: Client, count: int, path: str) -> None:
    subs = [sub(f"r{n}", "GET", path) for n in range(count)]
    answer = client("POST", "composite", json={"compositeRequest": subs})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")


def test_malformed_composites(client: Client) -> None:
    double = [sub("a", "GET", "limits"), sub("a", "GET", "limits")]
    assert client("POST", "composite", json={"compositeRequest": double}).status_code == 400
    assert client("POST", "composite", json={"compositeRequest": [{"method": "GET"}]}).status_code == 400
    assert client("POST", "composite", json={}).status_code == 400
    (outside,) = composite(client, {"method": "GET", "url": "/services/oauth2/userinfo", "referenceId": "x"})
    assert outside["httpStatusCode"] == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("composite", {"compositeRequest": [{"method": "GET", "url": 5, "referenceId": "a"}]}),
        ("composite", {"compositeRequest": [{"method": "GET", "url": "x", "referenceId": "a", "httpHeaders": [1]}]}),
        ("composite/batch", {"batchRequests": [1]}),
        ("composite/graph", {"graphs": [{"compositeRequest": 5}]}),
        ("composite/sobjects", {"records": [1]}),
        ("composite/sobjects/Account", {"ids": 5, "fields": ["Id"]}),
        ("composite/tree/Account", {"records": "x"}),
        ("parameterizedSearch", {"q": "abc", "sobjects": [{"name": "Account", "fields": 5}]}),
    ],
)
def test_bodies_of_the_wrong_shape_are_input_errors(client: Client, path: str, body: Any) -> None:
    answer = client("POST", path, json=body)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_INPUT")


def test_batch_takes_all_forms_of_urls_and_counts_each(client: Client, practice: Practice) -> None:
    practice.reset_calls()
    requests = [
        {"method": "GET", "url": "v66.0/sobjects/Account/describe"},
        {"method": "GET", "url": f"{practice.base_url}{V}/sobjects/Nope/describe"},
        {"method": "GET", "url": f"{V}/limits"},
    ]
    body = client("POST", "composite/batch", json={"batchRequests": requests}).json()
    assert body["hasErrors"] is True
    assert [r["statusCode"] for r in body["results"]] == [200, 404, 200]
    assert body["results"][0]["result"]["name"] == "Account"
    assert practice.api_calls() == 3
    halted = client("POST", "composite/batch", json={"haltOnError": True, "batchRequests": requests}).json()
    assert [r["statusCode"] for r in halted["results"]] == [200, 404, 412]


def test_graph_each_for_itself(client: Client, practice: Practice, unique: str) -> None:
    good = {"graphId": "g1", "compositeRequest": [sub("a", "POST", "sobjects/Account", {"Name": unique})]}
    bad = {
        "graphId": "g2",
        "compositeRequest": [
            sub("a", "POST", "sobjects/Account", {"Name": unique}),
            sub("b", "POST", "sobjects/Account", {}),
        ],
    }
    graphs = client("POST", "composite/graph", json={"graphs": [good, bad]}).json()["graphs"]
    assert [g["isSuccessful"] for g in graphs] == [True, False]
    assert practice.count(f"SELECT COUNT() FROM Account WHERE Name = '{unique}'") == 1


def test_tree_creates_parents_and_children(client: Client, practice: Practice, unique: str) -> None:
    def record(kind: str, reference: str, **fields: Any) -> dict[str, Any]:
        return {"attributes": {"type": kind, "referenceId": reference}, **fields}

    tree = [
        record("Account", "a1", Name=unique, Contacts={"records": [record("Contact", "c1", LastName="One")]}),
        record("Account", "a2", Name=f"{unique} 2"),
    ]
    answer = client("POST", "composite/tree/Account", json={"records": tree})
    assert answer.status_code == 201
    ids = {r["referenceId"]: r["id"] for r in answer.json()["results"]}
    assert practice.soql(f"SELECT AccountId FROM Contact WHERE Id = '{ids['c1']}'") == [{"AccountId": ids["a1"]}]
    broken = [record("Account", "a3", Name=f"{unique} 3", Contacts={"records": [record("Contact", "c2")]})]
    refused = client("POST", "composite/tree/Account", json={"records": broken})
    assert refused.status_code == 400
    assert refused.json()["hasErrors"] is True
    assert [r["referenceId"] for r in refused.json()["results"]] == ["c2"]
    assert practice.count(f"SELECT COUNT() FROM Account WHERE Name = '{unique} 3'") == 0
