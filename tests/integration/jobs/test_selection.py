"""What comes in: list views and their segments, checkboxes, owners and conditions; what leaves, and what comes back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from core.errors import NotValid, UsageError
from core.mapping.spec import JobSpec
from tests.integration.kit import BY_HAND, Desk, add_job, plain


def people(desk: Desk, where: str = "r.archived_at IS NULL AND r.deleted_at IS NULL") -> set[str]:
    """Org Ids of the people here."""
    query = f"SELECT l.org_id FROM person r JOIN link l ON l.record_id = r.id AND l.table_name = 'person' WHERE {where}"
    return set(desk.ws.database.read(query)["org_id"].to_list())


def members(desk: Desk, segment: str, table: str = "person") -> int:
    found = [s for s in desk.ws.segments() if (s["name"], s["kind"]) == (segment, table)]
    return int(found[0]["members"]) if found else 0


def limited(desk: Desk, spec: JobSpec, **limits: Any) -> JobSpec:
    """The job with its pairs limited."""
    pairs = tuple(p.model_copy(update=limits) for p in spec.pairs)
    return desk.ws.save_job(spec.model_copy(update={"pairs": pairs}))


def switch_on(desk: Desk, specs: list[JobSpec]) -> list[str]:
    for spec in specs:
        desk.ws.save_job(desk.ws.job(spec.name).model_copy(update={"schedule": BY_HAND}))
        desk.ws.enable(spec.name)
    return [s.name for s in specs]


def in_view(desk: Desk, sobject: str, name: str) -> list[str]:
    """Ids in a list view, by the org's own word."""
    views = desk.org.rest("GET", f"sobjects/{sobject}/listviews")["listviews"]
    view = next(v for v in views if v["developerName"] == name)
    query = desk.org.rest("GET", f"sobjects/{sobject}/listviews/{view['id']}/describe")["query"]
    condition = query.partition(" WHERE ")[2].partition(" ORDER BY ")[0]
    return [r["Id"] for r in desk.org.soql(f"SELECT Id FROM {sobject} WHERE {condition}")]


@pytest.mark.requirement("R1", "R2", "R5", "R6")
def test_a_rule_brings_a_list_of_contacts_with_their_accounts_into_a_segment(desk: Desk) -> None:
    assert [v["name"] for v in desk.ws.list_views("Contact")] == ["Newsletter_Readers", "Prospecting_List"]
    made = desk.ws.import_lists("Contact", ["Prospecting_List"], segment="Spring", new=True)
    assert {s["name"]: s["is_enabled"] for s in desk.ws.jobs()} == dict.fromkeys((s.name for s in made), False)
    accounts_job, people_job = switch_on(desk, made)
    rows = desk.org.soql("SELECT Id, Email, AccountId FROM Contact")
    inside = set(in_view(desk, "Contact", "Prospecting_List"))
    wanted = [r for r in rows if r["Id"] in inside]
    brought = desk.run(accounts_job)["counts"]
    with_site = {r["Id"] for r in desk.org.soql("SELECT Id FROM Account WHERE Website != null")}
    homes = {r["AccountId"] for r in wanted if r["AccountId"]}
    assert (brought["created"], brought["skipped"]) == (len(homes & with_site), len(homes - with_site))
    counts = desk.run(people_job)["counts"]
    without = [r for r in wanted if not r["Email"]]
    assert without
    assert (counts["created"], counts["skipped"]) == (len(wanted) - len(without), len(without))
    skipped = desk.ws.run_results(desk.ws.runs(1, people_job)[0]["run_id"], outcome="skipped")
    assert set(skipped["cause"]) == {"no_value"}
    assert "Email is empty in the org" in skipped["reason"][0]
    assert people(desk) == {r["Id"] for r in wanted if r["Email"]}
    assert members(desk, "Spring") == len(wanted) - len(without)
    homeless = {r["Id"] for r in wanted if r["Email"] and r["AccountId"] not in with_site}
    assert people(desk, "r.account_record_id IS NULL") == homeless

    # What the workspace does with its list stays here: no write reached the org.
    before = desk.org.soql("SELECT Id, SystemModstamp FROM Contact")
    desk.ws.take_in("people", [{"source": "app", "external_id": "p-1", "email": "only@here.example", "name": "O H"}])
    out = {"segment": "Spring", "person": {"id": min(people(desk))}, "member": False}
    assert [a.result for a in desk.ws.take_in("segments", [out])] == ["updated"]
    desk.run(people_job)
    assert desk.org.soql("SELECT Id, SystemModstamp FROM Contact") == before


@pytest.mark.requirement("R2", "R1")
def test_a_rule_is_edited_and_deactivated_and_an_existing_segment_must_exist(desk: Desk) -> None:
    with pytest.raises(UsageError, match="There is no segment called Spring"):
        desk.ws.import_lists("Contact", ["Prospecting_List"], segment="Spring")
    made = desk.ws.import_lists("Contact", ["Prospecting_List"], segment="Spring", new=True)
    with pytest.raises(UsageError, match="There is a segment called Spring"):
        desk.ws.import_lists("Contact", ["Newsletter_Readers"], segment="Spring", new=True)
    _, people_job = switch_on(desk, made)
    desk.run(people_job)
    with_email = {r["Id"] for r in desk.org.soql("SELECT Id FROM Contact WHERE Email != null")}
    one, other = (set(in_view(desk, "Contact", n)) & with_email for n in ("Prospecting_List", "Newsletter_Readers"))
    assert members(desk, "Spring") == len(one)
    both = desk.ws.import_lists(
        "Contact", ["Prospecting_List", "Newsletter_Readers"], segment="Spring", name=people_job
    )
    assert [s.name for s in both] == [s.name for s in made], "editing makes no second rule"
    desk.run(people_job)
    assert members(desk, "Spring") == len(one | other)
    desk.ws.import_lists("Contact", ["Newsletter_Readers"], segment="Spring", name=people_job)
    counts = desk.run(people_job)["counts"]
    assert counts["updated"] == len(one - other)
    assert members(desk, "Spring") == len(other)
    assert len(people(desk)) == len(one | other), "whoever left the segment is still here"
    desk.ws.disable(people_job)
    assert [s["is_enabled"] for s in desk.ws.jobs() if s["name"] == people_job] == [False]


@pytest.mark.requirement("R1", "R5", "A9")
def test_leads_and_accounts_come_by_their_own_lists(desk: Desk) -> None:
    """Accounts alone bring nobody; a lead joins the account whose domain is that of its e-mail address."""
    (accounts,) = desk.ws.import_lists("Account", ["Key_accounts"], segment="Keys", new=True)
    (name,) = switch_on(desk, [accounts])
    keys = in_view(desk, "Account", "Key_accounts")
    counts = desk.run(name)["counts"]
    assert counts["created"] + counts["skipped"] == counts["input"] == len(keys)
    assert counts["created"] == members(desk, "Keys", "account") > 0
    assert people(desk) == set()
    home = desk.ws.database.read("SELECT id, domain FROM account WHERE domain IS NOT NULL LIMIT 1").row(0, named=True)
    lead = {"LastName": "Hazel", "Company": "Anything", "Rating": "Hot"}
    desk.org.create("Lead", **lead, Email=f"hazel@{home['domain']}")
    desk.org.create("Lead", **lead, Email="hazel@gmail.com")
    desk.org.create("Lead", **lead)
    (leads,) = desk.ws.import_lists("Lead", ["Hot_leads"])
    (job,) = switch_on(desk, [leads])
    assert desk.run(job)["counts"]["skipped"] >= 1
    at = desk.ws.database.read("SELECT email, account_record_id FROM person WHERE email LIKE 'hazel@%'")
    assert dict(at.iter_rows()) == {f"hazel@{home['domain']}": home["id"], "hazel@gmail.com": None}


@pytest.mark.requirement("R3")
def test_a_list_that_cannot_be_seen_is_explained(desk: Desk) -> None:
    made = desk.ws.import_lists("Contact", ["Board_Members"])
    switch_on(desk, made)
    with pytest.raises(NotValid) as refused:
        desk.ws.preview(made[1].name)
    assert "Board_Members" in refused.value.message
    assert "may not see it" in refused.value.message
    assert "admin" in str(refused.value.hint)
    info = desk.run(made[1].name)
    assert (info["status"], info["counts"]["input"]) == ("failed", 0)
    plain(info["error"]["message"].replace("Board_Members", ""))


@pytest.mark.requirement("R3")
def test_a_segment_whose_list_is_out_of_sight_is_kept_and_marked(desk: Desk) -> None:
    made = desk.ws.import_lists("Contact", ["Prospecting_List"], segment="Board", new=True)
    _, people_job = switch_on(desk, made)
    desk.run(people_job)
    had = members(desk, "Board")
    assert had > 0
    desk.ws.import_lists("Contact", ["Prospecting_List", "Board_Members"], segment="Board", name=people_job)
    assert desk.run(people_job)["status"] == "failed"
    (kept,) = [s for s in desk.ws.segments() if (s["name"], s["kind"]) == ("Board", "person")]
    assert kept["members"] == had, "nobody was taken out"
    assert "Board_Members" in kept["problem"]
    assert "may not see it" in kept["problem"]
    desk.ws.import_lists("Contact", ["Prospecting_List"], segment="Board", name=people_job)
    desk.run(people_job)
    (well,) = [s for s in desk.ws.segments() if (s["name"], s["kind"]) == ("Board", "person")]
    assert (well["members"], well["problem"]) == (had, "")


@pytest.mark.requirement("S2", "S3")
def test_unchecked_people_are_archived_and_come_back_with_their_history(desk: Desk) -> None:
    spec = add_job(desk.ws, "newsletter_in")
    limited(desk, spec, checkbox="Newsletter__c")
    ticked = {r["Id"]: r["Email"] for r in desk.org.soql("SELECT Id, Email FROM Contact WHERE Newsletter__c = true")}
    assert desk.run("newsletter_in")["counts"]["created"] == len(ticked) > 5
    leaver = next(i for i, e in ticked.items() if e)
    (record,) = desk.ws.database.read("SELECT record_id FROM link WHERE org_id = :o", o=leaver)["record_id"]
    desk.ws.database.execute("UPDATE person SET fields = '{\"opened\": 12}' WHERE id = :i", i=record)
    desk.org.update("Contact", leaver, Newsletter__c=False, Title="Left")
    info = desk.run("newsletter_in")
    assert Counter({k: v for k, v in info["counts"].items() if v})["updated"] == 1
    (gone,) = desk.ws.run_results(info["run_id"], outcome="updated").iter_rows(named=True)
    assert (gone["action"], gone["org_id"], gone["cause"]) == ("archive", leaver, "left_scope")
    kept = "SELECT archived_at, deleted_at, fields, title FROM person WHERE id = :i"
    row = desk.ws.database.read(kept, i=record).row(0, named=True)
    assert row["archived_at"] is not None
    assert (row["deleted_at"], row["fields"], row["title"]) == (None, '{"opened": 12}', None)
    assert leaver not in people(desk)
    assert desk.org.count(f"SELECT COUNT() FROM Contact WHERE Id = '{leaver}'") == 1
    assert desk.run("newsletter_in")["counts"]["updated"] == 0, "left once, not over and over"

    desk.org.update("Contact", leaver, Newsletter__c=True)
    assert desk.run("newsletter_in")["counts"]["updated"] == 1
    row = desk.ws.database.read(kept, i=record).row(0, named=True)
    assert (row["archived_at"], row["fields"]) == (None, '{"opened": 12}')
    assert people(desk) == set(ticked)


@pytest.mark.requirement("S3")
def test_what_leaves_a_filter_unannounced_is_found_by_the_daily_comparison(desk: Desk) -> None:
    """A filter over the parent: the contact itself is never touched."""
    account = desk.org.create("Account", Name="Moving Parts", Industry="Energy")
    contact = desk.org.create("Contact", LastName="Still", Email="still@moving.example", AccountId=account)
    spec = add_job(desk.ws, "newsletter_in")
    spec = limited(desk, spec, where="Account.Industry = 'Energy' AND LastName = 'Still'")
    assert "where_silent" in {f.code for f in desk.ws.validate(spec)}
    assert desk.run("newsletter_in")["counts"]["created"] == 1
    desk.advance(3_600)  # what is fresh is read again in any case
    assert desk.run("newsletter_in")["counts"]["updated"] == 0
    desk.org.update("Account", account, Industry="Banking")
    assert desk.run("newsletter_in")["counts"]["updated"] == 0, "nothing announced it"
    desk.advance(25 * 3600)
    assert desk.run("newsletter_in")["counts"]["updated"] == 1
    assert contact not in people(desk)
    desk.org.update("Account", account, Industry="Energy")
    desk.advance(25 * 3600)
    assert desk.run("newsletter_in")["counts"]["updated"] == 1
    assert contact in people(desk)
    desk.org.delete("Contact", contact)


@pytest.mark.requirement("S2")
@pytest.mark.parametrize(
    ("field", "code", "says"),
    [("Reads_Newsletter__c", "checkbox_missing", "has no field"), ("Email", "checkbox_type", "is not a checkbox")],
)
def test_the_checkbox_has_to_be_one(desk: Desk, field: str, code: str, says: str) -> None:
    spec = desk.ws.create_job("newsletter_in")
    spec = limited(desk, spec, checkbox=field)
    (found,) = [f for f in desk.ws.validate(spec) if f.severity == "fail"]
    assert (found.code, found.field) == (code, field)
    assert says in found.message
    with pytest.raises(NotValid, match=field):
        desk.ws.enable(spec.name)


@pytest.mark.requirement("T7")
def test_records_of_the_team_with_some_status(desk: Desk) -> None:
    owner = desk.org.soql("SELECT OwnerId, Owner.Email FROM Lead WHERE IsConverted = false LIMIT 1")[0]
    spec = desk.ws.create_job("people_in")
    lead = next(p for p in spec.pairs if p.sobject == "Lead")
    wanted = "Status = 'Open - Not Contacted' AND IsConverted = false"
    lead = lead.model_copy(update={"owned_by_team": True, "where": wanted})
    spec = desk.ws.save_job(spec.model_copy(update={"pairs": (lead,), "schedule": BY_HAND}))
    desk.ws.enable(spec.name)
    assert "Link users first" in str(desk.run("people_in")["error"])
    desk.ws.take_in("users", [{"email": owner["Owner"]["Email"], "name": "One of us"}])
    found = desk.org.count(f"SELECT COUNT() FROM Lead WHERE OwnerId = '{owner['OwnerId']}' AND {wanted}")
    assert desk.run("people_in")["counts"]["input"] == found > 0


@pytest.mark.requirement("O5")
def test_a_filter_is_checked_as_it_is_typed(desk: Desk) -> None:
    """Form, fields and permissions against describe, what is wrong only for the org, and what it costs."""
    desk.ws.context().org("Contact")
    desk.org.reset_calls()

    def codes(text: str) -> list[tuple[str, str, str]]:
        return [(f.severity, f.code, f.field) for f in desk.ws.check_filter("Contact", text)]

    assert codes("") == []
    assert codes("LastName = 'A") == [("fail", "where_syntax", "")]
    assert codes("Nickname__c = 'A'") == [("fail", "where_unknown", "Nickname__c")]
    assert desk.org.calls() == [], "what describe tells needs no call"
    assert codes("LastName = 5") == [("fail", "where_refused", "")]
    assert codes("CreatedDate = TODAY") == [("warn", "where_silent", ""), ("pass", "where_cost", "")]
    (cost,) = desk.ws.check_filter("Contact", "Newsletter__c = true")
    total = len(desk.org.soql("SELECT Id FROM Contact", all_rows=True))
    assert f"of {total:,} Contact records pass" in cost.message
    with desk.org.fault("hidden_field", value="Contact.Title"):
        desk.ws.refresh_org(["Contact"])
        assert codes("Title = 'Broker'") == [("fail", "where_unknown", "Title")]
    desk.ws.refresh_org(["Contact"])
    assert codes("Title = 'Broker'") == [("pass", "where_cost", "")]
