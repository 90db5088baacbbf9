"""Says who may do what: the roles of a workspace, who has which, and the verbs that each of them opens."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Protocol, TypeVar

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
_MAY = {
    VIEWER: (
        "acting_as alerts api_budget balance candidates connections consent count_open_rows draft error_groups "
        "explain find_people finish_connect inbox job job_head jobs link_me list_members open_record open_rows "
        "overview plan_info plan_rows plan_rows_found plans readiness recycle_bin row run_info run_results runs "
        "specs summary templates users verify_token"
    ),
    ANALYST: (
        "audit_books audit_export audit_report audit_views backfill_counts backtest backtest_summary bundle "
        "changes check_filter check_preset checklist compare config_log context diff_config discard drop_draft "
        "duplicates exclusions export_config fields held_about keep_draft lineage list_views lookup org_object "
        "org_users plan presets preview preview_erasure request_plan retention seen_values segments "
        "simulate_merge validate validate_config value_counts verify_merge vocabulary wait write_bundle "
        "write_report"
    ),
    OPERATOR: (
        "apply approve backfill cancel decide merge_records mute_alerts opt_in pause preview_undo put_aside "
        "refresh_org rehearse repair_link request_run restore retry run take_in take_in_file try_job undo"
    ),
}
VERBS: dict[str, str] = {verb: role for role, verbs in _MAY.items() for verb in verbs.split()}
"""Verb -> the least role that may use it; one that is not named here is for admins."""


class _Member(Protocol):
    """Whoever acts, with a role."""

    actor: str

    @property
    def role(self) -> str:
        """What they may do."""
        ...


T = TypeVar("T")


def guarded(kind: type[T]) -> type[T]:
    """Have every public verb of a class ask first whether the actor's role opens it."""
    for name, verb in list(vars(kind).items()):
        if not name.startswith("_") and inspect.isfunction(verb):
            setattr(kind, name, _asking(verb, VERBS.get(name, ADMIN)))
    return kind


def _asking(verb: Callable[..., Any], least: str) -> Callable[..., Any]:
    @wraps(verb)
    def asked(self: _Member, *args: Any, **kwargs: Any) -> Any:
        if ROLES.index(self.role) < ROLES.index(least):
            raise NotAllowed(
                f"{self.actor} has the role {self.role}; this needs the role {least}.", hint="Ask an admin to do it."
            )
        return verb(self, *args, **kwargs)

    return asked


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
