"""Sign-ins that go wrong each say what happened in a sentence, change nothing, and can simply be begun again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import HostRefused, OrgError, SignInError, SynclineError
from core.syncing.connect import Begun
from tests.integration.kit import CALLBACK, Desk, calls, plain, query_of, sign_in
from tests.practice import Practice


@pytest.fixture
def fresh(grounded: tuple[Practice, Path], tmp_path: Path) -> Iterator[Desk]:
    """A workspace that has never met an org; only the host is allowed."""
    org, _ = grounded
    org.fault_off("all")
    desk = Desk(org, tmp_path / "fresh")
    desk.ws.allow_host(org.base_url.removeprefix("https://"))
    yield desk
    org.fault_off("all")
    desk.close()


def begin(desk: Desk, login_url: str = "") -> Begun:
    env = desk.org.env
    return desk.ws.begin_connect(
        login_url=login_url or env["login_url"], client_id=env["client_id"], client_secret=env["client_secret"],
        redirect_uri=CALLBACK,
    )  # fmt: skip


def refused(desk: Desk, begun: Begun, back: str, *, browser: str = "") -> str:
    """What is said when the sign-in fails; afterwards the workspace is as untouched as before."""
    with pytest.raises(SynclineError) as caught:
        desk.ws.finish_connect(browser or begun.browser, query_of(back))
    assert not isinstance(caught.value, OrgError) or caught.value.hint
    assert desk.ws.connections() == []
    assert desk.ws.row().org_id is None
    return plain(caught.value.sentence())


@pytest.mark.requirement("T1")
def test_a_sign_in_in_the_browser_names_org_and_user(fresh: Desk) -> None:
    sign_in(fresh.ws, fresh.org)
    (made,) = fresh.ws.connections()
    user = fresh.org.user("Integration")
    assert (made.state, made.flow, made.org_id) == ("ok", "web", fresh.org.env["org_id"])
    assert (made.user_id, made.username) == (user["id"], user["username"])


def test_a_wrong_host(fresh: Desk) -> None:
    with pytest.raises(HostRefused) as caught:
        begin(fresh, "https://login.salesforce.com.evil.example")
    plain(caught.value.sentence())


def test_refused_consent(fresh: Desk) -> None:
    begun = begin(fresh)
    back = fresh.org.approve(begun.url, username=fresh.org.user("Integration")["username"], allow=False)
    said = refused(fresh, begun, back)
    assert "again" in said.lower()
    sign_in(fresh.ws, fresh.org)
    assert fresh.ws.connections()[0].state == "ok"


def test_an_expired_code(fresh: Desk) -> None:
    begun = begin(fresh)
    back = fresh.org.approve(begun.url, username=fresh.org.user("Integration")["username"])
    with fresh.org.fault("code_expired"):
        refused(fresh, begun, back)
    sign_in(fresh.ws, fresh.org)


def test_a_state_serves_once(fresh: Desk) -> None:
    begun = begin(fresh)
    back = fresh.org.approve(begun.url, username=fresh.org.user("Integration")["username"])
    fresh.ws.finish_connect(begun.browser, query_of(back))
    with pytest.raises(SignInError, match="already used") as caught:
        fresh.ws.finish_connect(begun.browser, query_of(back))
    plain(caught.value.sentence())
    assert fresh.ws.connections()[0].state == "ok"


def test_another_browser_gets_nothing_and_spoils_the_state(fresh: Desk) -> None:
    begun, other = begin(fresh), begin(fresh)
    back = fresh.org.approve(begun.url, username=fresh.org.user("Integration")["username"])
    assert "another browser" in refused(fresh, begun, back, browser=other.browser)
    assert "already used" in refused(fresh, begun, back)


def test_a_sign_in_that_takes_too_long(fresh: Desk) -> None:
    begun = begin(fresh)
    back = fresh.org.approve(begun.url, username=fresh.org.user("Integration")["username"])
    fresh.advance(11 * 60)
    assert "ten minutes" in refused(fresh, begun, back)


@pytest.mark.requirement("X3")
def test_rotated_refresh_tokens_are_kept_before_they_are_used(desk: Desk) -> None:
    """Four renewals in a row, in two processes; one that fell back to a used token would lose the grant."""
    sign_in(desk.ws, desk.org)
    desk.org.fault_on("rotation")
    for round_ in range(4):
        desk.org.end_sessions()
        desk.ws.take_in("activities", calls(f"rotated{round_}", 3))
        assert desk.run("calls_out")["counts"]["created"] == 3
        if round_ % 2:
            desk.reset()
    assert desk.ws.connections()[0].state == "ok"
