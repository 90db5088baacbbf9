from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.local_org.web.conftest import Client
from tests.practice import Practice

ACCOUNTS = "/data/AccountChangeEvent"
ALL = "/data/ChangeEvents"


class Listener:
    """A CometD client, as bare as can be."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.id = ""

    def send(self, *messages: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
        """Messages in one request, with the client's Id; their answers."""
        body = [{**({"clientId": self.id} if self.id else {}), **message} for message in messages]
        answer = self.client("POST", "/cometd/66.0", json=body, **options)
        assert answer.status_code == 200, answer.text
        replies: list[dict[str, Any]] = answer.json()
        return replies

    def open(self, *channels: str, replay: int | None = None) -> Listener:
        """Shake hands, connect once, subscribe."""
        (hand,) = self.send(
            {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
        )
        assert (hand["successful"], hand["ext"]["replay"]) == (True, True)
        self.id = hand["clientId"]
        (first,) = self.connect()
        assert first["advice"] == {"interval": 0, "timeout": 110000, "reconnect": "retry"}
        for channel in channels:
            assert self.subscribe(channel, replay)["successful"]
        return self

    def subscribe(self, channel: str, replay: Any = None) -> dict[str, Any]:
        """One subscription."""
        ext = {} if replay is None else {"ext": {"replay": {channel: replay}}}
        (reply,) = self.send({"channel": "/meta/subscribe", "subscription": channel, "id": "7", **ext})
        assert reply["id"] == "7"
        return reply

    def connect(self, wait_ms: int | None = None) -> list[dict[str, Any]]:
        """One connect; the events, then its own answer."""
        advice = {} if wait_ms is None else {"advice": {"timeout": wait_ms}}
        return self.send({"channel": "/meta/connect", "connectionType": "long-polling", **advice})

    def events(self) -> list[dict[str, Any]]:
        """What is there now."""
        *found, last = self.connect(0)
        assert last["successful"], last
        return found


def header(event: dict[str, Any]) -> dict[str, Any]:
    """The header of an event."""
    found: dict[str, Any] = event["data"]["payload"]["ChangeEventHeader"]
    return found


@pytest.fixture
def listener(client: Client) -> Listener:
    """An administrator's."""
    return Listener(client)


def test_what_happens_to_a_record_is_told(listener: Listener, practice: Practice, unique: str) -> None:
    listener.open(ACCOUNTS)
    made = practice.create("Account", Name=unique, BillingCity="Reno", NumberOfEmployees=5)
    practice.update("Account", made, Phone="1", BillingCity=None)
    practice.delete("Account", made)
    practice._control("POST", "undelete", {"object": "Account", "ids": [made]})
    events = listener.events()
    assert [header(e)["changeType"] for e in events] == ["CREATE", "UPDATE", "DELETE", "UNDELETE"]
    assert {e["channel"] for e in events} == {ACCOUNTS}
    assert all(header(e)["recordIds"] == [made] and header(e)["entityName"] == "Account" for e in events)
    create, update, delete, back = (e["data"]["payload"] for e in events)
    assert (create["Name"], create["BillingAddress"]["City"], create["NumberOfEmployees"]) == (unique, "Reno", 5)
    assert create["CreatedDate"].endswith("Z")
    assert "Fax" not in create
    assert {"Phone", "BillingAddress", "ChangeEventHeader"} <= set(update) <= {
        "Phone", "BillingAddress", "ChangeEventHeader", "LastModifiedDate", "LastModifiedById"
    }  # fmt: skip
    assert update["BillingAddress"] == {"City": None}
    assert {"Phone", "BillingAddress.City"} <= set(update["ChangeEventHeader"]["changedFields"])
    assert update["ChangeEventHeader"]["nulledFields"] == ["BillingAddress.City"]
    assert set(delete) == {"ChangeEventHeader"}
    assert back["Name"] == unique
    replays = [e["data"]["event"]["replayId"] for e in events]
    assert replays == sorted(set(replays))
    assert header(events[0])["commitUser"] == practice.user()["id"]


def test_a_waiting_connect_hears_of_a_commit(listener: Listener, practice: Practice, unique: str) -> None:
    listener.open(ALL)
    heard: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: heard.extend(listener.connect(20_000)))
    thread.start()
    time.sleep(0.3)
    made = practice.create("Task", Subject=unique)
    thread.join(timeout=15)
    assert [header(e)["recordIds"] for e in heard[:-1]] == [[made]]
    assert heard[0]["channel"] == ALL
    assert heard[0]["data"]["payload"]["Subject"] == unique


def test_what_is_rolled_back_is_never_told(listener: Listener, client: Client, unique: str) -> None:
    listener.open(ACCOUNTS)
    bad = [{"attributes": {"type": "Account"}, "Name": unique}, {"attributes": {"type": "Account"}}]
    client.collection(bad, allOrNone=True)
    assert listener.events() == []


def test_one_transaction_has_one_key_and_one_event_for_the_same_change(
    listener: Listener, practice: Practice, unique: str
) -> None:
    ids = practice.create_many("Account", [{"Name": f"{unique} {n}"} for n in range(3)])
    listener.open(ACCOUNTS)
    body = {"records": [{"attributes": {"type": "Account"}, "id": one, "Phone": unique[-9:]} for one in ids]}
    practice.rest("PATCH", "composite/sobjects", json=body)
    (event,) = listener.events()
    assert header(event)["recordIds"] == ids
    practice.create_many("Account", [{"Name": f"{unique} b{n}"} for n in range(2)])
    first, second = map(header, listener.events())
    assert first["transactionKey"] == second["transactionKey"] != header(event)["transactionKey"]
    assert (first["sequenceNumber"], second["sequenceNumber"]) == (1, 2)


def test_replay(listener: Listener, client: Client, practice: Practice, unique: str) -> None:
    listener.open(ACCOUNTS)
    ids = [practice.create("Account", Name=f"{unique} {n}") for n in range(3)]
    marks = [e["data"]["event"]["replayId"] for e in listener.events()]
    later = Listener(client).open(ACCOUNTS, replay=marks[0])
    assert [header(e)["recordIds"] for e in later.events()] == [[ids[1]], [ids[2]]]
    everything = Listener(client).open(ACCOUNTS, replay=-2)
    told = everything.events()
    while more := everything.events():
        told += more
    assert [header(e)["recordIds"][0] for e in told][-3:] == ids
    assert Listener(client).open(ACCOUNTS, replay=-1).events() == []
    for lost in (marks[2] + 1000, "x", 1.5, True):
        refused = listener.subscribe(ACCOUNTS, lost)
        assert refused["error"].startswith(f"400::The replayId {{{lost}}} you provided was invalid. Please provide")
    practice._control("DELETE", "events")
    assert listener.subscribe(ACCOUNTS, marks[0])["successful"] is False
    assert listener.subscribe(ACCOUNTS, marks[2])["successful"] is True


def test_events_are_kept_for_three_days(listener: Listener, practice: Practice, unique: str) -> None:
    listener.open(ACCOUNTS)
    practice.create("Account", Name=unique)
    mark = listener.events()[0]["data"]["event"]["replayId"]
    practice.create("Account", Name=unique + " again")
    try:
        practice.advance_clock(73 * 3600)
        fresh = Listener(Client(practice, practice.token()))
        fresh.open()
        assert "replayId" in fresh.subscribe(ACCOUNTS, mark)["error"]
    finally:
        practice.advance_clock(-73 * 3600)


@pytest.mark.parametrize(
    ("channel", "error"),
    [
        ("/data/NothingChangeEvent", "403::Cannot create channel /data/NothingChangeEvent"),
        ("data/ChangeEvents", "400::Channel subscriptions must start with a leading '/'"),
        ("", "400::Channel name not specified"),
    ],
)
def test_channels_that_are_refused(listener: Listener, channel: str, error: str) -> None:
    assert listener.open().subscribe(channel)["error"] == error


def test_who_may_listen(reader: Client, practice: Practice, unique: str) -> None:
    refused = Listener(reader).open().subscribe(ALL)
    assert refused["error"] == "403::User not allowed to subscribe CDC without View All Data permissions"
    practice.schema_change("hide_field", object="Account", field="Phone", profile="Integration")
    try:
        listener = Listener(Client(practice, practice.token("integration@practice.example"))).open(ACCOUNTS)
        practice.create("Account", Name=unique, Phone="1", Fax="2")
        (event,) = listener.events()
        assert ("Phone" in event["data"]["payload"], event["data"]["payload"]["Fax"]) == (False, "2")
    finally:
        practice.schema_change("show_field", object="Account", field="Phone", profile="Integration")


def test_custom_objects_and_new_fields(listener: Listener, practice: Practice, unique: str) -> None:
    names = {e["name"] for e in practice.rest("GET", "sobjects")["sobjects"] if e["custom"]}
    practice.schema_change("add_field", object="Account", field=f"{unique}__c", type="string", length=20)
    channels = [f"/data/{name.removesuffix('__c')}__ChangeEvent" for name in sorted(names)]
    listener.open(ACCOUNTS, *channels)
    practice.create("Account", Name=unique, **{f"{unique}__c": "new"})
    (event,) = listener.events()
    assert event["data"]["payload"][f"{unique}__c"] == "new"


def test_clients_that_are_not_known_shake_hands_again(listener: Listener, practice: Practice) -> None:
    listener.open(ALL)
    practice._control("DELETE", "clients")
    (reply,) = listener.connect(0)
    assert (reply["error"], reply["advice"]) == ("403::Unknown client", {"interval": 0, "reconnect": "handshake"})


def test_a_session_that_ends(listener: Listener, practice: Practice, client: Client) -> None:
    listener.open(ALL)
    practice.end_sessions()
    (reply,) = listener.connect(0)
    assert (reply["error"], reply["advice"]["reconnect"]) == ("401::Authentication invalid", "none")
    (hand,) = Listener(client).send({"channel": "/meta/handshake", "version": "1.0"})
    assert (hand["error"], hand["ext"]["sfdc"]) == (
        "403::Handshake denied", {"failureReason": "401::Authentication invalid"}
    )  # fmt: skip
    client.http.headers.pop("Authorization")
    (hand,) = Listener(client).send({"channel": "/meta/handshake", "version": "1.0"})
    assert hand["ext"]["sfdc"]["failureReason"] == "401::Request requires authentication"


def test_a_session_that_ends_while_the_client_waits(listener: Listener, practice: Practice) -> None:
    listener.open(ALL)
    heard: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: heard.extend(listener.connect(20_000)))
    thread.start()
    time.sleep(0.3)
    practice.end_sessions()
    thread.join(timeout=15)
    assert heard[-1]["error"] == "401::Authentication invalid"


def test_gap_events_and_lost_places(listener: Listener, practice: Practice, unique: str) -> None:
    listener.open(ACCOUNTS)
    practice.fault_on("event_gap", count=1)
    made = practice.create("Account", Name=unique)
    (event,) = listener.events()
    assert (header(event)["changeType"], header(event)["recordIds"]) == ("GAP_CREATE", [made])
    assert set(event["data"]["payload"]) == {"ChangeEventHeader"}
    practice.fault_on("event_lost", count=1)
    assert "replayId" in listener.subscribe(ACCOUNTS, event["data"]["event"]["replayId"])["error"]


def test_unsubscribe_and_disconnect(listener: Listener, practice: Practice, unique: str) -> None:
    listener.open(ACCOUNTS)
    (reply,) = listener.send({"channel": "/meta/unsubscribe", "subscription": ACCOUNTS})
    assert reply["successful"]
    practice.create("Account", Name=unique)
    assert listener.events() == []
    assert listener.send({"channel": "/meta/disconnect"})[0]["successful"]
    assert listener.connect(0)[0]["error"] == "403::Unknown client"


def test_no_calls_are_counted(listener: Listener, practice: Practice) -> None:
    practice.reset_calls()
    listener.open(ALL).events()
    assert practice.api_calls() == 0


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/cometd", [], 400, "API version in the URI is mandatory"),
        ("/cometd/30.0", [], 400, "Only API versions '37.0' and later"),
        ("/cometd/66.0", [], 400, "JSON_PARSER_ERROR"),
        ("/cometd/66.0", [1], 400, "JSON_PARSER_ERROR"),
        ("/cometd/66.0", "x" * 40_000, 413, "Maximum Request Size Exceeded"),
        ("/cometd/66.0/nothing", {}, 404, "NOT_FOUND"),
    ],
)
def test_requests_that_are_refused(client: Client, path: str, body: Any, status: int, text: str) -> None:
    answer = client("POST", path, json=body)
    assert answer.status_code == status
    assert text in answer.text
    assert client("GET", "/cometd/66.0").status_code == 405


def test_a_late_commit_is_told_once_it_commits(
    client: Client, listener: Listener, practice: Practice, unique: str
) -> None:
    listener.open(ACCOUNTS)
    with practice.fault("late_commit", count=1, value="1"):
        client("POST", "sobjects/Account", json={"Name": unique})
    (event,) = listener.events()
    (row,) = practice.soql(f"SELECT SystemModstamp FROM Account WHERE Name = '{unique}'")
    told = datetime.fromtimestamp(header(event)["commitTimestamp"] / 1000, UTC)
    assert told.strftime("%Y-%m-%dT%H:%M:%S") > row["SystemModstamp"][:19]
