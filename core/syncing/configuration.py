"""Gathers a workspace's configuration from the store."""

from __future__ import annotations

from sqlmodel import select

from core.mapping.spec import JobSpec
from core.mapping.vocabulary import Vocabulary
from core.mapping.workspace_config import Configuration, TeamUser
from core.store import exclusions, setting
from core.store.database import Database
from core.store.tables import Job, Workspace
from core.syncing.intake import VOCABULARY


def gathered(db: Database, workspace_id: int) -> Configuration:
    """The configuration as it is now."""
    with db.session() as session:
        head = session.get_one(Workspace, workspace_id)
        jobs = session.exec(select(Job).where(Job.workspace_id == workspace_id).order_by(Job.name)).all()
    lists = exclusions.read(db, workspace_id)
    named = {"domain": tuple(sorted(lists.domains)), "person": tuple(sorted(lists.people))}
    return Configuration(
        title=head.title,
        zone=head.zone,
        users=_users(db, workspace_id),
        vocabulary=Vocabulary.model_validate(setting.get(db, workspace_id, VOCABULARY) or {}),
        exclusions={k: v for k, v in named.items() if v},
        jobs=tuple(JobSpec.model_validate(j.spec) for j in jobs),
        enabled=tuple(j.name for j in jobs if j.is_enabled),
    )


def _users(db: Database, workspace_id: int) -> tuple[TeamUser, ...]:
    rows = db.read(
        "SELECT u.email, u.name, u.zone, u.is_active, o.username FROM workspace_user u LEFT JOIN org_user o"
        " ON o.workspace_id = u.workspace_id AND o.org_id = u.org_user_id WHERE u.workspace_id = :w ORDER BY u.email",
        w=workspace_id,
    )
    return tuple(
        TeamUser(email=e, name=n or "", zone=z or "", is_active=bool(a), org_username=u)
        for e, n, z, a, u in rows.iter_rows()
    )


def org_users_by_username(db: Database, workspace_id: int) -> dict[str, str]:
    """Username in lower case -> Id of the org user."""
    rows = db.read("SELECT username, org_id FROM org_user WHERE workspace_id = :w", w=workspace_id)
    return {str(name).lower(): str(org_id) for name, org_id in rows.iter_rows()}
