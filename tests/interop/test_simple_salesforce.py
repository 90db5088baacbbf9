from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

from tests.practice import Practice


class Redirected(requests.Session):
    """Sends the addresses that the client has built in to the practice org, which holds a certificate for them."""

    def __init__(self, practice: Practice) -> None:
        super().__init__()
        self.verify, self.trust_env = practice.env["ca_file"], False
        self._host = practice.base_url.removeprefix("https://")

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        parts = urlsplit(str(url))
        if parts.netloc.endswith("salesforce.com"):
            url = urlunsplit(parts._replace(netloc=self._host))
        return super().request(method, url, *args, **options)


@pytest.fixture
def peer(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The real client, as its users call it; only its nap of five seconds between two looks at a job is cut short."""
    nap = time.sleep
    monkeypatch.setattr("simple_salesforce.bulk.sleep", lambda seconds: nap(0.05))
    return Salesforce(
        instance=practice.base_url.removeprefix("https://"),
        session_id=practice.token(),
        session=Redirected(practice),
        version="66.0",
    )


def test_rows_and_queries(peer: Any, unique: str) -> None:
    made = peer.Account.create({"Name": unique})
    peer.Account.update(made["id"], {"Phone": "1"})
    assert peer.Account.get(made["id"])["Phone"] == "1"
    assert peer.query(f"SELECT Id FROM Account WHERE Name = '{unique}'")["totalSize"] == 1
    assert peer.Account.describe()["keyPrefix"] == "001"
    assert peer.Account.delete(made["id"]) == 204
    assert len(list(peer.query_all_iter(f"SELECT Id FROM Account WHERE Name = '{unique}'"))) == 0


def test_upsert_and_usage(peer: Any, unique: str) -> None:
    assert peer.Task.upsert(f"Syncline_Key__c/{unique}", {"Subject": "Call"}) == 201
    assert peer.Task.upsert(f"Syncline_Key__c/{unique}", {"Subject": "Call"}) == 200
    assert peer.Task.get_by_custom_id("Syncline_Key__c", unique)["Subject"] == "Call"
    assert peer.limits()["DailyApiRequests"]["Max"] == 15000
    assert peer.api_usage["api-usage"].total == 15000


def test_layouts_and_metadata(peer: Any) -> None:
    master = "012000000000000AAA"
    assert "editLayoutSections" in peer.Task.describe_layout(master)
    assert {"Account", "Task"} <= {entry["name"] for entry in peer.describe()["sobjects"]}
    assert peer.Task.metadata()["objectDescribe"]["name"] == "Task"


@pytest.mark.parametrize("form", ["serial", "parallel"])
def test_bulk_saves_with_details_per_row(peer: Any, practice: Practice, unique: str, form: str) -> None:
    rows = [{"LastName": f"{unique} {n}"} for n in range(25)] + [{"Title": "no name"}]
    results = peer.bulk.Contact.insert(rows, batch_size=10, use_serial=form == "serial")
    assert [row["success"] for row in results] == [True] * 25 + [False]
    assert results[-1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    ids = [{"Id": row["id"], "Title": unique} for row in results[:25]]
    detailed = peer.bulk.Contact.update(ids, include_detailed_results=True)
    assert {row["Title"] for row in detailed} == {unique}
    assert all(row["success"] for row in peer.bulk.Contact.delete([{"Id": row["Id"]} for row in ids]))
    assert practice.count(f"SELECT COUNT() FROM Contact WHERE Title = '{unique}'") == 0


def test_bulk_upsert_and_queries(peer: Any, practice: Practice, unique: str) -> None:
    rows = [{"Syncline_Key__c": f"{unique} {n}", "Subject": unique} for n in range(3)]
    assert [row["created"] for row in peer.bulk.Task.upsert(rows, "Syncline_Key__c")] == [True] * 3
    assert [row["created"] for row in peer.bulk.Task.upsert(rows, "Syncline_Key__c")] == [False] * 3
    query = f"SELECT Id, Subject, CreatedDate FROM Task WHERE Subject = '{unique}'"
    found = peer.bulk.Task.query(query)
    assert (len(found), {row["Subject"] for row in found}) == (3, {unique})
    assert all(isinstance(row["CreatedDate"], int) for row in found)
    peer.bulk.Task.delete([{"Id": found[0]["Id"]}])
    assert len(peer.bulk.Task.query_all(query)) == 3


def test_bulk2_insert_update_and_query(peer: Any, practice: Practice, unique: str, tmp_path: Path) -> None:
    records = [{"LastName": f"{unique} {n}", "Title": unique} for n in range(50)]
    (outcome,) = peer.bulk2.Contact.insert(records=records, wait=0.05)
    assert (outcome["numberRecordsProcessed"], outcome["numberRecordsFailed"]) == (50, 0)
    pages = list(peer.bulk2.Contact.query(f"SELECT Id, LastName FROM Contact WHERE Title = '{unique}'", wait=0.05))
    assert sum(page.count(unique) for page in pages) == 50


def test_errors_come_as_its_own_exceptions(peer: Any, practice: Practice) -> None:
    with pytest.raises(SalesforceMalformedRequest, match="MALFORMED_QUERY"):
        peer.query("SELECT FROM Account")
    with pytest.raises(SalesforceResourceNotFound):
        peer.Account.get("001000000000000AAA")
    with pytest.raises(SalesforceMalformedRequest, match="InvalidJob"):
        peer.bulk.Nonsense.insert([{"Name": "x"}])
    practice.end_sessions()
    with pytest.raises(SalesforceExpiredSession, match="Session expired or invalid"):
        peer.query("SELECT Id FROM Account")


@pytest.mark.parametrize("way", ["password", "jwt", "client_credentials"])
def test_signs_in(practice: Practice, way: str) -> None:
    user, env = practice.user(), practice.env
    ways: dict[str, dict[str, Any]] = {
        "password": {"username": user["username"], "password": user["password"], "security_token": ""},
        "jwt": {
            "username": user["username"],
            "consumer_key": env["client_id"],
            "privatekey_file": env["jwt_key_file"],
        },
        "client_credentials": {
            "consumer_key": env["client_id"],
            "consumer_secret": env["client_secret"],
            "domain": "practice.my",
        },
    }
    peer = Salesforce(session=Redirected(practice), version="66.0", **ways[way])
    assert peer.query("SELECT Id FROM Organization")["records"][0]["Id"] == env["org_id"]
    assert peer.sf_instance == practice.base_url.removeprefix("https://")


def test_wrong_password(practice: Practice) -> None:
    with pytest.raises(SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
        Salesforce(
            username=practice.user()["username"], password="wrong", security_token="", session=Redirected(practice)
        )
