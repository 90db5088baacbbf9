from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
)
from simple_salesforce.login import SalesforceLogin

from tests.practice import Practice


@pytest.fixture
def peer(practice: Practice) -> Any:
    """The real client, as its users call it."""
    session = requests.Session()
    session.verify, session.trust_env = practice.env["ca_file"], False
    return Salesforce(
        instance=practice.base_url.removeprefix("https://"),
        session_id=practice.token(),
        session=session,
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
    assert peer.limits()["DailyApiRequests"]["Max"] == 15000
    assert peer.api_usage["api-usage"].total == 15000


def test_bulk2_insert_update_and_query(peer: Any, practice: Practice, unique: str, tmp_path: Path) -> None:
    records = [{"LastName": f"{unique} {n}", "Title": unique} for n in range(50)]
    (outcome,) = peer.bulk2.Contact.insert(records=records, wait=0.05)
    assert (outcome["numberRecordsProcessed"], outcome["numberRecordsFailed"]) == (50, 0)
    pages = list(peer.bulk2.Contact.query(f"SELECT Id, LastName FROM Contact WHERE Title = '{unique}'", wait=0.05))
    assert sum(page.count(unique) for page in pages) == 50


def test_errors_come_as_its_own_exceptions(peer: Any, practice: Practice) -> None:
    with pytest.raises(SalesforceMalformedRequest, match="MALFORMED_QUERY"):
        peer.query("SELECT FROM Account")
    practice.end_sessions()
    with pytest.raises(SalesforceExpiredSession, match="Session expired or invalid"):
        peer.query("SELECT Id FROM Account")


def test_login_by_jwt_and_by_client_credentials(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", practice.env["ca_file"])
    domain = practice.base_url.removeprefix("https://")
    url = f"{practice.base_url}/services/oauth2/token"
    answer = requests.post(
        url,
        data={"grant_type": "client_credentials"},
        auth=(practice.env["client_id"], practice.env["client_secret"]),
        timeout=10,
    ).json()
    peer = Salesforce(instance=domain, session_id=answer["access_token"], version="66.0")
    assert peer.query("SELECT Id FROM Organization")["records"][0]["Id"] == practice.env["org_id"]


def test_login_by_password(practice: Practice) -> None:
    user = practice.user()
    session = requests.Session()
    session.verify, session.trust_env = practice.env["ca_file"], False
    url = f"{practice.base_url}/services/Soap/u/59.0"

    def login(password: str) -> tuple[str, str]:
        peer_session, host = SalesforceLogin(
            username=user["username"],
            password=password,
            security_token="",
            session=Redirected(session, url),
        )
        return str(peer_session), str(host)

    session_id, host = login(user["password"])
    assert host == practice.base_url.removeprefix("https://")
    peer = Salesforce(instance=host, session_id=session_id, session=session, version="66.0")
    assert peer.query("SELECT Id FROM Organization")["totalSize"] == 1
    with pytest.raises(SalesforceAuthenticationFailed, match="INVALID_LOGIN"):
        login("wrong")


class Redirected(requests.Session):
    """Sends the client's fixed login address to the practice org."""

    def __init__(self, session: requests.Session, url: str) -> None:
        super().__init__()
        self.verify, self.trust_env = session.verify, False
        self._url = url

    def post(self, url: Any, *args: Any, **options: Any) -> requests.Response:
        return super().post(self._url, *args, **options)
