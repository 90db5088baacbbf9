from __future__ import annotations

import requests

from tests.local_org.web.conftest import Client
from tests.practice import Practice


def test_create_answers_id_and_location(client: Client, unique: str) -> None:
    answer = client("POST", "sobjects/Account", json={"Name": unique})
    record_id = answer.json()["id"]
    assert answer.status_code == 201
    assert answer.json() == {"id": record_id, "success": True, "errors": []}
    assert len(record_id) == 18
    assert answer.headers["Location"].endswith(f"/sobjects/Account/{record_id}")


def test_missing_required_fields_are_all_named(client: Client) -> None:
    answer = client("POST", "sobjects/Lead", json={"FirstName": "No"})
    assert answer.status_code == 400
    (error,) = answer.json()
    assert error["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert sorted(error["fields"]) == ["Company", "LastName"]


def test_unknown_field_names_field_and_object(client: Client) -> None:
    answer = client("POST", "sobjects/Account", json={"Name": "x", "Foo__c": 1})
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD"
    assert answer.json()[0]["message"] == "No such column 'Foo__c' on sobject of type Account"


def test_read_has_attributes_first_and_nulls(client: Client, unique: str) -> None:
    record_id = client("POST", "sobjects/account", json={"Name": unique}).json()["id"]
    record = client("GET", f"/services/data/v58.0/sobjects/ACCOUNT/{record_id}").json()
    assert next(iter(record)) == "attributes"
    assert record["attributes"]["url"] == f"/services/data/v58.0/sobjects/Account/{record_id}"
    assert record["Phone"] is None
    asked = client("GET", f"sobjects/Account/{record_id[:15]}?fields=Name,Phone").json()
    assert set(asked) == {"attributes", "Name", "Phone"}


def test_update_refuses_id_in_the_body(client: Client, unique: str) -> None:
    record_id = client("POST", "sobjects/Account", json={"Name": unique}).json()["id"]
    assert client("PATCH", f"sobjects/Account/{record_id}", json={"Phone": "1"}).status_code == 204
    answer = client("PATCH", f"sobjects/Account/{record_id}", json={"Id": record_id})
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_method_override_by_query_string(client: Client, unique: str) -> None:
    record_id = client("POST", "sobjects/Account", json={"Name": unique}).json()["id"]
    answer = client("POST", f"sobjects/Account/{record_id}?_HttpMethod=PATCH", json={"Phone": "77"})
    assert answer.status_code == 204
    assert client("GET", f"sobjects/Account/{record_id}").json()["Phone"] == "77"


def test_deleted_and_unknown_records_answer_404(client: Client, unique: str) -> None:
    record_id = client("POST", "sobjects/Account", json={"Name": unique}).json()["id"]
    assert client("DELETE", f"sobjects/Account/{record_id}").status_code == 204
    again = client("DELETE", f"sobjects/Account/{record_id}")
    assert again.status_code == 404
    assert again.json() == [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}]
    unknown = client("GET", "sobjects/Account/001000000000001AAA")
    assert (unknown.status_code, unknown.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_upsert_by_external_id_creates_then_updates(client: Client, unique: str) -> None:
    path = f"sobjects/Task/Syncline_Key__c/{unique}%2F1"
    first = client("PATCH", path, json={"Subject": "Call"})
    assert (first.status_code, first.json()["created"]) == (201, True)
    second = client("PATCH", path, json={"Subject": "Call again"})
    assert (second.status_code, second.json()["created"]) == (200, False)
    assert second.json()["id"] == first.json()["id"]
    assert client("GET", path).json()["Syncline_Key__c"] == f"{unique}/1"
    old = client("PATCH", f"/services/data/v45.0/{path}", json={"Subject": "Old version"})
    assert (old.status_code, old.content) == (204, b"")


def test_upsert_refuses_the_key_in_the_body_and_unknown_keys(client: Client, unique: str) -> None:
    twice = client("PATCH", f"sobjects/Task/Syncline_Key__c/{unique}", json={"Syncline_Key__c": unique})
    assert twice.json()[0]["message"] == "The Syncline_Key__c field should not be specified in the sobject data."
    wrong = client("PATCH", f"sobjects/Task/Subject/{unique}", json={})
    assert wrong.status_code == 404
    assert wrong.json()[0]["message"] == "Provided external ID field does not exist or is not accessible: Subject"
    absent = client("PATCH", f"sobjects/Task/Syncline_Key__c/{unique}?updateOnly=true", json={})
    assert absent.status_code == 404
    missing = client("GET", f"sobjects/Task/Syncline_Key__c/{unique}")
    assert missing.json()[0]["message"].endswith(f"not accessible: {unique}")


def test_more_than_one_match_answers_300(client: Client, unique: str) -> None:
    email = f"{unique.lower()}@twins.example"
    for name in ("One", "Two"):
        client("POST", "sobjects/Contact", json={"LastName": name, "Email": email})
    answer = client("PATCH", f"sobjects/Contact/Email/{email}", json={"Title": "x"})
    assert answer.status_code == 300
    assert len(answer.json()) == 2
    assert all(url.startswith("/services/data/v66.0/sobjects/Contact/003") for url in answer.json())


def test_parent_by_relationship(client: Client, unique: str) -> None:
    account = client("POST", "sobjects/Account", json={"Name": unique}).json()["id"]
    contact = client("POST", "sobjects/Contact", json={"LastName": "x", "AccountId": account}).json()["id"]
    assert client("GET", f"sobjects/Contact/{contact}/Account").json()["Name"] == unique
    children = client("GET", f"sobjects/Account/{account}/Contacts").json()
    assert [r["Id"] for r in children["records"]] == [contact]
    assert client("GET", f"sobjects/Account/{account}/Nonsense").status_code == 404
    orphan = client("POST", "sobjects/Contact", json={"LastName": "y"}).json()["id"]
    assert client("GET", f"sobjects/Contact/{orphan}/Account").status_code == 404


def test_reader_may_not_write_and_hidden_object_is_not_found(practice: Practice, reader: Client) -> None:
    answer = reader("POST", "sobjects/Account", json={"Name": "x"})
    assert answer.status_code in (400, 403)
    assert answer.json()[0]["errorCode"].startswith(("CANNOT", "INSUFFICIENT"))
    practice.schema_change("grant_object", profile="Read Only", object="Campaign", letters="")
    assert reader("GET", "sobjects/Campaign/describe").status_code == 404
    names = [o["name"] for o in reader("GET", "sobjects").json()["sobjects"]]
    assert "Campaign" not in names
    assert "Account" in names


def test_conditional_reads_and_writes(client: Client, practice: Practice, unique: str) -> None:
    record_id = client("POST", "sobjects/Account", json={"Name": unique}).json()["id"]
    stamp = client("GET", f"sobjects/Account/{record_id}").headers["Last-Modified"]
    unchanged = client("GET", f"sobjects/Account/{record_id}", headers={"If-Modified-Since": stamp})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    practice.advance_clock(5)
    client("PATCH", f"sobjects/Account/{record_id}", json={"Phone": "1"})
    late = client("PATCH", f"sobjects/Account/{record_id}", json={"Phone": "2"}, headers={"If-Unmodified-Since": stamp})
    assert late.status_code == 412


def test_etag_of_an_account(client: Client, practice: Practice, unique: str) -> None:
    path = f"sobjects/Account/{client('POST', 'sobjects/Account', json={'Name': unique}).json()['id']}"
    etag = client("GET", path).headers["ETag"]
    assert client("GET", path, headers={"If-None-Match": etag}).status_code == 304
    practice.advance_clock(5)
    assert client("PATCH", path, json={"Phone": "1"}, headers={"If-Match": etag}).status_code == 204
    assert client("PATCH", path, json={"Phone": "2"}, headers={"If-Match": etag}).status_code == 412
    assert client("HEAD", path).headers["ETag"] != etag


def test_wrong_media_type_method_and_json(client: Client) -> None:
    text = client("POST", "sobjects/Account", data="Name=x", headers={"Content-Type": "text/plain"})
    assert (text.status_code, text.json()[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    put = client("PUT", "sobjects/Account/001000000000001AAA", json={})
    assert put.status_code == 405
    assert put.json()[0]["message"] == "HTTP Method 'PUT' not allowed. Allowed are HEAD,GET,PATCH,DELETE"
    broken = client("POST", "sobjects/Account", data="{'x'", headers={"Content-Type": "application/json"})
    assert broken.json()[0]["errorCode"] == "JSON_PARSER_ERROR"
    assert "[line:1, column:2]" in broken.json()[0]["message"]


def test_without_a_session(practice: Practice) -> None:
    bare = requests.get(f"{practice.data_url}/limits", verify=practice.env["ca_file"], timeout=10)
    assert (bare.status_code, bare.json()) == (
        401,
        [{"message": "INVALID_HEADER_TYPE", "errorCode": "INVALID_AUTH_HEADER"}],
    )
    stale = requests.get(
        f"{practice.data_url}/limits", verify=practice.env["ca_file"], timeout=10, headers={"Authorization": "OAuth x"}
    )
    assert stale.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_a_duplicate_rule_names_the_records_that_it_found(client: Client, unique: str) -> None:
    field = {"name": "Badge__c", "type": "string", "length": 40}
    rule = {"object": f"{unique}__c", "name": "Same_Badge", "fields": ["Badge__c"], "allow_save": True}
    schema = {"objects": {f"{unique}__c": {"fields": [field]}}, "duplicate_rules": [rule]}
    client.practice.schema_change("load", schema=schema)
    path, body = f"sobjects/{unique}__c", {"Name": "x", "Badge__c": unique}
    first = client("POST", path, json=body).json()["id"]
    refused = client("POST", path, json=body)
    (error,) = refused.json()
    assert (refused.status_code, set(error)) == (400, {"duplicateResut", "errorCode", "message"})
    assert (error["errorCode"], error["message"]) == ("DUPLICATES_DETECTED", "Use one of these records?")
    told = error["duplicateResut"]
    assert (told["allowSave"], told["duplicateRule"], told["duplicateRuleEntityType"]) == (
        True,
        "Same_Badge",
        f"{unique}__c",
    )
    (match,) = told["matchResults"]
    record = {"attributes": {"type": f"{unique}__c", "url": f"/services/data/v66.0/{path}/{first}"}, "Id": first}
    assert (match["size"], match["success"], match["matchRecords"][0]["record"]) == (1, True, record)
    part = {"method": "POST", "url": f"/services/data/v66.0/{path}", "referenceId": "a", "body": body}
    (inner,) = client("POST", "composite", json={"compositeRequest": [part]}).json()["compositeResponse"]
    assert inner["body"] == [error]
    listed = client.collection([{"attributes": {"type": f"{unique}__c"}, **body}]).json()
    assert listed[0]["errors"][0]["statusCode"] == "DUPLICATES_DETECTED"
    assert (
        client("POST", path, json=body, headers={"Sforce-Duplicate-Rule-Header": "allowSave=true"}).status_code == 201
    )
