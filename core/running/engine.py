"""What a process needs to do runs: the store, secrets, the clock, and one gateway per workspace."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from core.connections.salesforce.gateway import Gateway, Timeouts
from core.errors import AllowanceUsed, GrantRejected, OrgError, OrgUnreachable
from core.settings import settings
from core.store.tables import Connection, Workspace
from core.syncing import connect
from core.syncing.connect import Doors
from core.syncing.context import Context


@dataclass
class Engine:
    """One per process; safe to share among threads."""

    doors: Doors
    timeouts: Timeouts | None = None
    _gateways: dict[int, tuple[tuple[Any, ...], Gateway]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.timeouts = self.timeouts or Timeouts(read=settings().read_timeout)

    def context(self, workspace_id: int) -> Context:
        """The context of a run of this workspace.

        Raises:
            NotFound: the workspace is not connected.
            GrantRejected: the org has refused the connection before, and nobody has reconnected.
        """
        connection = connect.master(self.doors.db, workspace_id)
        with self.doors.db.session() as session:
            zone = session.get_one(Workspace, workspace_id).zone
        return Context(
            db=self.doors.db,
            workspace_id=workspace_id,
            zone=zone,
            gateway=self._gateway(workspace_id, connection),
            integration_user=connection.user_id,
            clock=self.doors.clock,
            logins=OwnLogins(self, workspace_id),
        )

    def own_gateway(self, connection: Connection) -> Gateway:
        """The gateway of a person's own login."""
        return self._kept(-int(connection.id or 0), connection)

    def _gateway(self, workspace_id: int, connection: Connection) -> Gateway:
        return self._kept(workspace_id, connection)

    def _kept(self, name: int, connection: Connection) -> Gateway:
        """The gateway kept under a name: a workspace's by its id, a person's own by their connection's, negative."""
        with self._lock:
            # A reconnect, perhaps by another process, may bring another app or host: then the gateway is a new one.
            key = (
                int(connection.id or 0),
                connection.client_id,
                connection.flow,
                connection.instance_url,
                connection.state_at,
            )
            kept = self._gateways.get(name)
            if kept is None or kept[0] != key:
                kept = (key, connect.open_gateway(self.doors, connection, self.timeouts))
                # The org told us to stay away: that holds over a restart as well.
                kept[1].allowance_resets(connection.api_blocked_until_at)
                self._gateways[name] = kept
            return kept[1]

    def note(self, workspace_id: int, error: OrgError | None = None) -> None:
        """Write the connection's state down as the last calls showed it."""
        with self._lock:
            kept = self._gateways.get(workspace_id)
        if kept is None:
            return
        state, reason = "ok", ""
        if error is not None:
            reason = error.sentence()
            state = _STATES.get(type(error), "ok")
            if state == "ok":
                reason = ""
        connect.note_state(self.doors, kept[0][0], kept[1], state, reason)

    def forget(self, workspace_id: int) -> None:
        """Take the gateway anew the next time, for a connection that changed."""
        with self._lock:
            self._gateways.pop(workspace_id, None)


@dataclass(frozen=True)
class OwnLogins:
    """The logins that people of a workspace have linked for themselves."""

    engine: Engine
    workspace_id: int

    def people(self) -> list[str]:
        """E-mails of those who have one that the org accepts."""
        return [c.owner for c in connect.own_logins(self.engine.doors.db, self.workspace_id)]

    def open(self, email: str) -> tuple[Gateway, str] | None:
        """A person's gateway and org user; ``None`` where there is none, or the org has refused it."""
        found = [c for c in connect.own_logins(self.engine.doors.db, self.workspace_id) if c.owner == email]
        return (self.engine.own_gateway(found[0]), found[0].user_id) if found else None


_STATES: dict[type[OrgError], str] = {
    GrantRejected: "auth_failed",
    AllowanceUsed: "over_limit",
    OrgUnreachable: "unreachable",
}
