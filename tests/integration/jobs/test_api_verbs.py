"""Every verb of the API does what the verb of core does, for whom its role is open, on the real org."""

from __future__ import annotations

from typing import Any

import pytest

from core.api.verbs import VERBS
from tests.integration.kit import BY_HAND, Desk, api_of

EVERY = {"jobs/{name}": "jobs/contacts_out", "{id}": "none", "{sobject}": "Contact", "{list}": "outcomes",
         "{kind}": "person", "{name}": "budget"}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "createJob": {"template": "calls_out"}, "enableJob": {}, "tryJob": {"user": "x@team.example"}, "retry": {},
    "decide": {"items": ["a:b"], "choice": "new"}, "optIn": {"person": 1, "channel": "email", "evidence": "asked"},
    "importLists": {"sobject": "Contact", "views": ["V"]}, "exclude": {"kind": "domain", "values": ["a.example"]},
    "include": {"kind": "domain", "values": ["a.example"]}, "setWords": {"words": ["a"]},
    "addField": {"kind": "person", "name": "budget"}, "diffConfig": {"text": "jobs: []"},
    "validateConfig": {"text": "jobs: []"}, "importConfig": {"text": "jobs: []"},
}  # fmt: skip


def address(path: str) -> str:
    for name, value in EVERY.items():
        path = path.replace(name, value)
    return path.removeprefix("/")


@pytest.mark.requirement("X25")
def test_what_a_token_may_ask_for_is_what_its_role_may_do(desk: Desk) -> None:
    viewer, admin = desk.ws.create_token("vi", "viewer"), desk.ws.create_token("ad", "admin")
    open_to_all = {"getJob", "listInbox", "listConsent"}
    with api_of(desk.ws) as send:
        for verb in VERBS:
            body = {"json": BODIES[verb.operation]} if verb.in_body else {}
            told = send(verb.method, address(verb.path), viewer, **body)
            if verb.operation in open_to_all:
                assert told.status_code in (200, 404), (verb, told.text)
            else:
                assert (told.status_code, told.json()["error"]) == (403, "forbidden"), (verb, told.text)
        told = send("POST", "inbox/decisions", admin, json={"items": [], "choise": "new"})
        assert told.status_code == 400
        assert all(name in told.json()["message"] for name in ("items", "choice", "choise")), "all of it is named"
        assert send("GET", "inbox?wombat=1", admin).status_code == 400
        assert send("GET", "inbox", "syn_wrong").status_code == 401


def test_a_team_sets_up_decides_and_takes_back_over_http(desk: Desk) -> None:
    org, token = desk.org, desk.ws.create_token("ad", "admin")
    twins = [org.create("Contact", LastName="Httpson", Email="h@http.example") for _ in range(2)]
    at = desk.clock.now().isoformat()
    desk.work()
    with api_of(desk.ws) as send:

        def ask(method: str, path: str, status: int = 200, **body: Any) -> Any:
            told = send(method, path, token, **({"json": body} if body else {}))
            assert told.status_code == status, (path, told.text)
            return told.json() if told.content else None

        # Words, exclusions, a job from its template.
        ask("PUT", "vocabulary/words/outcomes", 204, words=["connected", "voicemail"])
        ask("PUT", "vocabulary/fields", 204, kind="person", name="budget", type="number")
        words = ask("GET", "vocabulary")
        assert (words["outcomes"], words["fields"][0]["name"]) == (["connected", "voicemail"], "budget")
        assert ask("POST", "exclusions", kind="domain", values=["Rival.example"]) == {"values": ["rival.example"]}
        assert ask("GET", "exclusions")["domain"] == ["rival.example"]
        assert ask("POST", "jobs", 201, template="contacts_out")["name"] == "contacts_out"
        assert {f["severity"] for f in ask("GET", "jobs/contacts_out/findings")} <= {"pass", "warn"}
        desk.ws.save_job(desk.ws.job("contacts_out").model_copy(update={"schedule": BY_HAND}))
        ask("PUT", "jobs/contacts_out/enabled", 204, from_now=True)
        assert ask("GET", "jobs")[0]["is_enabled"] is True
        assert ask("GET", "jobs/contacts_out")["template"] == "contacts_out"

        # One question is decided, the run is looked at and taken back.
        rows = [{"source": "web", "external_id": n, "last_name": "Httpson", "email": f"{n}@http.example",
                 "updated_at": at} for n in ("h", "new")]  # fmt: skip
        assert [r["result"] for r in ask_list(send, token, "people", rows)] == ["created", "created"]
        assert ask("GET", "jobs/contacts_out/backfill")["created"] >= 1
        run = desk.ended(ask("POST", "jobs/contacts_out/runs", 202)["run_id"])
        assert (run["counts"]["created"], run["counts"]["held"]) == (1, 1)
        (asked,) = ask("GET", "inbox?kind=org_match")
        told = ask("POST", "inbox/decisions", items=[asked["item"]], choice="same", org_id=twins[0], note="it is her")
        for run_id in told["runs"]:
            desk.ended(run_id)
        assert ask("GET", "inbox?kind=org_match") == []
        assert ask("GET", f"runs/{run['run_id']}/undo")["deleted"] == 1
        undone = desk.ended(ask("POST", f"runs/{run['run_id']}/undo", 202)["run_id"])
        assert undone["counts"]["deleted"] == 1
        assert org.soql("SELECT Id FROM Contact WHERE Email = 'new@http.example'") == []

        # Lists into a segment, the consent ledger, configuration.
        views = {v["name"] for v in ask("GET", "lists/Contact")}
        assert "Prospecting_List" in views
        made = ask("POST", "lists", 201, sobject="Contact", views=["Prospecting_List"], segment="Hot", new=True)
        assert [j["pairs"][0]["list_views"] for j in made] == [["Prospecting_List"]] * 2
        person = desk.ws.database.one("SELECT id FROM person WHERE external_id = 'h'")
        desk.ws.take_in("optouts", [{"person": {"id": "h"}, "channel": "email", "opted_out": True}])
        ask("POST", "consent/opt-ins", 204, person=person, channel="email", evidence="wrote to us")
        assert [c["state"] for c in ask("GET", f"consent?person={person}")] == ["out", "in"]
        text = ask("GET", "config")["text"]
        assert ask("POST", "config/diff", text=text) == []
        changed = text.replace("- voicemail", "- left a message")
        assert ask("POST", "config/diff", text=changed) == [
            "outcomes: connected, voicemail → connected, left a message."
        ]
        assert "contacts_out" in ask("POST", "config/findings", text=changed)
        ask("PUT", "config", text=changed)
        assert ask("GET", "vocabulary")["outcomes"] == ["connected", "left a message"]
        log = ask("GET", "config/log?limit=3")
        assert (log[0]["kind"], log[0]["actor"]) == ("vocabulary.changed", "token:ad")
        ask("DELETE", "jobs/contacts_out/enabled", 204)
        assert next(j for j in ask("GET", "jobs") if j["name"] == "contacts_out")["is_enabled"] is False


def ask_list(send: Any, token: str, kind: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the intake answers to rows."""
    told = send("POST", kind, token, json=rows)
    assert told.status_code == 200, told.text
    return list(told.json())
