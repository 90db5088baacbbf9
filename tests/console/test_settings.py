"""Settings: the configuration log, roles, tokens, the switch and the session; and the API budget."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import streamlit as st

from console import actions, editing
from console.entry import Entry
from console.gate import cookie_name
from core import differences
from core.running import alerting
from core.settings import settings
from core.store import ledger
from core.workspace import Workspace
from tests.console.pages import Page

Open = Callable[..., Page]


@pytest.mark.requirement("X22")
def test_every_change_of_configuration_is_told_with_before_and_after(synced: Workspace, page: Open) -> None:
    spec = synced.job("calls_out")
    synced.save_job(editing.changed(spec, title="Calls, renamed"))
    synced.set_role("ana@harbor-pine.example", "analyst")
    shown = page("settings")
    table = shown.frame()
    assert table["What"].to_list()[:2] == ["Role set", "Job saved"]
    assert set(table["Who"][:2]) == {synced.actor}
    assert table["Of"].to_list()[1] == "calls_out"
    assert table["Changed"].to_list()[1] == "title"
    row = synced.config_log(search="calls_out", limit=1).row(0, named=True)
    assert differences(row["body"]) == [("title", "Calls, outbound", "Calls, renamed")]
    narrowed = page("settings", change_q="calls_out", topic="Jobs")
    assert set(narrowed.frame()["Of"]) == {"calls_out"}
    assert "renamed" in narrowed.text
    assert "No change fits these filters." in page("settings", change_q="nothing like it").text


def test_the_log_is_paged_in_the_database(synced: Workspace) -> None:
    every = synced.config_log(limit=1000)
    assert every["total"][0] == every.height
    assert synced.config_log(limit=2, skip=1)["id"].to_list() == every["id"].to_list()[1:3]
    assert every["id"].to_list() == sorted(every["id"].to_list(), reverse=True)
    assert not any(k.startswith(("run.", "rows.", "intake")) for k in every["kind"])


def test_mappings_are_compared_by_their_names() -> None:
    body = '{"before": {"mappings": [{"target": "A", "default": "1"}, {"target": "B"}]}, "after": {"mappings": '
    body += '[{"target": "B"}, {"target": "A", "default": "2"}]}}'
    assert differences(body) == [("mappings.A.default", "1", "2")]
    assert differences(None) == []
    assert differences('{"role": "admin"}') == [("role", "", "admin")]


@pytest.mark.requirement("X25")
def test_roles_are_given_on_the_page(synced: Workspace, page: Open) -> None:
    shown = page("settings", part="Roles")
    assert "everybody who can open this console is an admin" in shown.text
    shown.select("Person").set_value("hana.nakamura@harbor-pine.example")
    shown.press("Give the role")
    assert synced.list_members()["hana.nakamura@harbor-pine.example"] == "viewer"
    assert "hana.nakamura@harbor-pine.example" in set(shown.frame()["Person"])
    shown.select("Take the role away from").set_value("hana.nakamura@harbor-pine.example")
    shown.run().press("Take away")
    assert "hana.nakamura@harbor-pine.example" not in synced.list_members()


def test_a_token_is_shown_once(synced: Workspace, page: Open) -> None:
    shown = page("settings", part="API tokens")
    next(t for t in shown.at.text_input if t.label == "Name").set_value("dialer")
    shown.press("Make a token")
    (text,) = [c.value for c in shown.at.code if c.value.startswith("syn_")]
    assert synced.verify_token(text) is not None
    assert text not in " ".join(c.value for c in shown.run().at.code)
    shown.select("End a token").set_value("dialer")
    shown.run().press("End it now")
    assert synced.verify_token(text) is None


@pytest.mark.requirement("X29")
def test_the_switch_stops_and_lets_go(synced: Workspace, page: Open) -> None:
    shown = page("settings", part="Pause and session").press("Pause writes")
    assert synced.row().is_paused
    assert "Paused by" in shown.text
    for other in ("overview", "connections"):
        assert "aused" in page(other).text
    shown.press("Resume writes")
    assert not synced.row().is_paused


def test_the_zone_is_set_or_refused(synced: Workspace, page: Open) -> None:
    shown = page("settings", part="Pause and session")
    zone = next(t for t in shown.at.text_input if t.label == "Time zone")
    zone.set_value("Nowhere/At all")
    shown.press("Save")
    assert "There is no time zone called Nowhere/At all." in shown.text
    next(t for t in shown.at.text_input if t.label == "Time zone").set_value("America/Denver")
    shown.press("Save")
    assert synced.row().zone == "America/Denver"


def test_signing_out_ends_the_session_for_good(synced: Workspace, page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Entry(settings().home)
    session = entry.new_session()
    held = {cookie_name(st.get_option("server.port")): session}
    monkeypatch.setattr(type(st.context), "cookies", property(lambda _: held))
    assert "You are signed out." in page("settings", part="Pause and session").press("Sign out").text
    assert not entry.is_session(session)


@pytest.mark.requirement("N8")
def test_the_budget_stacks_a_day_against_the_limit(synced: Workspace, page: Open) -> None:
    synced.database.execute("UPDATE connection SET api_used = 9000, api_limit = 15000")
    shown = page("budget")
    found = synced.api_budget()
    table = shown.frame().set_index("Job")
    assert set(table.index) == {s.title for s in synced.specs()}
    assert table.loc["Calls, outbound", "Forecast"] == round(
        next(x for x in found["loads"] if x.job == "calls_out").calls_per_day
    )
    assert f"takes about {found['forecast'].ours:,.0f} calls." in shown.text
    assert f"{found['others']:,} of other applications" in shown.text


@pytest.mark.parametrize(("used", "says"), [(100, "Enough"), (13_000, "Tight"), (15_000, "Runs dry")])
def test_the_budget_says_whether_it_lasts(synced: Workspace, page: Open, used: int, says: str) -> None:
    synced.database.execute("UPDATE connection SET api_used = :u, api_limit = 15000", u=used)
    assert says in page("budget").text


def test_what_if_a_job_ran_every_minute(synced: Workspace, page: Open) -> None:
    shown = page("budget", job="accounts_in")
    slider = next(s for s in shown.at.select_slider if s.label.startswith("ran every"))
    slider.set_value(1)
    shown.run()
    load = next(x for x in synced.api_budget()["loads"] if x.job == "accounts_in").supposing(every_minutes=1)
    assert f"{round(load.calls_per_day):,} call" in shown.text


@pytest.mark.requirement("X15")
def test_alerts_are_set_on_the_page(synced: Workspace, page: Open) -> None:
    shown = page("settings", part="Alerts")
    assert "it has not looked yet" in shown.text
    assert "Nobody yet." in shown.text
    next(t for t in shown.at.text_input if t.label == "Name of the channel").set_value("chat")
    next(t for t in shown.at.text_input if t.label == "Address").set_value("https://chat.example/hook/s3cret")
    shown.press("Add")
    assert "to chat" in shown.text.replace("*", "")
    assert "s3cret" not in shown.text
    next(n for n in shown.at.number_input if n.label.startswith("Rows that wait")).set_value(5)
    shown.press("Save the thresholds")
    assert synced.alerts()["rules"]["held_warning"] == 5
    alerting.look(synced.doors, synced.workspace_id)
    after = page("settings", part="Alerts")
    assert "Warning" in {s[0] for s in after.frame()["Level"]}
    after.press("Mute")
    assert "all" in synced.alerts()["mutes"]
    after.press("Remove")
    assert synced.alerts()["channels"] == []


@pytest.mark.requirement("X20")
def test_what_a_sync_deleted_is_restored_on_the_page(synced: Workspace, page: Open) -> None:
    db, w = synced.database, synced.workspace_id
    assert "The recycle bin is empty." in page("settings", part="Recycle bin").text
    row = db.read(
        "SELECT x.run_id, x.row, x.record_id, x.key FROM record_result x JOIN run r ON r.run_id = x.run_id"
        " WHERE x.workspace_id = :w AND r.job = 'tasks_in' AND x.record_id IS NOT NULL LIMIT 1", w=w,
    ).row(0, named=True)  # fmt: skip
    which = {"r": row["run_id"], "n": row["row"]}
    db.execute("UPDATE record_result SET outcome = 'deleted' WHERE run_id = :r AND row = :n", which)
    db.execute(
        "UPDATE activity SET deleted_at = updated_at WHERE workspace_id = :w AND id = :i", w=w, i=row["record_id"]
    )
    shown = page("settings", part="Recycle bin")
    assert shown.frame()["Key"].to_list() == [row["key"]]
    assert "1 deleted record" in shown.text
    assert "No deleted record fits" in page("settings", part="Recycle bin", bin_q="nothing like it").text
    actions.restore([("activity", row["record_id"])])
    assert synced.recycle_bin().is_empty()
    assert (
        db.one("SELECT deleted_at FROM activity WHERE workspace_id = :w AND id = :i", w=w, i=row["record_id"]) is None
    )


@pytest.mark.requirement("N10")
def test_the_past_is_replayed_under_other_policies(synced: Workspace, page: Open) -> None:
    run = synced.runs(limit=1, job="tasks_out")[0]["run_id"]
    assert "nothing to replay" in page("settings", part="Policies").press("Replay the past").text
    decided = {
        "field": "subject", "workspace": "Ours", "org": "Theirs", "baseline": "Before", "decision": "theirs",
        "workspace_at": "2026-11-20T10:00:00Z", "org_at": "2026-11-20T11:00:00Z",
    }  # fmt: skip
    with synced.database.batch(synced.workspace_id) as batch:
        ledger.write(
            batch,
            "conflict.decided",
            "task-1",
            actor="schedule",
            at=synced.doors.clock.now(),
            values=decided,
            run_id=run,
        )
    shown = page("settings", part="Policies").press("Replay the past")
    table = shown.frame().set_index("Policy")
    assert table.loc["Salesforce wins", ["Conflicts", "Other than decided"]].to_list() == [1, 0]
    assert table.loc["Workspace wins", ["Salesforce values lost", "Newer values lost"]].to_list() == [1, 1]
    shown = page("settings", part="Policies", policy="Workspace wins").press("Replay the past")
    (row,) = shown.frame(1).to_dict("records")
    assert (row["Record"], row["Was decided"], row["Would be"], row["Lost"]) == (
        "task-1",
        "Salesforce",
        "Workspace",
        "Theirs",
    )
