"""Says who may do what: the roles of a workspace, who has which, and how a verb asks for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from sqlmodel import col, select

from core.errors import NotAllowed, NotFound, UsageError
from core.store import setting
from core.store.database import Database
from core.store.tables import ApiToken

VIEWER, ANALYST, OPERATOR, ADMIN = ROLES = ("viewer", "analyst", "operator", "admin")
"""Each may do what those before it may: see; look closer and plan; run and decide; edit and connect."""
SYSTEM = ("worker", "schedule")
"""Actors that are the system itself."""
KEY = "roles"
LEAST = "least_role"


class _Member(Protocol):
    """Whoever acts, with a role."""

    actor: str

    @property
    def role(self) -> str:
        """What they may do."""
        ...


P = ParamSpec("P")
R = TypeVar("R")


def may(least: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Open a verb of a workspace to whoever has at least this role; asked before the verb looks at anything.

    Raises:
        NotAllowed: (by the verb) the actor's role is less.
    """

    def opened(verb: Callable[P, R]) -> Callable[P, R]:
        @wraps(verb)
        def asked(*args: P.args, **kwargs: P.kwargs) -> R:
            member = cast(_Member, args[0])
            if ROLES.index(member.role) < ROLES.index(least):
                raise NotAllowed(
                    f"{member.actor} has the role {member.role}; this needs the role {least}.",
                    hint="Ask an admin to do it.",
                )
            return verb(*args, **kwargs)

        setattr(asked, LEAST, least)
        return asked

    return opened


def least_role(verb: Callable[..., Any]) -> str | None:
    """The least role that may use a verb; None for what is not opened to anybody by `may`."""
    return getattr(verb, LEAST, None)


def members(db: Database, workspace_id: int) -> dict[str, str]:
    """Who has which role; empty while nobody was given one, and then everybody is an admin."""
    return dict(setting.get(db, workspace_id, KEY) or {})


def role_of(db: Database, workspace_id: int, actor: str) -> str:
    """The role of an actor: a person, ``token:NAME``, or the system itself."""
    if actor in SYSTEM:
        return ADMIN
    if actor.startswith("token:"):
        return _role_of_token(db, workspace_id, actor.removeprefix("token:"))
    known = members(db, workspace_id)
    return known.get(actor.lower(), VIEWER) if known else ADMIN


def _role_of_token(db: Database, workspace_id: int, name: str) -> str:
    with db.session() as session:
        found = session.exec(
            select(ApiToken.role).where(
                ApiToken.workspace_id == workspace_id, ApiToken.name == name, col(ApiToken.revoked_at).is_(None)
            )
        ).first()
    return str(found) if found else VIEWER


def set_role(db: Database, workspace_id: int, actor: str, role: str | None, by: str) -> None:
    """Give somebody a role, or take it away; whoever gives the first one becomes an admin by it.

    Raises:
        UsageError: there is no such role, the name is the system's own, or no admin would be left.
        NotFound: somebody without a role cannot lose it.
    """
    actor = actor.strip().lower()
    if not actor or actor in SYSTEM or actor.startswith("token:"):
        raise UsageError(f"'{actor}' cannot be given a role.", hint="Name a person, as they sign in.")
    if role is not None and role not in ROLES:
        raise UsageError(f"There is no role '{role}'.", hint=f"Roles are {', '.join(ROLES)}.")
    known = members(db, workspace_id)
    if role is None and actor not in known:
        raise NotFound(f"{actor} has no role here.")
    after = _changed(known or {by.lower(): ADMIN}, actor, role)
    if ADMIN not in after.values():
        raise UsageError("Somebody has to stay an admin.", hint="Make somebody else an admin first.")
    setting.put(db, workspace_id, KEY, after)


def _changed(known: Mapping[str, str], actor: str, role: str | None) -> dict[str, str]:
    rest = {a: r for a, r in known.items() if a != actor}
    return rest if role is None else {**rest, actor: role}
