"""Which org is this workspace connected to, as whom, and is that in order?"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from console import actions, strings
from console.components import frame, notices, people, times
from console.components.text import code, safe
from console.session import Key, workspace
from console.slots import REFUSALS, SIGN_INS
from console.strings import CONNECTION_REMEDIES, CONNECTION_STATES
from core import SynclineError
from core.settings import settings

_HOSTS = {
    "Production": "https://login.salesforce.com",
    "Sandbox": "https://test.salesforce.com",
    "My Domain": "",
}


def _came_back() -> None:
    """What the way back from the org's sign-in has brought."""
    refused = st.query_params.pop("refused", None)
    why = REFUSALS.take(refused) if refused else None
    if why is not None:
        notices.refused(why.text, why.hint or strings.TRY_AGAIN_BELOW)
    if st.query_params.get("result") == "connected":
        notices.done("Connected.", "Next: make a job from a template on Jobs.")
        del st.query_params["result"]


def _connection(found: Any) -> None:
    sign = CONNECTION_STATES.get(found.state, CONNECTION_STATES["new"])
    with st.container(border=True, gap="xsmall"):
        kind = "used for the system's own reads and writes" if found.is_master else "a person's own login"
        st.markdown(f"{sign.badge()} **{safe(found.username)}** :small[:gray[{kind}]]")
        reason = f"{safe(found.state_reason)} " if found.state_reason else ""
        if found.state != "ok":
            st.markdown(f"{reason}{safe(CONNECTION_REMEDIES.get(found.state, ''))}")
        grid = st.grid(4, min_column_width=170, gap="small")
        _fact(grid, "Org", found.org_id)
        _fact(grid, "Address", (found.instance_url or found.login_url).removeprefix("https://"))
        _fact(
            grid, "Signs in by", {"web": "browser", "jwt": "JWT bearer"}.get(found.flow, found.flow.replace("_", " "))
        )
        _fact(grid, "API version", found.api_version)
        _fact(grid, "API calls, 24 h", _usage(found))
        _fact(grid, "Clocks differ by", f"{found.clock_offset_s:+.1f} s")
        _fact(grid, "Client id", found.client_id[:24] + ("…" if len(found.client_id) > 24 else ""))
        _fact(grid, "Since", f"{times.clock_time(found.created_at)} by {found.created_by}")


def _usage(found: Any) -> str:
    if found.api_used is None or not found.api_limit:
        return "known after the first call"
    return f"{found.api_used:,} of {found.api_limit:,}"


def _fact(grid: Any, label: str, value: Any) -> None:
    with grid.container(gap=None):
        st.markdown(f":small[:gray[{safe(label)}]]")
        st.text(value)


def _sign_in_form(connected: bool) -> None:
    """What a sign-in needs; no password is ever asked for here."""
    frame.section("Sign in again" if connected else "Connect an org")
    left, right = st.columns([3, 2], gap="medium")
    with left.form("sign_in", border=True):
        kind = st.segmented_control("Kind of org", list(_HOSTS), default="Production", required=True)
        address = st.text_input(
            "My Domain address", placeholder="https://yourcompany.my.salesforce.com; wins over the kind where filled",
        )  # fmt: skip
        # No help signs here: Tab would stop at each of them on the way from field to field.
        client_id = st.text_input("Client id (consumer key)", placeholder="Of the External Client App or Connected App")
        secret = st.text_input(
            "Client secret (consumer secret)", type="password", placeholder="May stay empty with PKCE only"
        )
        name = st.text_input("Name of the connection", value="Salesforce")
        if st.form_submit_button("Prepare sign-in", type="primary"):
            _prepare(address.strip() or _HOSTS[kind or "Production"], client_id, secret, name)
    with left:
        _continue()
    with right.container(border=True, gap="xsmall"):
        _how_to()


def _prepare(login_url: str, client_id: str, secret: str, name: str) -> None:
    if not login_url or not client_id.strip():
        missing = "the My Domain address" if not login_url else "the client id"
        st.session_state.pop(Key.SLOT, None)
        st.markdown(f"{strings.SEVERITIES['fail'].badge('Missing')} Fill in {missing}.")
        return
    full = login_url if "://" in login_url else f"https://{login_url}"
    st.session_state[Key.SLOT] = (actions.prepare_sign_in(full, client_id, secret, name), urlsplit(full).netloc)


def _continue() -> None:
    """The way to the org: the address carries a nonce and nothing else."""
    slot = st.session_state.get(Key.SLOT)
    if not slot or not SIGN_INS.holds(slot[0]):
        return
    nonce, host = slot
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"Ready to sign in at {code(host)}. Good for ten minutes, once.", width="stretch")
        st.link_button(
            "Continue to Salesforce", f"/oauth/begin?{urlencode({'slot': nonce})}", type="primary",
            icon=":material/login:",
        )  # fmt: skip


def _how_to() -> None:
    callback = f"{settings().public_url.rstrip('/')}/oauth/callback"
    st.markdown("**In Salesforce Setup, once**")
    st.markdown("1. New External Client App (or Connected App) with OAuth settings.")
    st.markdown("2. Callback URL:")
    st.code(callback, language=None)
    st.markdown(
        "3. Scopes: **Manage user data via APIs (api)**, **Perform requests at any time (refresh_token)** and **Access "
        "unique user identifiers (openid)**."
    )
    st.markdown("4. Require PKCE. Sign in as an integration user, not as a person.")


def _hosts() -> None:
    with (
        st.expander("Allow another sign-in host", type="compact"),
        st.form("allow_host", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        host = st.text_input(
            "Host (name or name:port)", width=320, help="Beside Salesforce's own, which are always allowed."
        )
        if st.form_submit_button("Allow") and host.strip():
            actions.allow_host(host)
            st.rerun()


def main() -> None:
    """The page."""
    ws = workspace()
    _came_back()
    try:
        found = ws.connections()
    except SynclineError as error:
        frame.header("Connections")
        notices.problem(error)
        return
    buttons = frame.header("Connections", "Where records come from and go to")
    if found:
        paused = ws.row().is_paused
        buttons.button(
            "Resume writes" if paused else "Pause writes",
            icon=":material/play_circle:" if paused else ":material/pause_circle:",
            on_click=actions.resume if paused else actions.pause,
        )
        buttons.button(
            "Pull now", icon=":material/refresh:", on_click=actions.refresh_org,
            help="Read users, fields and picklists of the org again.",
        )  # fmt: skip
        if paused:
            frame.verdict(strings.JOB_STATES["paused"], f"All writes to the org are paused by {ws.row().paused_by}.",
                          "Nothing is lost; they go out after Resume.")  # fmt: skip
    else:
        frame.verdict(strings.CONNECTION_STATES["new"], "Nothing is connected yet.", "Connect an org below.",
                      badge="Start here")  # fmt: skip
    for one in found:
        _connection(one)
    if found:
        people.show()
        with st.expander("Sign in again, or as another user", type="compact"):
            _sign_in_form(connected=True)
    else:
        _sign_in_form(connected=False)
    _hosts()


main()
