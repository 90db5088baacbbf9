"""Rules of a field and of a job, end to end: blanks, long texts, owners, toggles, logging, follow-ups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.mapping.spec import Blank, Condition, FieldMapping, JobSpec, Overflow
from tests.integration.kit import Desk, add_job

PHONES = "Title, Phone, MobilePhone, OtherPhone"


def remapped(desk: Desk, spec: JobSpec, **changes: dict[str, Any]) -> JobSpec:
    """The job saved with field mappings changed by target, or added."""
    pair = spec.pairs[0]
    have = {m.target: m for m in pair.mappings}
    for target, change in changes.items():
        have[target] = (
            have[target].model_copy(update=change) if target in have else FieldMapping(target=target, **change)
        )
    pair = pair.model_copy(update={"mappings": tuple(have.values())})
    return desk.ws.save_job(spec.model_copy(update={"pairs": (pair, *spec.pairs[1:])}))


def person(desk: Desk, **changes: Any) -> None:
    at = desk.clock.now().isoformat()
    row = {"source": "app", "external_id": "pat", "last_name": "Pattern", "email": "pat@pattern.example"}
    desk.ws.take_in("people", [{**row, "updated_at": at, **changes}])


def of_pat(desk: Desk, fields: str = PHONES) -> dict[str, Any]:
    (row,) = desk.org.soql(f"SELECT {fields} FROM Contact WHERE Email = 'pat@pattern.example'")
    return row


@pytest.mark.requirement("A6")
def test_blank_rules_outbound(desk: Desk) -> None:
    """Clear, never clear, fill only if empty, create only: what an emptied and what a new value does in the org."""
    spec = add_job(desk.ws, "contacts_out")
    rules = {"Title": Blank.CLEAR, "Phone": Blank.NEVER_CLEAR, "MobilePhone": Blank.FILL_ONLY,
             "OtherPhone": Blank.CREATE_ONLY}  # fmt: skip
    remapped(desk, spec, **{target: {"blank": rule} for target, rule in rules.items()})
    person(desk, title="Broker", phone="312 555 0101", mobile_phone="312 555 0102", other_phone="312 555 0103")
    assert desk.run("contacts_out")["counts"]["created"] == 1
    first = of_pat(desk)
    assert all(first.values())
    desk.advance(60)
    person(desk, title=None, phone=None, mobile_phone=None, other_phone=None)
    desk.run("contacts_out")
    assert of_pat(desk) == {**first, "Title": None}
    desk.advance(60)
    person(desk, title="Partner", phone="312 555 0201", mobile_phone="312 555 0202", other_phone="312 555 0203")
    desk.run("contacts_out")
    assert of_pat(desk) == {**first, "Title": "Partner", "Phone": "312 555 0201"}
    contact = of_pat(desk, "Id")["Id"]
    desk.org.update("Contact", contact, MobilePhone=None)
    desk.advance(60)
    person(desk, mobile_phone="312 555 0302")
    desk.run("contacts_out")
    assert of_pat(desk)["MobilePhone"] == "312 555 0302"


@pytest.mark.requirement("A6")
def test_blank_rules_inbound(desk: Desk) -> None:
    contact = desk.org.create(
        "Contact", LastName="Pattern", Email="ivy@pattern.example", Title="Broker", Phone="1", MobilePhone="2",
        OtherPhone="3",
    )  # fmt: skip
    spec = add_job(desk.ws, "people_in")
    names = {"title": Blank.CLEAR, "phone": Blank.NEVER_CLEAR, "mobile_phone": Blank.FILL_ONLY,
             "other_phone": Blank.CREATE_ONLY}  # fmt: skip
    remapped(desk, spec, **{target: {"blank": rule} for target, rule in names.items()})

    def here() -> tuple[Any, ...]:
        query = "SELECT title, phone, mobile_phone, other_phone FROM person WHERE email = 'ivy@pattern.example'"
        return desk.ws.database.read(query).row(0)

    desk.run("people_in")
    assert here() == ("Broker", "1", "2", "3")
    desk.org.update("Contact", contact, Title=None, Phone=None, MobilePhone=None, OtherPhone=None)
    desk.run("people_in")
    assert here() == (None, "1", "2", "3")
    desk.org.update("Contact", contact, Title="Partner", Phone="11", MobilePhone="22", OtherPhone="33")
    desk.run("people_in")
    assert here() == ("Partner", "11", "2", "3")


@pytest.fixture
def call(desk: Desk) -> Callable[..., dict[str, Any]]:
    """Takes a call to a contact of the org in, after the people have come."""
    add_job(desk.ws, "accounts_in")
    add_job(desk.ws, "people_in")
    desk.run("accounts_in")
    desk.run("people_in")
    who = desk.org.soql("SELECT Id, AccountId FROM Contact WHERE AccountId != null AND Email != null LIMIT 1")[0]

    def make(external_id: str, **changes: Any) -> dict[str, Any]:
        at = desk.clock.now().isoformat()
        row = {"source": "dialer", "external_id": external_id, "kind": "call", "occurred_at": at, "updated_at": at,
               "person": {"id": who["Id"]}, "duration_s": 60, "direction": "outbound", "outcome": "connected",
               "notes": external_id, **changes}  # fmt: skip
        (answer,) = desk.ws.take_in("activities", [row])
        assert answer.result == "created", answer
        return who

    return make


def described(desk: Desk, start: str) -> list[dict[str, Any]]:
    """Tasks whose subject or description begins so."""
    fields = "Subject, Description, WhoId, OwnerId, Status, Type, CallDisposition, Call_Outcome__c, CreatedDate"
    found = desk.org.soql(f"SELECT {fields} FROM Task WHERE CreatedDate = TODAY OR CreatedDate = TOMORROW")
    return [t for t in found if (t["Description"] or "").startswith(start) or t["Subject"].startswith(start)]


@pytest.mark.requirement("T3", "T9")
def test_long_texts_are_held_cut_or_spilled_into_notes(desk: Desk, call: Callable[..., dict[str, Any]]) -> None:
    text = "".join(f"spill {i:06d} " for i in range(5_000))
    assert len(text) == 65_000
    spec = add_job(desk.ws, "calls_out")
    assert spec.pairs[0].mapping_of("Description").overflow is Overflow.HOLD  # type: ignore[union-attr]
    who = call("long-1", notes=text)
    info = desk.run("calls_out")
    assert (info["counts"]["held"], described(desk, "spill")) == (1, [])
    assert desk.ws.run_results(info["run_id"], outcome="held")["cause"].to_list() == ["too_long"]

    remapped(desk, spec, Description={"overflow": Overflow.CUT})
    assert desk.ended(desk.ws.retry(job="calls_out")[0])["counts"]["created"] == 1
    (cut,) = described(desk, "spill")
    assert len(cut["Description"]) == 32_000
    assert cut["Description"].endswith("… [cut]")

    remapped(desk, desk.ws.job("calls_out"), Description={"overflow": Overflow.SPILL})
    assert "spill_without_notes" in {f.code for f in desk.ws.validate("calls_out")}
    add_job(desk.ws, "notes_out")
    assert "spill_without_notes" not in {f.code for f in desk.ws.validate("calls_out")}
    call("long-2", notes=text.replace("spill", "whole"))
    assert desk.run("calls_out")["counts"]["created"] == 1
    (short,) = described(desk, "whole")
    assert short["Description"].endswith("… [whole text in a note]")
    assert desk.run("notes_out")["counts"]["created"] == 3
    notes = [t for t in described(desk, "Call with") if "Description" in t["Subject"]]
    assert sorted(t["Subject"].rpartition("Description ")[2] for t in notes) == ["1 of 3", "2 of 3", "3 of 3"]
    assert {t["WhoId"] for t in notes} == {who["Id"]}
    inside = "".join(t["Description"] for t in sorted(notes, key=lambda t: t["Subject"]))
    assert inside.replace(" ", "") == text.replace("spill", "whole").replace(" ", "")
    assert desk.run("notes_out")["counts"]["created"] == 0


@pytest.mark.requirement("T12")
def test_owners_are_the_callers_or_the_integration_user(desk: Desk, call: Callable[..., dict[str, Any]]) -> None:
    org_users = {u["Email"]: u for u in desk.org.soql("SELECT Id, Email, IsActive FROM User WHERE Email != null")}
    active = next(e for e, u in org_users.items() if u["IsActive"] and "integration" not in e)
    gone = next(e for e, u in org_users.items() if not u["IsActive"] and e.endswith("harbor-pine.example"))
    own = desk.org.user("Integration")["id"]
    desk.ws.take_in("users", [{"email": e, "name": e} for e in (active.upper(), gone, "nobody@else.example")])
    told = {u["email"]: u for u in desk.ws.users().iter_rows(named=True)}
    assert told[active.lower()]["org_user_id"] == org_users[active]["Id"], "suggested by e-mail"
    assert told[active.lower()]["linked_how"] == "email"
    assert told["nobody@else.example"]["org_user_id"] is None
    assert told[gone]["org_is_active"] is False, "an inactive owner is shown as one"
    spec = add_job(desk.ws, "calls_out")
    for name, user in (("own-1", active), ("own-2", "nobody@else.example"), ("own-3", gone)):
        call(name, user=user)
    assert desk.run("calls_out")["counts"]["created"] == 3
    owners = {t["Description"]: t["OwnerId"] for t in described(desk, "own-")}
    assert owners == {"own-1": org_users[active]["Id"], "own-2": own, "own-3": own}

    desk.ws.link_user("nobody@else.example", org_users[active]["Id"])
    spec = desk.ws.save_job(spec.model_copy(update={"inactive_owner": "hold"}))
    call("own-4", user="nobody@else.example")
    call("own-5", user=gone)
    counts = desk.run("calls_out")["counts"]
    assert (counts["created"], counts["held"]) == (1, 1)
    assert described(desk, "own-4")[0]["OwnerId"] == org_users[active]["Id"], "linked by hand"
    (held,) = desk.ws.open_rows(job="calls_out").iter_rows(named=True)
    assert (held["cause"], held["field"]) == ("inactive_owner", "OwnerId")

    desk.ws.save_job(spec.model_copy(update={"owner_rule": "integration_user"}))
    call("own-6", user=active)
    desk.run("calls_out")
    assert described(desk, "own-6")[0]["OwnerId"] == own


@pytest.mark.requirement("O11", "O4", "O1")
def test_creating_updating_and_deleting_are_toggles(desk: Desk) -> None:
    at = desk.clock.now().isoformat()

    def company(name: str, **more: Any) -> None:
        row = {"source": "app", "external_id": "co", "name": name, "domain": "toggle.example", "updated_at": at}
        desk.ws.take_in("accounts", [{**row, **more}])

    def count() -> int:
        return desk.org.count("SELECT COUNT() FROM Account WHERE Website LIKE '%toggle.example'")

    spec = add_job(desk.ws, "accounts_out", create=False, update=False)
    company("One", website="toggle.example")
    counts = desk.run("accounts_out")["counts"]
    assert (counts["skipped"], count()) == (1, 0)
    spec = desk.ws.save_job(spec.model_copy(update={"create": True}))
    assert desk.ended(desk.ws.backfill("accounts_out"))["counts"]["created"] == 1
    at = "2030-01-01T00:00:00+00:00"
    company("Two")
    assert desk.run("accounts_out")["counts"]["skipped"] == 1
    assert desk.org.soql("SELECT Name FROM Account WHERE Website = 'toggle.example'")[0]["Name"] == "One"
    spec = desk.ws.save_job(spec.model_copy(update={"update": True}))
    assert desk.ended(desk.ws.backfill("accounts_out"))["counts"]["updated"] == 1
    assert desk.org.soql("SELECT Name FROM Account WHERE Website = 'toggle.example'")[0]["Name"] == "Two"
    at = "2030-01-02T00:00:00+00:00"
    company("Two", deleted=True)
    assert desk.run("accounts_out")["counts"]["skipped"] == 1
    assert count() == 1
    desk.ws.save_job(spec.model_copy(update={"delete": True}))
    assert desk.ended(desk.ws.backfill("accounts_out"))["counts"]["deleted"] == 1
    assert count() == 0


@pytest.mark.requirement("O4")
def test_creating_workspace_records_is_a_toggle(desk: Desk) -> None:
    spec = add_job(desk.ws, "accounts_in", create=False)
    counts = desk.run("accounts_in")["counts"]
    assert counts["skipped"] == counts["input"] > 0
    assert desk.ws.summary()["workspace"]["account"] == 0
    desk.ws.save_job(spec.model_copy(update={"create": True}))
    assert desk.run("accounts_in", full=True)["counts"]["created"] == counts["skipped"]


@pytest.mark.requirement("T15")
def test_the_logging_policy(desk: Desk, call: Callable[..., dict[str, Any]]) -> None:
    """All attempts or only connected calls; an outcome required or not; no answer and voicemail told apart."""
    spec = add_job(desk.ws, "calls_out")
    for outcome in ("connected", "voicemail", "no_answer"):
        call(f"log-{outcome}", outcome=outcome)
    assert desk.run("calls_out")["counts"]["created"] == 3, "every call becomes an activity"
    field = next(m.target for m in spec.pairs[0].mappings if m.source == "outcome")
    said = {t["Description"]: t[field] for t in described(desk, "log-")}
    assert len(set(said.values())) == 3
    both = {"voicemail": said["log-voicemail"], "no_answer": said["log-voicemail"], "connected": said["log-connected"]}
    alike = remapped(desk, spec, **{field: {"value_map": both}})
    assert "outcomes_alike" in {f.code for f in desk.ws.validate(alike)}

    spec = desk.ws.save_job(
        spec.model_copy(update={"filters": (Condition(field="outcome", op="=", value="connected"),)})
    )
    assert "outcomes_alike" not in {f.code for f in desk.ws.validate(spec)}
    call("only-yes")
    call("only-no", outcome="no_answer")
    counts = desk.run("calls_out")["counts"]
    assert (counts["created"], counts["filtered"]) == (1, 1)
    assert [t["Description"] for t in described(desk, "only-")] == ["only-yes"]

    spec = desk.ws.save_job(spec.model_copy(update={"filters": ()}))
    call("none-1", outcome=None)
    assert desk.run("calls_out")["counts"]["created"] == 1
    remapped(desk, spec, **{field: {"required": True}})
    call("none-2", outcome=None)
    info = desk.run("calls_out")
    assert (info["counts"]["created"], info["counts"]["held"]) == (0, 1)
    assert desk.ws.run_results(info["run_id"], outcome="held")["field"].to_list() == [field]


@pytest.mark.requirement("T16")
def test_a_follow_up_is_an_open_task(desk: Desk, call: Callable[..., dict[str, Any]]) -> None:
    org_user = desk.org.soql("SELECT Id, Email FROM User WHERE IsActive = true AND Profile.Name = 'Standard User'")[0]
    desk.ws.take_in("users", [{"email": org_user["Email"], "name": "Assignee"}])
    spec = add_job(desk.ws, "tasks_out")
    types = {"callback": "Call", "send_info": "Email"}
    remapped(desk, spec, Type={"source": "type", "value_map": types})
    who = call("before")
    at = desk.clock.now()
    row = {"source": "dialer", "external_id": "fu-1", "kind": "task", "subject": "Call back about parking",
           "notes": "follow-up notes", "due_at": "2031-05-06", "type": "callback", "status": "Not Started",
           "user": org_user["Email"], "person": {"id": who["Id"]}, "account": {"id": who["AccountId"]},
           "updated_at": at.isoformat()}  # fmt: skip
    desk.ws.take_in("activities", [row])
    assert desk.run("tasks_out")["counts"]["created"] == 1
    fields = "Subject, Description, ActivityDate, OwnerId, IsClosed, Type, WhoId, WhatId"
    (task,) = desk.org.soql(f"SELECT {fields} FROM Task WHERE Subject = 'Call back about parking'")
    assert task == {
        "Subject": "Call back about parking", "Description": "follow-up notes", "ActivityDate": "2031-05-06",
        "OwnerId": org_user["Id"], "IsClosed": False, "Type": "Call", "WhoId": who["Id"], "WhatId": who["AccountId"],
    }  # fmt: skip


@pytest.mark.requirement("A3")
def test_tasks_arrive_by_their_type_and_meetings_of_the_team_alone_stay_here(
    desk: Desk, call: Callable[..., dict[str, Any]]
) -> None:
    """An e-mail task becomes a manual e-mail task, a phone task a call, a meeting task an action item."""
    who = call("with")
    team = ("ann@team.example", "bob@team.example")
    desk.ws.take_in("users", [{"email": e, "name": e} for e in team])
    spec = add_job(desk.ws, "tasks_out")
    types = {"email": "Email", "phone": "Call", "meeting": "Other"}
    remapped(desk, spec, Type={"source": "type", "value_map": types})
    at = desk.clock.now().isoformat()
    same = {"source": "apollo", "updated_at": at, "occurred_at": at, "account": {"id": who["AccountId"]}}
    rows = [
        {**same, "external_id": f"kind-{t}", "kind": "task", "type": t, "subject": f"kind {t}", "status": "Completed"}
        for t in types
    ]
    meeting = {**same, "kind": "meeting", "duration_s": 1_800}
    rows += [
        {**meeting, "external_id": "m-team", "subject": "stand-up", "participants": list(team)},
        {**meeting, "external_id": "m-client", "subject": "tour", "participants": [*team, "client@out.example"]},
    ]
    assert {a.result for a in desk.ws.take_in("activities", rows)} == {"created"}
    assert desk.run("tasks_out")["counts"]["created"] == 3
    made = {t["Subject"]: t["Type"] for t in described(desk, "kind ")}
    assert made == {f"kind {t}": value for t, value in types.items()}
    add_job(desk.ws, "meetings_out")
    info = desk.run("meetings_out")
    assert (info["counts"]["created"], info["counts"]["filtered"]) == (1, 1)
    assert desk.ws.run_results(info["run_id"], outcome="filtered")["cause"].to_list() == ["teammates"]
    found = desk.org.soql("SELECT Subject FROM Event WHERE Subject IN ('stand-up', 'tour')")
    assert [e["Subject"] for e in found] == ["tour"]
