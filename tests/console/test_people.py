"""Linking the team's people to org users by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.workspace import Workspace
from tests.console.pages import Page

Open = Callable[..., Page]


def user(ws: Workspace, email: str) -> dict[str, Any]:
    return ws.users().filter(email=email).row(0, named=True)


def choose(shown: Page, email: str, org_id: str | None = None) -> Page:
    shown.select("Person").set_value(email)
    shown.run()
    if org_id:
        shown.select("Org user").set_value(org_id)
        shown.run()
    return shown


def test_those_that_need_a_hand_come_first(synced: Workspace, page: Open) -> None:
    states = [s[0] for s in page("connections").frame()["State"]]
    assert set(states[:2]) == {"Inactive in the org", "Not linked"}
    assert set(states[2:]) == {"Linked"}


def test_a_person_is_linked_and_unlinked_by_hand(synced: Workspace, page: Open) -> None:
    alone = synced.users().filter(synced.users()["org_user_id"].is_null())["email"][0]
    target = synced.org_users().filter(is_active=True).row(0, named=True)
    shown = choose(page("connections"), alone)
    assert next(b for b in shown.at.button if b.label.startswith("Link ")).disabled
    choose(shown, alone, target["org_id"]).press("Link ")
    assert (user(synced, alone)["org_user_id"], user(synced, alone)["linked_how"]) == (target["org_id"], "by hand")
    assert f"{alone} is linked." in shown.text
    choose(shown, alone).press("Unlink")
    assert user(synced, alone)["org_user_id"] is None


def test_an_inactive_org_user_is_marked_and_explained(synced: Workspace, page: Open) -> None:
    off = synced.org_users().filter(is_active=False).row(0, named=True)
    someone = synced.users().filter(org_is_active=True)["email"][0]
    shown = page("connections")
    assert f"{off['name']} · {off['username']} · inactive" in shown.select("Org user").options
    choose(shown, someone, off["org_id"])
    assert f"no new records owned by {off['name']}" in shown.text
