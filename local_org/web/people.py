"""Looks up the org's users for sign-in and for the identity endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local_org.org.engine import Org

_COLUMNS = "u.Id, u.Username, u.Email, u.FirstName, u.LastName, u.Name, u.Alias, u.IsActive, u.TimeZoneSidKey, p.Name"
_SELECT = f'SELECT {_COLUMNS} FROM "User" u LEFT JOIN "Profile" p ON p.Id = u.ProfileId WHERE '


@dataclass(frozen=True, slots=True)
class Person:
    """One user of the org."""

    id: str
    username: str
    email: str
    first_name: str
    last_name: str
    name: str
    alias: str
    active: bool
    time_zone: str
    profile: str


def by_id(org: Org, user_id: str) -> Person | None:
    """The user with that Id."""
    return _one(org, "u.Id = ?", user_id)


def by_username(org: Org, username: str) -> Person | None:
    """The user with that username, in any case."""
    return _one(org, "u.Username = ? COLLATE NOCASE", username)


def everyone(org: Org) -> list[Person]:
    """All users, in the order in which they were made."""
    conn = org.connection()
    return [_person(row) for row in conn.execute(_SELECT + "1 ORDER BY u.Id").fetchall()]


def _one(org: Org, where: str, value: str) -> Person | None:
    conn = org.connection()
    row = conn.execute(_SELECT + where, (value,)).fetchone()
    return _person(row) if row else None


def _person(row: Any) -> Person:
    user_id, username, email, first, last, name, alias, active, zone, profile = (value or "" for value in row)
    return Person(
        id=user_id,
        username=username,
        email=email,
        first_name=first,
        last_name=last,
        name=name or f"{first} {last}".strip(),
        alias=alias or last[:8],
        active=bool(active),
        time_zone=zone or "GMT",
        profile=profile,
    )
