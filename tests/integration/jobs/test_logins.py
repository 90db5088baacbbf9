"""The system's own login and those that people link for themselves: who is said to have written what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.errors import NotAllowed, NotFound
from core.store.runs import balanced
from tests.integration.kit import CALLBACK, Desk, add_job, query_of


def link(desk: Desk, email: str, username: str) -> None:
    """What somebody does at the browser to link their own login."""
    env, me = desk.org.env, desk.ws.acting_as(email)
    begun = me.link_me(
        login_url=env["login_url"], client_id=env["client_id"], client_secret=env["client_secret"],
        redirect_uri=CALLBACK,
    )  # fmt: skip
    me.finish_connect(begun.browser, query_of(desk.org.approve(begun.url, username=username)))


def called(desk: Desk, name: str, user: str) -> dict[str, Any]:
    at = desk.clock.now().isoformat()
    who = desk.org.soql("SELECT Id FROM Contact WHERE Email != null ORDER BY Id LIMIT 1")[0]["Id"]
    return {
        "source": "dialer", "external_id": name, "kind": "call", "occurred_at": at, "updated_at": at, "user": user,
        "person": {"id": who}, "duration_s": 5, "direction": "outbound", "outcome": "connected", "notes": name,
    }  # fmt: skip


def writers(desk: Desk, *names: str) -> dict[str, tuple[str, str]]:
    """Description -> who created it and who owns it, by the org's own word."""
    fields = "Description, CreatedBy.Username, Owner.Username"
    found = desk.org.soql(f"SELECT {fields} FROM Task WHERE CreatedDate >= YESTERDAY")
    told = {t["Description"]: (t["CreatedBy"]["Username"], t["Owner"]["Username"]) for t in found}
    return {n: told[n] for n in names}


@pytest.mark.requirement("A1")
def test_what_a_linked_user_does_is_written_by_their_login_else_by_the_masters(desk: Desk) -> None:
    people = desk.org.soql(
        "SELECT Id, Username, Email FROM User WHERE IsActive = true AND Profile.Name = 'Standard User' ORDER BY Id"
    )
    ella, marc = people[0], people[1]
    own = desk.org.user("Integration")["username"]
    for name in ("accounts_in", "people_in", "calls_out"):
        add_job(desk.ws, name)
    desk.run("accounts_in")
    desk.run("people_in")
    desk.ws.take_in("users", [{"email": p["Email"], "name": p["Email"]} for p in (ella, marc)])
    desk.ws.set_role("vera", "viewer")
    with pytest.raises(NotFound, match="is not a user of this workspace"):
        desk.ws.acting_as("vera").link_me(login_url=desk.org.env["login_url"], client_id="x")
    with pytest.raises(NotAllowed):
        desk.ws.acting_as(ella["Email"]).begin_connect(login_url=desk.org.env["login_url"], client_id="x")
    link(desk, ella["Email"], ella["Username"])
    master, hers = desk.ws.connections()
    assert (master.username, master.is_master, master.owner) == (own, True, "")
    assert (hers.username, hers.is_master, hers.owner) == (ella["Username"], False, ella["Email"].lower())
    told = {u["email"]: u for u in desk.ws.users().iter_rows(named=True)}[ella["Email"].lower()]
    assert (told["org_user_id"], told["linked_how"]) == (ella["Id"], "signed in")

    desk.ws.take_in("activities", [called(desk, "by-ella", ella["Email"]), called(desk, "by-marc", marc["Email"])])
    info = desk.run("calls_out")
    assert (info["status"], info["counts"]["created"]) == ("complete", 2)
    assert writers(desk, "by-ella", "by-marc") == {
        "by-ella": (ella["Username"], ella["Username"]), "by-marc": (own, marc["Username"]),
    }  # fmt: skip

    # Her login is taken back in the org: the next call goes by the master's, and she is told to sign in again.
    desk.org.end_sessions()
    desk.org.fault_on("revoked_grant")
    desk.ws.take_in("activities", [called(desk, "ella-2", ella["Email"])])
    info = desk.run("calls_out")
    assert (info["status"], info["counts"]["created"]) == ("complete", 1), desk.ws.open_rows()["reason"].to_list()
    assert balanced(info["counts"])
    assert writers(desk, "ella-2") == {"ella-2": (own, ella["Username"])}
    states = {c.username: c.state for c in desk.ws.connections()}
    assert states == {own: "ok", ella["Username"]: "auth_failed"}
    desk.org.fault_off("revoked_grant")
    desk.ws.take_in("activities", [called(desk, "ella-3", ella["Email"])])
    assert desk.run("calls_out")["counts"]["created"] == 1
    assert writers(desk, "ella-3")["ella-3"][0] == own
    link(desk, ella["Email"], ella["Username"])
    desk.ws.take_in("activities", [called(desk, "ella-4", ella["Email"])])
    desk.run("calls_out")
    assert writers(desk, "ella-4")["ella-4"][0] == ella["Username"]


@pytest.mark.requirement("O19")
def test_a_connection_stays_with_its_user_and_another_user_is_another_connection(desk: Desk) -> None:
    """However somebody signs in: no way of connecting names a connection that is to become another user's."""
    env = desk.org.env
    (first,) = desk.ws.connections()
    other = desk.org.user("Standard User")["username"]
    assert other != first.username
    key = Path(env["jwt_key_file"]).read_text(encoding="utf-8")

    def sign_in(username: str) -> Any:
        return desk.ws.connect_headless(
            flow="jwt", login_url=env["login_url"], client_id=env["client_id"], username=username, private_key=key,
            name=first.name,
        )  # fmt: skip

    second = sign_in(other)
    assert (second.id != first.id, second.username) == (True, other)
    kept = {c.id: (c.username, c.user_id, c.is_master) for c in desk.ws.connections()}
    assert kept == {
        first.id: (first.username, first.user_id, True), second.id: (other, second.user_id, False),
    }  # fmt: skip
    # The same user once more is the same connection, in whatever way they sign in.
    assert sign_in(first.username).id == first.id
    assert sign_in(other).id == second.id
    assert {c.id: (c.username, c.user_id, c.is_master) for c in desk.ws.connections()} == kept
