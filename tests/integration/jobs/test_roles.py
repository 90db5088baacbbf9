"""Roles hold in core, whoever calls: a person at the console or command line, or a token of the API."""

from __future__ import annotations

import inspect

import pytest

from core.errors import NotAllowed, UsageError
from core.store.roles import ROLES, least_role
from core.workspace import Workspace
from tests.integration.kit import Desk, add_job, api_of

SEE = ("jobs", "runs", "specs", "explain", "open_rows", "overview", "plans", "run_results", "users")
LOOK_CLOSER = ("preview", "plan", "validate", "compare")
RUN = ("run", "request_run", "apply", "approve", "retry", "decide", "put_aside", "cancel", "take_in", "pause")
EDIT_AND_CONNECT = (
    "create_job", "save_job", "enable", "disable", "configure", "resume", "link_user", "allow_host", "begin_connect",
    "connect_headless", "create_token", "revoke_token", "set_role",
)  # fmt: skip
LEAST = {v: r for r, verbs in zip(ROLES, (SEE, LOOK_CLOSER, RUN, EDIT_AND_CONNECT), strict=True) for v in verbs}


def refused(ws: Workspace, verb: str) -> bool:
    """Whether the verb asks for another role before it looks at anything else."""
    try:
        getattr(ws, verb)(*([None] * 20))
    except NotAllowed:
        return True
    except TypeError:
        return False
    raise AssertionError(f"{verb} takes anything")


@pytest.mark.requirement("X25")
def test_each_role_opens_its_verbs_and_no_others(desk: Desk) -> None:
    for person, role in (("vi@team.example", "viewer"), ("an", "analyst"), ("op", "operator"), ("ad", "admin")):
        desk.ws.set_role(person, role)
    assert desk.ws.list_members()["ana"] == "admin", "whoever gives the first role stays an admin"
    people = {"viewer": "vi@team.example", "analyst": "an", "operator": "op", "admin": "ad"}
    for at, role in enumerate(ROLES):
        ws = desk.ws.acting_as(people[role])
        assert ws.role == role
        wanted = {verb: ROLES.index(least) > at for verb, least in LEAST.items()}
        assert {verb: refused(ws, verb) for verb in LEAST} == wanted
    stranger = desk.ws.acting_as("stranger")
    assert stranger.role == "viewer"
    every = {n: least_role(f) for n, f in inspect.getmembers(Workspace, inspect.isfunction) if not n.startswith("_")}
    assert [n for n, least in every.items() if least not in ROLES] == [], "every verb says whom it is open to"
    closed = [n for n, least in every.items() if least != "viewer"]
    assert [v for v in closed if not refused(stranger, v)] == []


@pytest.mark.requirement("X25")
def test_who_may_see_run_and_edit_is_what_the_org_sees(desk: Desk) -> None:
    """The refused run asks the org nothing; the operator's brings the accounts in, under their own name."""
    add_job(desk.ws, "accounts_in")
    desk.ws.set_role("vi", "viewer")
    desk.ws.set_role("op", "operator")
    viewer, operator = desk.ws.acting_as("vi"), desk.ws.acting_as("op")
    desk.org.reset_calls()
    with pytest.raises(NotAllowed, match="vi has the role viewer; this needs the role operator"):
        viewer.request_run("accounts_in")
    with pytest.raises(NotAllowed, match="needs the role admin"):
        operator.save_job(operator.job("accounts_in"))
    assert desk.org.calls() == []
    desk.work()
    info = desk.ended(operator.request_run("accounts_in"))
    assert (info["actor"], info["counts"]["created"] > 0) == ("op", True)
    assert viewer.run_info(info["run_id"])["status"] == "complete"
    with pytest.raises(UsageError, match="Somebody has to stay an admin"):
        desk.ws.set_role("ana", None)
    desk.ws.set_role("op", None)
    with pytest.raises(NotAllowed):
        operator.request_run("accounts_in")


@pytest.mark.requirement("X25")
def test_a_token_may_what_its_role_may(desk: Desk) -> None:
    add_job(desk.ws, "accounts_in")
    texts = {role: desk.ws.create_token(role, role) for role in ROLES}
    row = {"source": "app", "external_id": "x1", "name": "X", "domain": "x.example"}
    with api_of(desk.ws) as send:
        for role, token in texts.items():
            writes = role in ("operator", "admin")
            assert send("GET", "jobs", token).status_code == 200
            assert send("POST", "accounts", token, json=row).status_code == (200 if writes else 403)
            asked = send("POST", "jobs/accounts_in/runs", token)
            assert asked.status_code == (202 if writes else 403)
    for role in ROLES:
        acting = desk.ws.acting_as(f"token:{role}")
        assert (acting.role, refused(acting, "save_job")) == (role, role != "admin")
    desk.ws.revoke_token("admin")
    assert desk.ws.acting_as("token:admin").role == "viewer"
