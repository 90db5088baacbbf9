"""What every verb of a workspace stands on: who acts, the doors, and the lists of jobs and users."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

import polars as pl
from sqlmodel import select

from core.audit import health as reporting
from core.audit.frames import Frames
from core.errors import NotFound
from core.mapping.spec import JobSpec
from core.running.engine import Engine
from core.store import ledger, roles
from core.store.database import Database
from core.store.roles import VIEWER, may
from core.store.tables import Connection, Job
from core.store.tables import Workspace as WorkspaceRow
from core.syncing.connect import Doors
from core.syncing.context import Context


class Base:
    """What every verb of a workspace stands on: who acts, the doors, and the lists of jobs and users."""

    def __init__(self, doors: Doors, workspace_id: int, name: str, actor: str, engine: Engine | None = None) -> None:
        self.doors = doors
        self.database: Database = doors.db
        self.workspace_id = workspace_id
        self.name = name
        self.actor = actor
        self.engine = engine or Engine(doors)
        self.frames = Frames(doors.db, workspace_id)

    @may(VIEWER)
    def acting_as(self, actor: str) -> Self:
        """The same workspace in the hands of somebody else."""
        return type(self)(self.doors, self.workspace_id, self.name, actor, self.engine)

    @property
    def role(self) -> str:
        """What the actor may do: viewer, analyst, operator or admin."""
        return roles.role_of(self.database, self.workspace_id, self.actor)

    @may(VIEWER)
    def row(self) -> WorkspaceRow:
        """The workspace's own row: title, zone, org, whether it is paused."""
        with self.database.session() as session:
            return session.get_one(WorkspaceRow, self.workspace_id)

    def _note(self, kind: str, subject: str, values: Any = None, detail: str = "") -> None:
        with self.database.batch(self.workspace_id) as batch:
            ledger.write(batch, kind, subject, actor=self.actor, at=self._now(), detail=detail, values=values)

    def _now(self) -> datetime:
        return self.doors.clock.now()

    @may(VIEWER)
    def connections(self) -> list[Connection]:
        """The connections of the workspace, the master first; secrets stay sealed."""
        with self.database.session() as session:
            found = session.exec(select(Connection).where(Connection.workspace_id == self.workspace_id)).all()
        return sorted(found, key=lambda c: (not c.is_master, c.username))

    def _ctx(self) -> Context:
        return self.engine.context(self.workspace_id)

    @may(VIEWER)
    def users(self) -> pl.DataFrame:
        """Workspace users with the org users they are linked to."""
        return self.database.read(
            "SELECT u.email, u.name, u.zone, u.is_active, u.org_user_id, u.linked_how, o.name AS org_name,"
            " o.username AS"
            " org_username, o.is_active AS org_is_active FROM workspace_user u LEFT JOIN org_user o ON o.workspace_id ="
            " u.workspace_id AND o.org_id = u.org_user_id WHERE u.workspace_id = :w ORDER BY u.email",
            w=self.workspace_id,
        ).with_columns(pl.col("org_is_active").cast(pl.Boolean))

    @may(VIEWER)
    def specs(self) -> list[JobSpec]:
        """All jobs' specs, in the order in which they run."""
        with self.database.session() as session:
            rows = session.exec(select(Job).where(Job.workspace_id == self.workspace_id)).all()
        return in_order([JobSpec.model_validate(r.spec) for r in rows])

    @may(VIEWER)
    def job(self, name: str) -> JobSpec:
        """One job's spec.

        Raises:
            NotFound: there is no such job.
        """
        for spec in self.specs():
            if spec.name == name:
                return spec
        known = ", ".join(s.name for s in self.specs()) or "none yet"
        raise NotFound(f"There is no job called {name}.", hint=f"Jobs: {known}.")

    @may(VIEWER)
    def jobs(self) -> list[dict[str, Any]]:
        """All jobs with their state: spec's head, enabled, next run, last run, open rows, linked records."""
        return reporting.jobs(self.database, self.workspace_id, self.specs())

    @may(VIEWER)
    def readiness(self) -> dict[str, bool | str]:
        """Whether database, worker and org answer."""
        return reporting.readiness(self.database, self.workspace_id, self._now())


def in_order(specs: Sequence[JobSpec]) -> list[JobSpec]:
    """Jobs so that each comes after those it names in ``after``."""
    left = sorted(specs, key=lambda s: s.name)
    out: list[JobSpec] = []
    while left:
        names = {s.name for s in left}
        ready = next((s for s in left if not names & set(s.after) - {s.name}), left[0])
        out.append(ready)
        left.remove(ready)
    return out
