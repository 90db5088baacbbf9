"""A client may leave the prefix of one package away, and gets full names back."""

from __future__ import annotations

from typing import Any

from local_org.org.catalog import files, standard_schema
from local_org.web.namespaces import asked
from tests.local_org.web.conftest import Client
from tests.local_org.web.test_bulk import wait

OPTION = {"Sforce-Call-Options": "client=tests, defaultNamespace=ns"}


def test_only_names_of_the_namespace_are_filled_up() -> None:
    schema = files.grown(standard_schema(), files.named("ascendix"))
    names = asked(schema, {"sforce-call-options": "defaultNamespace=ascendix"})
    assert names is not None
    text = "SELECT Market__r.Name, (SELECT Id FROM Properties_Owned__r) FROM Account WHERE X__c = 'City__c'"
    assert names.text(text) == (
        "SELECT ascendix__Market__r.Name, (SELECT Id FROM ascendix__Properties_Owned__r) FROM Account "
        "WHERE X__c = 'City__c'"
    )
    assert names.text("ascendix__City__c, city__c") == "ascendix__City__c, ascendix__City__c"
    assert names.body({"Name": "City__c", "City__c": "Reno"}) == {"Name": "City__c", "ascendix__City__c": "Reno"}
    assert asked(schema, {"sforce-call-options": "client=x"}) is None


def test_rows_queries_and_subrequests_leave_the_prefix_away(client: Client, unique: str) -> None:
    practice = client.practice
    field = {"name": "ns__Tag__c", "type": "string", "length": 40, "external_id": True}
    practice.schema_change("add_object", object="ns__Boat__c", label="Boat", fields=[field])
    made = client("POST", "sobjects/Boat__c", json={"Name": unique, "Tag__c": unique}, headers=OPTION)
    assert made.status_code == 201, made.text
    row = client("GET", f"query?q=SELECT Tag__c FROM Boat__c WHERE Tag__c = '{unique}'", headers=OPTION).json()
    assert row["records"][0]["attributes"]["type"] == "ns__Boat__c"
    assert row["records"][0]["ns__Tag__c"] == unique
    by_key = f"sobjects/boat__c/Tag__c/{unique}"
    assert client("GET", by_key, headers=OPTION).json()["Id"] == made.json()["id"]
    assert client("GET", by_key).status_code == 404
    records = [{"attributes": {"type": "Boat__c"}, "Name": "two", "Tag__c": unique + "2"}]
    assert client("POST", "composite/sobjects", json={"records": records}, headers=OPTION).json()[0]["success"]
    inner = {"method": "GET", "url": f"/services/data/v66.0/{by_key}", "referenceId": "a"}
    answer = client("POST", "composite", json={"compositeRequest": [inner]}, headers=OPTION).json()
    assert answer["compositeResponse"][0]["httpStatusCode"] == 200
    job = client("POST", "jobs/ingest", json={"object": "Boat__c", "operation": "insert"}, headers=OPTION).json()
    text = f'"Name","Tag__c"\n"Tag__c","{unique}3"\n'
    path, csv_type = "/" + job["contentUrl"], {"Content-Type": "text/csv"}
    assert client("PUT", path, data=text, headers=OPTION | csv_type).status_code == 201
    client("PATCH", f"jobs/ingest/{job['id']}", json={"state": "UploadComplete"})
    assert wait(client, "ingest", job["id"])["numberRecordsFailed"] == 0
    assert practice.soql(f"SELECT Name FROM ns__Boat__c WHERE ns__Tag__c = '{unique}3'") == [{"Name": "Tag__c"}]
    parts: Any = {
        "job": (None, '{"object":"Boat__c","operation":"insert"}', "application/json"),
        "content": ("content", f"Name,Tag__c\nfour,{unique}4\n", "text/csv"),
    }
    job = client("POST", "jobs/ingest", files=parts, headers=OPTION).json()
    assert wait(client, "ingest", job["id"])["numberRecordsFailed"] == 0
