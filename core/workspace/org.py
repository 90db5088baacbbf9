"""The workspace's org: sign-in, the pause of writing, what the org describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zoneinfo import available_timezones

from core.errors import UsageError
from core.mapping.editor import FieldSheet, sheets
from core.mapping.findings import Finding
from core.mapping.load import CHOOSE_FIELD
from core.records import Direction
from core.schema.describe import OrgObject, RecordType
from core.settings import settings
from core.store.roles import ADMIN, ANALYST, OPERATOR, VIEWER, may
from core.store.tables import Connection
from core.store.tables import Workspace as WorkspaceRow
from core.syncing import connect, lists, picklists, users
from core.syncing.connect import Begun
from core.syncing.context import Context
from core.workspace.base import Base


class Org(Base):
    """The workspace's org: sign-in, the pause of writing, what the org describes."""

    @may(ADMIN)
    def configure(self, *, title: str | None = None, zone: str | None = None) -> None:
        """Set the title or the time zone.

        Raises:
            UsageError: there is no such zone.
        """
        if zone is not None and zone not in available_timezones():
            raise UsageError(f"There is no time zone called {zone}.", hint="Write it like America/Chicago.")
        with self.database.writing() as session:
            row = session.get_one(WorkspaceRow, self.workspace_id)
            before = {"title": row.title, "zone": row.zone}
            row.title, row.zone = title or row.title, zone or row.zone
            after = {"title": row.title, "zone": row.zone}
            session.add(row)
            session.commit()
        if before != after:
            self._note("workspace.configured", self.name, {"before": before, "after": after})

    @may(OPERATOR)
    def pause(self, *, reading: bool = False) -> None:
        """Stop all writes to the org at once, with ``reading`` what comes from it as well; stays over restarts."""
        self._set_paused(paused=True, reading=reading)

    @may(ADMIN)
    def resume(self) -> None:
        """Let everything go on."""
        self._set_paused(paused=False, reading=False)

    def _set_paused(self, *, paused: bool, reading: bool) -> None:
        with self.database.writing() as session:
            row = session.get_one(WorkspaceRow, self.workspace_id)
            row.is_paused, row.is_reading_paused, row.paused_by = paused, reading, self.actor if paused else None
            session.add(row)
            session.commit()
        self._note("workspace.paused" if paused else "workspace.resumed", self.name, {"reading": reading})

    @may(ADMIN)
    def allow_host(self, host: str) -> None:
        """List a host beside Salesforce's own as one that may be signed in to."""
        connect.allow_host(self.database, self.workspace_id, host)
        self._note("hosts.allowed", host)

    @may(ADMIN)
    def begin_connect(
        self,
        *,
        login_url: str,
        client_id: str,
        client_secret: str = "",
        redirect_uri: str = "",
        name: str = "Salesforce",
    ) -> Begun:
        """Begin a sign-in: send the browser to ``url``, with ``browser`` as a cookie for the way back.

        Raises:
            HostRefused: the host is not allowed.
        """
        redirect = redirect_uri or f"{settings().public_url.rstrip('/')}/oauth/callback"
        return connect.begin(
            self.doors, self.workspace_id, actor=self.actor, login_url=login_url, client_id=client_id,
            client_secret=client_secret, redirect_uri=redirect, name=name,
        )  # fmt: skip

    @may(VIEWER)
    def finish_connect(self, browser: str, query: Mapping[str, str]) -> Connection:
        """End a sign-in with what the org sent the browser back with, then read the org's users.

        Raises:
            SignInError: consent was refused, or the state is unknown, used, too old or another browser's.
            UsageError: the sign-in leads to another org than the workspace's.
        """
        made = connect.finish(self.doors, self.workspace_id, actor=None, browser=browser, query=query)
        self._after_connecting()
        if made.owner:
            self.database.execute(
                "UPDATE workspace_user SET org_user_id = :o, linked_how = 'signed in' WHERE workspace_id = :w"
                " AND email = :e",
                o=made.user_id, w=self.workspace_id, e=made.owner,
            )  # fmt: skip
        return made

    @may(ADMIN)
    def connect_headless(
        self,
        *,
        flow: str,
        login_url: str,
        client_id: str,
        client_secret: str = "",
        username: str = "",
        private_key: str = "",
        name: str = "Salesforce",
    ) -> Connection:
        """Connect by JWT bearer (``jwt``) or ``client_credentials``, without a browser."""
        made = connect.headless(
            self.doors, self.workspace_id, actor=self.actor, flow=flow, login_url=login_url, client_id=client_id,
            client_secret=client_secret, username=username, private_key=private_key, name=name,
        )  # fmt: skip
        self._after_connecting()
        return made

    def _after_connecting(self) -> None:
        self.engine.forget(self.workspace_id)
        users.refresh(self._ctx())
        self.engine.note(self.workspace_id)

    @may(ANALYST)
    def context(self) -> Context:
        """The org as this workspace sees it, for verbs that read it now."""
        return self._ctx()

    @may(OPERATOR)
    def refresh_org(self, sobjects: Iterable[str] = ()) -> dict[str, int]:
        """'Pull now': read users and the describes of the jobs' objects (and those named) again.

        Returns:
            Object name -> number of fields, and ``users``.
        """
        ctx = self._ctx()
        names = dict.fromkeys([*(p.sobject for s in self.specs() for p in s.pairs), *sobjects])
        out = {name: len(ctx.refresh(name)["fields"]) for name in names}
        out["users"] = users.refresh(ctx)
        self.engine.note(self.workspace_id)
        return out

    @may(ANALYST)
    def org_object(self, sobject: str) -> OrgObject:
        """The describe of an org object, as last read."""
        return self._ctx().org(sobject)

    @may(ANALYST)
    def record_types(self, sobject: str) -> list[RecordType]:
        """The record types of an object that the connected user may use."""
        return list(self._ctx().org(sobject).record_types)

    @may(ANALYST)
    def org_fields(
        self, sobject: str, *, direction: Direction = Direction.OUTBOUND, record_type: str = ""
    ) -> list[FieldSheet]:
        """Every field of an object as the mapping editor shows it; picklists are those of a record type, where named.

        Raises:
            NotFound: there is no such record type.
            OrgError: the org did not answer.
        """
        ctx = self._ctx()
        org = picklists.narrowed(ctx, ctx.org(sobject), record_type)
        inward = direction is Direction.INBOUND
        pairs = [p for s in self.specs() if s.direction is direction for p in s.pairs if p.sobject == org.name]
        named = [m.source if inward else m.target for p in pairs for m in p.mappings if m.target != CHOOSE_FIELD]
        return sheets(org, direction, [n for n in named if n and "." not in n])

    @may(ANALYST)
    def list_views(self, sobject: str) -> list[dict[str, str]]:
        """The org's list views of an object that the connected user may see: name, label.

        One that is not among them is not shared with that user: the org's admin can share it.
        """
        return lists.views(self._ctx(), sobject)

    @may(ANALYST)
    def check_filter(self, sobject: str, where: str) -> list[Finding]:
        """Every finding of a SOQL filter as it is typed: form, fields, permissions, and what it costs to read by it."""
        return lists.check_filter(self._ctx(), sobject, where)
