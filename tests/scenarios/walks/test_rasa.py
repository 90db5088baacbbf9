"""rasa.io's page from top to bottom: all contacts, or one checkbox in and another one out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.scenarios.walks.conftest import Walker


@pytest.mark.requirement("S1", "S2", "S3", "S4", "S6")
def test_two_checkboxes(walker: Walker) -> None:
    org = walker.desk.org
    ids = {
        n: org.create("Contact", LastName=f"Ras{n}", Email=f"{n}@rasa.example", Newsletter__c=n != "c") for n in "abc"
    }

    # All contacts is the default; the sync begins with the confirmation, and runs daily, overnight, in our own zone.
    walker.cli("jobs", "create", "newsletter_in")
    walker.desk.ws.configure(zone="America/Chicago")
    shown = walker.cli("jobs", "show", "newsletter_in")
    assert (shown["schedule"]["daily_at"], shown["pairs"][0]["where"], shown["pairs"][0]["checkbox"]) == (
        "03:00",
        "",
        None,
    )
    everyone = org.count("SELECT COUNT() FROM Contact")
    assert walker.cli("jobs", "backfill", "newsletter_in", "--counts")["created"] == everyone
    walker.cli("jobs", "enable", "newsletter_in")
    (listed,) = walker.cli("jobs", "list")
    assert listed["next_run_at"][11:16] in ("08:00", "09:00"), "three in the morning in Chicago, by UTC"
    assert walker.run("newsletter_in")["created"] == everyone

    # One way alone is warned of, with the two cases in which it is safe.
    (warned,) = [f for f in walker.cli("jobs", "validate", "newsletter_in") if f["field"] == "opted_out_email"]
    assert warned["severity"] == "warn"
    assert "safe only where nobody can opt out in the workspace, or where nobody contacts" in warned["mend"]

    # A field that is none, or no checkbox, is refused by name; with the right one the others leave, and are kept.
    def only(field: str) -> Callable[[str], str]:
        return lambda text: text.replace("sobject: Contact\n", f"sobject: Contact\n    checkbox: {field}\n")

    for wrong in ("Newsletter_List__c", "Email"):
        walker.edit("newsletter_in", only(wrong))
        (bad,) = [f for f in walker.cli("jobs", "validate", "newsletter_in", code=1) if f["severity"] == "fail"]
        assert bad["field"] == wrong
        walker.edit("newsletter_in", lambda text, w=wrong: text.replace(f"    checkbox: {w}\n", ""))
    walker.edit("newsletter_in", only("Newsletter__c"))
    ticked = org.count("SELECT COUNT() FROM Contact WHERE Newsletter__c = true")
    golden = [p for p in walker.plan("newsletter_in") if p[0] != "none"]
    assert golden == [("archive", "updated", "left_scope", {})] * (everyone - ticked)
    assert walker.run("newsletter_in")["updated"] == everyone - ticked
    shown_here = "SELECT COUNT(*) FROM person WHERE archived_at IS NULL AND deleted_at IS NULL"
    assert walker.desk.ws.database.one(shown_here) == ticked
    assert walker.desk.ws.database.one("SELECT COUNT(*) FROM person WHERE deleted_at IS NOT NULL") == 0

    # Opt-outs go back to the org's own checkbox, or to a custom one; unticking there never opts anybody in.
    walker.cli("jobs", "create", "opt_outs_out")
    walker.by_hand("opt_outs_out")
    walker.cli("jobs", "enable", "opt_outs_out")
    told = walker.cli("jobs", "validate", "newsletter_in")
    assert not [f for f in told if f["field"] == "opted_out_email"]
    out = [{"person": {"email": "a@rasa.example"}, "channel": "email", "opted_out": True}]
    assert walker.post("optouts", out) == ["updated"]
    writes = [(a, sent) for a, _, _, sent in walker.plan("opt_outs_out") if a != "none"]
    assert writes == [("update", {"HasOptedOutOfEmail": "true"})]
    assert walker.run("opt_outs_out")["updated"] == 1
    assert walker.soql(f"SELECT HasOptedOutOfEmail FROM Contact WHERE Id = '{ids['a']}'") == [
        {"HasOptedOutOfEmail": True}
    ]
    org.schema_change("add_field", object="Contact", field="Unsubscribed__c", type="boolean")
    try:
        walker.desk.ws.refresh_org(["Contact"])
        walker.edit("opt_outs_out", lambda t: t.replace("target: HasOptedOutOfEmail", "target: Unsubscribed__c", 1))
        out = [{"person": {"email": "b@rasa.example"}, "channel": "email", "opted_out": True}]
        walker.post("optouts", out)
        assert walker.run("opt_outs_out")["updated"] >= 1
        query = f"SELECT Unsubscribed__c, HasOptedOutOfEmail FROM Contact WHERE Id = '{ids['b']}'"
        assert walker.soql(query) == [{"Unsubscribed__c": True, "HasOptedOutOfEmail": False}]
    finally:
        org.schema_change("remove_field", object="Contact", field="Unsubscribed__c")
