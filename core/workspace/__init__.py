"""Workspace: everything a person, a script or the console can ask of Syncline, as verbs of one object."""

from __future__ import annotations

import getpass

from sqlmodel import select

from core.clock import Clock, SystemClock
from core.settings import Settings, settings
from core.store.database import Database
from core.store.migrate import migrate
from core.store.secrets import open_vault
from core.store.tables import Workspace as WorkspaceRow
from core.syncing.connect import Doors
from core.workspace.alerts import Alerts
from core.workspace.audit import Audit
from core.workspace.config import Configured
from core.workspace.deciding import Deciding
from core.workspace.intake import Intake
from core.workspace.investigate import Investigate
from core.workspace.privacy import Privacy
from core.workspace.runs import Preview

__all__ = ["Preview", "Workspace", "open_workspace"]


class Workspace(Alerts, Audit, Configured, Deciding, Intake, Investigate, Privacy):
    """One workspace, and who acts in it; a verb that the actor's role does not open is refused."""


def open_workspace(
    name: str = "default",
    actor: str | None = None,
    *,
    config: Settings | None = None,
    clock: Clock | None = None,
) -> Workspace:
    """Open a workspace of the configured database, making both on the first use.

    Args:
        name: the workspace.
        actor: who acts; the operating-system user where unset.
        config: settings other than the environment's.
        clock: the clock; the machine's where unset.
    """
    config = config or settings()
    config.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(config.url())
    migrate(database)
    doors = Doors(
        database,
        open_vault(config.secret_key.get_secret_value(), config.home),
        clock or SystemClock(),
        config.home,
        config.ca_file,
    )
    actor = actor or getpass.getuser()
    with database.session() as looking:
        row = looking.exec(select(WorkspaceRow).where(WorkspaceRow.name == name)).first()
    if row is not None:
        return Workspace(doors, row.id, name, actor)
    with database.writing() as session:
        row = session.exec(select(WorkspaceRow).where(WorkspaceRow.name == name)).first()
        if row is None:
            highest = max((w.id for w in session.exec(select(WorkspaceRow)).all()), default=0)
            row = WorkspaceRow(id=highest + 1, name=name, title=name, created_at=doors.clock.now(), created_by=actor)
            session.add(row)
            session.commit()
        workspace_id = row.id
    return Workspace(doors, workspace_id, name, actor)
