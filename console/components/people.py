"""The team's people beside the org users they are linked to, and the hand that links them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from console import actions
from console.components import frame, tables
from console.components.text import plain, safe
from console.session import workspace
from console.strings import Sign, count

_COLUMNS = ("State", "Person", "E-mail", "Org user", "Username", "Linked by")
LINKED = Sign("Linked", "green", "check_circle")
INACTIVE = Sign("Inactive in the org", "orange", "warning")
NOT_LINKED = Sign("Not linked", "gray", "circle")
_SHOWN_WHOLE = 15


def show() -> None:
    """Everybody with the org user they act as, those that need a hand first."""
    frame.section("People and their org users")
    users = sorted(workspace().users().iter_rows(named=True), key=lambda u: (_sign(u) == LINKED, _name(u).lower()))
    if not users:
        frame.small("No workspace users yet. Take them in with syncline intake --kind users, or by POST /api/v1/users.")
        return
    frame.small(_told(users))
    event = st.dataframe(
        tables.frame([_row(u) for u in users], _COLUMNS),
        hide_index=True, placeholder="", key="users_table", on_select="rerun", selection_mode="single-row",
        height="content" if len(users) <= _SHOWN_WHOLE else 420,
        column_config={"State": tables.chips("State", (LINKED, INACTIVE, NOT_LINKED))},
    )  # fmt: skip
    picked = event["selection"]["rows"]
    _by_hand(users, users[picked[0]]["email"] if picked and picked[0] < len(users) else None)


def _told(users: list[dict[str, Any]]) -> str:
    linked = sum(bool(u["org_user_id"]) for u in users)
    off = sum(_sign(u) == INACTIVE for u in users)
    told = f"{linked} of {count(len(users), 'person', 'people')} linked to an org user"
    told += f"; {count(off, 'of those org users is', 'of those org users are')} inactive." if off else "."
    return f"{told} What a person logs is owned by their org user."


def _name(user: dict[str, Any]) -> str:
    return str(user["name"] or user["email"])


def _sign(user: dict[str, Any]) -> Sign:
    if not user["org_user_id"]:
        return NOT_LINKED
    return INACTIVE if user["org_is_active"] is False else LINKED


def _row(user: dict[str, Any]) -> dict[str, Any]:
    return {
        "State": [_sign(user).word],
        "Person": plain(_name(user)),
        "E-mail": user["email"],
        "Org user": plain(user["org_name"]),
        "Username": user["org_username"],
        "Linked by": (user["linked_how"] or "").replace("email", "e-mail") if user["org_user_id"] else "",
    }


def _by_hand(users: list[dict[str, Any]], picked: str | None) -> None:
    """Choose a person and an org user, and link or unlink them."""
    by_email = {u["email"]: u for u in users}
    org = {o["org_id"]: o for o in workspace().org_users().sort("is_active", "name", descending=[True, False])
           .iter_rows(named=True)}  # fmt: skip
    with st.container(border=True, gap="xsmall"):
        st.markdown("**Link by hand**")
        if not org:
            frame.small("The org's users are not known yet. Pull now reads them.")
            return
        left, right = st.columns(2, gap="small")
        emails = list(by_email)
        email = left.selectbox(
            "Person", emails, index=emails.index(picked) if picked else 0, key=f"link_person_{picked}",
            format_func=lambda e: _labelled(_name(by_email[e]), e, "" if _sign(by_email[e]) == LINKED else
                                            _sign(by_email[e]).word.lower()),
        )  # fmt: skip
        now = by_email[email]["org_user_id"]
        chosen = right.selectbox(
            "Org user", list(org), index=list(org).index(now) if now in org else None, key=f"link_org_{email}_{now}",
            placeholder="Choose an org user",
            format_func=lambda i: _labelled(org[i]["name"], org[i]["username"],
                                            "" if org[i]["is_active"] else "inactive"),
        )  # fmt: skip
        _decided(by_email[email], org.get(chosen) if chosen else None)


def _labelled(name: str, username: str, mark: str) -> str:
    return " · ".join(plain(part, 80) for part in (name, username, mark) if part)


def _decided(user: dict[str, Any], org_user: dict[str, Any] | None) -> None:
    """What the link would mean, and the buttons."""
    now = user["org_user_id"]
    if org_user and not org_user["is_active"]:
        st.markdown(
            f"{INACTIVE.badge()} :small[Salesforce takes no new records owned by {safe(org_user['name'])}; the job's "
            "rule for inactive owners applies.]"
        )
    same = org_user is None or org_user["org_id"] == now
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            f"Link {safe(_name(user), 40)}", icon=":material/link:", disabled=same, on_click=actions.link_user,
            args=(user["email"], org_user["org_id"] if org_user else None),
            help="Choose another org user first." if same else None, key="link_user",
        )  # fmt: skip
        if now:
            st.button(
                "Unlink", icon=":material/link_off:", type="tertiary", on_click=actions.link_user,
                args=(user["email"], None), key="unlink_user",
            )  # fmt: skip
