from __future__ import annotations

import gzip
import json
from email.utils import parsedate_to_datetime

from tests.local_org.web.conftest import Client
from tests.practice import Practice


def test_versions_need_no_session_and_ascend(client: Client) -> None:
    listed = client("GET", "/services/data", headers={"Authorization": ""}).json()
    assert [v["version"] for v in listed] == [f"{n}.0" for n in range(31, 67)]
    assert listed[-1] == {"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"}


def test_resources_carry_the_identity(client: Client, practice: Practice) -> None:
    found = client("GET", "/services/data/v66.0").json()
    assert found["sobjects"] == "/services/data/v66.0/sobjects"
    assert found["identity"].startswith(f"{practice.base_url}/id/{practice.env['org_id']}/005")


def test_slashes_and_case_are_tolerated(client: Client) -> None:
    assert client("GET", "//services/data/v66.0//sobjects/account/describe/").json()["name"] == "Account"
    assert client("GET", "/services/data/v99.0/limits").status_code == 404
    assert client("GET", "recent?limit=many").json()[0]["errorCode"] == "INVALID_QUERY_PARAMETER"
    assert client("GET", "query?q=" + "x" * 17_000).status_code == 414
    assert client("GET", "nonsense").json()[0]["errorCode"] == "NOT_FOUND"


def test_headers_of_every_answer(client: Client, practice: Practice) -> None:
    answer = client("GET", "limits")
    raw = {name for name, _ in answer.raw.headers.items()}
    assert {"Content-Type", "Sforce-Limit-Info", "Date"} <= raw
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    used, _, most = answer.headers["Sforce-Limit-Info"].removeprefix("api-usage=").partition("/")
    assert int(most) == 15000
    assert answer.json()["DailyApiRequests"] == {"Max": 15000, "Remaining": 15000 - int(used)}


def test_date_header_follows_the_servers_clock(client: Client, practice: Practice) -> None:
    before = parsedate_to_datetime(client("GET", "limits").headers["Date"])
    practice.advance_clock(3600)
    after = parsedate_to_datetime(client("GET", "limits").headers["Date"])
    practice.advance_clock(-3600)
    assert 3600 <= (after - before).total_seconds() < 3630


def test_gzip_both_ways(client: Client, unique: str) -> None:
    body = gzip.compress(json.dumps({"Name": unique}).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert client("POST", "sobjects/Account", data=body, headers=headers).status_code == 201
    describe = client("GET", "sobjects/Account/describe")
    assert describe.headers["Content-Encoding"] == "gzip"
    plain = client("GET", "sobjects/Account/describe", headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.json() == describe.json()


def test_describe_is_not_sent_again_until_it_changes(client: Client, practice: Practice) -> None:
    first = client("GET", "sobjects/Opportunity/describe")
    stamp = first.headers["Last-Modified"]
    again = client("GET", "sobjects/Opportunity/describe", headers={"If-Modified-Since": stamp})
    assert (again.status_code, again.content) == (304, b"")
    assert "ETag" not in first.headers
    practice.schema_change("add_field", object="Opportunity", field="Floor__c", type="string", length=20)
    changed = client("GET", "sobjects/Opportunity/describe", headers={"If-Modified-Since": stamp})
    assert changed.status_code == 200
    assert "Floor__c" in [f["name"] for f in changed.json()["fields"]]


def test_hidden_field_is_gone_from_describe_for_that_profile_only(
    client: Client, reader: Client, practice: Practice
) -> None:
    practice.schema_change("hide_field", object="Account", field="Fax", profile="Read Only")
    assert "Fax" not in [f["name"] for f in reader("GET", "sobjects/Account/describe").json()["fields"]]
    assert "Fax" in [f["name"] for f in client("GET", "sobjects/Account/describe").json()["fields"]]
    assert reader.soql("SELECT Fax FROM Account").json()[0]["errorCode"] == "INVALID_FIELD"


def test_basic_information_counts_and_recent(client: Client, unique: str) -> None:
    client("POST", "sobjects/Account", json={"Name": unique})
    info = client("GET", "sobjects/Account/").json()
    assert info["objectDescribe"]["keyPrefix"] == "001"
    counted = client("GET", "limits/recordCount?sObjects=Account,Nonsense").json()["sObjects"]
    assert [c["name"] for c in counted] == ["Account"]
    assert counted[0]["count"] == client.soql("SELECT COUNT() FROM Account").json()["totalSize"]
    recent = client("GET", "recent?limit=200").json()
    assert unique in [item["Name"] for item in recent if item["attributes"]["type"] == "Account"]


def test_search_finds_by_name_mail_and_phone(client: Client, unique: str) -> None:
    body = {"LastName": unique, "Email": f"{unique}@find.example", "Phone": f"555-{unique}"}
    record_id = client("POST", "sobjects/Contact", json=body).json()["id"]
    sosl = f"FIND {{{unique}}} IN ALL FIELDS RETURNING Contact(Id, LastName WHERE LastName != null LIMIT 5)"
    found = client("GET", "search", params={"q": sosl}).json()["searchRecords"]
    assert [(r["Id"], r["LastName"]) for r in found] == [(record_id, unique)]
    by_phone = client("GET", f"parameterizedSearch?q=555-{unique}&in=PHONE&sobject=Contact&Contact.fields=Id")
    assert [r["Id"] for r in by_phone.json()["searchRecords"]] == [record_id]
    posted = {"q": f"{unique}@find.example", "in": "EMAIL", "sobjects": [{"name": "Contact", "fields": ["Email"]}]}
    assert len(client("POST", "parameterizedSearch", json=posted).json()["searchRecords"]) == 1
    bad = client("GET", "search?q=FIND x").json()[0]
    assert bad["message"] == "No search term found. The search term must be enclosed in braces."
