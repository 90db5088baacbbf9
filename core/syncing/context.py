"""What one run works with: the database, the workspace, the org's gateway, and the describes it goes by."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlmodel import select

from core.clock import Clock
from core.connections.salesforce.gateway import Answer, Describe, Gateway
from core.errors import NotFound
from core.mapping.spec import JobSpec
from core.records import Direction, Kind
from core.schema.describe import OrgObject
from core.store.database import Database
from core.store.tables import Job, OrgDescribe
from core.values import times


class Logins(Protocol):
    """The logins that people of the team have linked for themselves."""

    def people(self) -> list[str]:
        """E-mails of those who have one that the org accepts."""
        ...

    def open(self, email: str) -> tuple[Gateway, str] | None:
        """A person's gateway and org user; ``None`` where there is none, or the org has refused it."""
        ...


class NoLogins:
    """Nobody has linked one."""

    def people(self) -> list[str]:
        """Nobody."""
        return []

    def open(self, email: str) -> tuple[Gateway, str] | None:
        """None."""
        return None


@dataclass
class Context:
    """Handed to every verb of this room; one per run."""

    db: Database
    workspace_id: int
    zone: str
    gateway: Gateway
    integration_user: str
    clock: Clock
    logins: Logins = field(default_factory=NoLogins)
    _orgs: dict[str, OrgObject] = field(default_factory=dict)

    def now(self) -> datetime:
        """Our time."""
        return self.clock.now()

    def org_now(self) -> datetime:
        """The org's time, asked of it where this process has not heard of it yet."""
        if not self.gateway.calls:
            self.gateway.limits()
        return self.gateway.server_now()

    @property
    def offset_s(self) -> float:
        """Seconds by which the org's clock is ahead of ours."""
        return (self.gateway.server_now() - self.clock.now()).total_seconds()

    def org(self, sobject: str) -> OrgObject:
        """The describe of an org object, as last read; read now where it never was."""
        known = self._orgs.get(sobject.lower())
        if known is None:
            body = self._stored(sobject) or self.refresh(sobject)
            known = self._orgs[sobject.lower()] = OrgObject.from_describe(body)
        return known

    def orgs(self, names: Iterable[str]) -> dict[str, OrgObject]:
        """Several of them by name."""
        return {n: self.org(n) for n in names}

    def _stored(self, sobject: str) -> dict[str, Any] | None:
        row = self._row(sobject)
        return json.loads(row.body) if row else None

    def _row(self, sobject: str) -> OrgDescribe | None:
        with self.db.session() as session:
            return session.exec(
                select(OrgDescribe).where(OrgDescribe.workspace_id == self.workspace_id, OrgDescribe.sobject == sobject)
            ).first()

    def refresh(self, sobject: str) -> dict[str, Any]:
        """Read a describe from the org and keep it.

        Raises:
            NotFound: the connected user cannot see the object.
        """
        answer = self.gateway.read_together([Describe(sobject)])[0].ok()
        if not isinstance(answer.body, dict):
            raise NotFound(f"The org did not describe {sobject}.")
        self.keep_describe(answer)
        return answer.body

    def described_at(self, sobject: str) -> datetime | None:
        """When the describe we have was last modified in the org, for a conditional read; ``None`` without one."""
        row = self._row(sobject)
        return times.parse_instant(row.last_modified) if row and row.last_modified else None

    def keep_describe(self, answer: Answer) -> None:
        """Store a describe that was read on the way; one that has not changed leaves ours as it is."""
        if answer.not_modified or not isinstance(answer.body, dict):
            return
        org = OrgObject.from_describe(answer.body)
        with self.db.writing() as session:
            row = OrgDescribe(
                workspace_id=self.workspace_id,
                sobject=org.name,
                body=json.dumps(answer.body, ensure_ascii=False),
                last_modified=answer.last_modified.isoformat() if answer.last_modified else "",
                fingerprint=org.fingerprint(),
                fetched_at=self.now(),
            )
            session.merge(row)
            session.commit()
        self._orgs[org.name.lower()] = org

    def jobs(self) -> list[JobSpec]:
        """The jobs that are switched on."""
        with self.db.session() as session:
            rows = session.exec(select(Job).where(Job.workspace_id == self.workspace_id, Job.is_enabled)).all()
        return [JobSpec.model_validate(r.spec) for r in rows]

    def comes_in(self, kind: Kind) -> bool:
        """Whether a switched-on job brings such records from the org."""
        return any(j.kind is kind and j.direction is Direction.INBOUND for j in self.jobs())

    def goes_out(self, kind: Kind) -> bool:
        """Whether a switched-on job brings such records to the org."""
        return any(j.kind is kind and j.direction is Direction.OUTBOUND for j in self.jobs())
