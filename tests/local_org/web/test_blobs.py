"""Files go in as base64 or as a part of their own, and come out as the same bytes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import requests
from simple_salesforce import Salesforce

from tests.local_org.web.conftest import Client

BYTES = bytes(range(256)) * 3 + b"\r\n--\r\n\r\x00\n"


def text(content: bytes = BYTES) -> str:
    """Content as JSON carries it."""
    return base64.b64encode(content).decode()


def parts(name: str, record: dict[str, Any], content: bytes) -> dict[str, Any]:
    """The parts of a multipart request: the record, and a file for its binary field."""
    return {
        "entity": (None, json.dumps(record), "application/json"),
        name: ("notes.json", content, "application/json"),
    }


def test_an_attachment_comes_back_as_the_bytes_that_went_in(client: Client, unique: str) -> None:
    account = client.practice.create("Account", Name=unique)
    body = {"ParentId": account, "Name": "a.bin", "ContentType": "image/png", "Body": text()}
    made = client("POST", "sobjects/Attachment", json=body)
    assert made.status_code == 201, made.text
    record_id = made.json()["id"]
    address = f"/services/data/v66.0/sobjects/Attachment/{record_id}/Body"
    read = client("GET", address)
    assert (read.status_code, read.content, read.headers["Content-Type"]) == (200, BYTES, "image/png")
    row = client("GET", f"sobjects/attachment/{record_id}").json()
    assert (row["Body"], row["BodyLength"], row["ParentId"]) == (address, len(BYTES), account)
    query = f"SELECT Body, BodyLength, Parent.Name FROM Attachment WHERE ParentId = '{account}'"
    (found,) = client.soql(query).json()["records"]
    assert (found["Body"], found["BodyLength"], found["Parent"]["Name"]) == (address, len(BYTES), unique)
    children = client.soql(f"SELECT (SELECT Id FROM Attachments) FROM Account WHERE Id = '{account}'").json()
    assert [one["Id"] for one in children["records"][0]["Attachments"]["records"]] == [record_id]
    shorter = {"Body": text(b"1234"), "ContentType": "text/plain\r\nX-Bad: 1"}
    assert client("PATCH", f"sobjects/Attachment/{record_id}", json=shorter).status_code == 204
    again = client("GET", address)
    assert (again.content, again.headers["Content-Type"]) == (b"1234", "application/octet-stream")
    assert "X-Bad" not in again.headers
    assert client("GET", f"sobjects/Attachment/{record_id}?fields=BodyLength").json()["BodyLength"] == 4
    assert client("DELETE", f"sobjects/Account/{account}").status_code == 204
    assert client("GET", address).json()[0]["errorCode"] == "ENTITY_IS_DELETED"


def test_what_an_attachment_must_have(client: Client, unique: str) -> None:
    account = client.practice.create("Account", Name=unique)
    (missing,) = client("POST", "sobjects/Attachment", json={}).json()
    assert (missing["errorCode"], sorted(missing["fields"])) == ("REQUIRED_FIELD_MISSING", ["Body", "Name", "ParentId"])
    for wrong in ("no base64!", 5):
        body = {"ParentId": account, "Name": "x", "Body": wrong}
        answer = client("POST", "sobjects/Attachment", json=body)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    user = client.soql("SELECT Id FROM User LIMIT 1").json()["records"][0]["Id"]
    stranger = client("POST", "sobjects/Attachment", json={"ParentId": user, "Name": "x", "Body": text()})
    assert stranger.json()[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    refused = client.soql("SELECT Id FROM Attachment WHERE Body = 'x'")
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
    job = {"operation": "query", "query": "SELECT Body FROM Attachment"}
    assert client("POST", "jobs/query", json=job).json()[0]["errorCode"] == "API_ERROR"


def test_describe_of_a_binary_field(client: Client) -> None:
    client.practice.schema_change("add_object", object="Deck__c", label="Deck")
    described = client("GET", "sobjects/Attachment/describe").json()
    fields = {field["name"]: field for field in described["fields"]}
    body = fields["Body"]
    assert (body["type"], body["soapType"], body["nillable"], body["length"]) == (
        "base64",
        "xsd:base64Binary",
        False,
        0,
    )
    assert not any(body[flag] for flag in ("filterable", "sortable", "groupable", "aggregatable"))
    assert set(body) == set(fields["Name"])
    assert {"Account", "Contact", "Lead", "Opportunity", "Task", "Deck__c"} <= set(fields["ParentId"]["referenceTo"])
    deck = client.practice.create("Deck__c", Name="d")
    held = client("POST", "sobjects/Attachment", json={"ParentId": deck, "Name": "x", "Body": text(b"")})
    assert held.status_code == 201, held.text


@pytest.mark.parametrize("content", [BYTES, b"{}\n", b""])
def test_a_file_may_come_as_a_part_of_its_own(client: Client, unique: str, content: bytes) -> None:
    account = client.practice.create("Account", Name=unique)
    files = parts("Body", {"ParentId": account, "Name": "notes.json"}, content)
    made = client("POST", "sobjects/Attachment", files=files)
    assert made.status_code == 201, made.text
    assert client("GET", f"sobjects/Attachment/{made.json()['id']}/Body").content == content
    wrong = client("POST", "sobjects/Attachment", files=parts("Name", {"ParentId": account}, content))
    assert (wrong.status_code, wrong.json()[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_versions_of_a_document(client: Client, unique: str) -> None:
    body = {"PathOnClient": f"plans/{unique}.pdf", "VersionData": text(b"first")}
    first = client("POST", "sobjects/ContentVersion", json=body).json()["id"]
    shown = client("GET", f"sobjects/ContentVersion/{first}").json()
    document = shown["ContentDocumentId"]
    assert (shown["Title"], shown["FileExtension"], shown["ContentSize"]) == (unique, "pdf", 5)
    assert (shown["VersionNumber"], shown["IsLatest"], document[:3]) == ("1", True, "069")
    later = {"Title": "Second", "PathOnClient": "b.txt", "ContentDocumentId": document}
    made = client("POST", "sobjects/ContentVersion", files=parts("VersionData", later, BYTES))
    second = made.json()["id"]
    query = f"SELECT Id, VersionNumber, IsLatest FROM ContentVersion WHERE ContentDocumentId = '{document}'"
    found = client.soql(f"{query} ORDER BY VersionNumber").json()["records"]
    told = [(row["Id"], row["VersionNumber"], row["IsLatest"]) for row in found]
    assert told == [(first, "1", False), (second, "2", True)]
    latest = client("GET", f"sobjects/ContentDocument/{document}").json()
    assert (latest["LatestPublishedVersionId"], latest["Title"], latest["FileType"]) == (second, "Second", "TXT")
    assert latest["ContentSize"] == len(BYTES)
    assert [client("GET", f"sobjects/ContentVersion/{one}/VersionData").content for one in (first, second)] == [
        b"first",
        BYTES,
    ]
    assert client("PATCH", f"sobjects/ContentVersion/{second}", json={"Title": "Third"}).status_code == 204
    assert client("GET", f"sobjects/ContentDocument/{document}").json()["Title"] == "Third"
    changed = client("PATCH", f"sobjects/ContentVersion/{second}", json={"VersionData": text()})
    assert changed.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    assert client("DELETE", f"sobjects/ContentDocument/{document}").status_code == 204
    assert client("GET", f"sobjects/ContentVersion/{first}").status_code == 404


def test_simple_salesforce_moves_files(client: Client, unique: str, tmp_path: Path) -> None:
    practice, session = client.practice, requests.Session()
    session.verify, session.trust_env = practice.env["ca_file"], False
    instance = practice.base_url.removeprefix("https://")
    sf = Salesforce(instance=instance, session_id=practice.token(), session=session, version="66.0")
    data = {"ParentId": practice.create("Account", Name=unique), "Name": "a.bin", "Body": text()}
    record_id = sf.Attachment.create(data)["id"]
    assert sf.Attachment.get_base64(record_id) == BYTES
    (tmp_path / "a.bin").write_bytes(b"other")
    sf.Attachment.update_base64(record_id, str(tmp_path / "a.bin"))
    assert sf.Attachment.get_base64(record_id) == b"other"
