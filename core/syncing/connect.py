"""Connects a workspace to its org: the sign-in from begin to end, tokens at rest, the gateway of a connection."""

from __future__ import annotations

import fcntl
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr
from sqlmodel import select

from core.clock import Clock
from core.connections.salesforce import oauth
from core.connections.salesforce.gateway import Gateway, Timeouts
from core.connections.salesforce.hosts import allowed_origin, is_allowed
from core.connections.salesforce.oauth import App
from core.connections.salesforce.ports import Tokens
from core.connections.salesforce.tokens import TokenSource
from core.errors import NotFound, SignInError, UsageError
from core.store import ledger, setting
from core.store.database import Database
from core.store.secrets import Vault, hashed, new_secret
from core.store.tables import Connection, OAuthState, Workspace

HOSTS = "allowed_hosts"
STATE_LIFETIME = timedelta(minutes=10)
_threads: dict[int, threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class Doors:
    """What every verb of this room needs: the store, its secrets, our clock, where locks lie, a private CA."""

    db: Database
    vault: Vault
    clock: Clock
    home: Path
    ca_file: str = ""


@dataclass(frozen=True)
class Begun:
    """A sign-in that was begun: send the browser to ``url`` and give it the cookie ``browser``."""

    url: str = field(repr=False)
    browser: str = field(repr=False)


class StoredTokens:
    """The token store of one connection: sealed in the database, one refresh at a time over all processes."""

    def __init__(self, doors: Doors, connection_id: int) -> None:
        self._doors = doors
        self._id = connection_id

    def load(self) -> Tokens:
        """The tokens as they are now."""
        with self._doors.db.session() as session:
            row = session.get(Connection, self._id)
        if row is None or row.secrets is None:
            raise NotFound("The connection has no sign-in.", hint="Connect it on the Connections page.")
        kept = self._doors.vault.open(row.secrets)
        refresh = kept.get("refresh_token")
        return Tokens(
            access_token=SecretStr(kept.get("access_token") or ""),
            instance_url=row.instance_url,
            refresh_token=SecretStr(refresh) if refresh else None,
            org_id=row.org_id,
            user_id=row.user_id,
            username=row.username,
            rejected=row.state_reason if row.state == "auth_failed" else "",
        )

    def save(self, tokens: Tokens) -> None:
        """Keep tokens; a refused sign-in is kept as the connection's state."""
        with self._doors.db.writing() as session:
            row = session.get_one(Connection, self._id)
            kept = self._doors.vault.open(row.secrets) if row.secrets else {}
            kept["access_token"] = tokens.access_token.get_secret_value()
            kept["refresh_token"] = tokens.refresh_token.get_secret_value() if tokens.refresh_token else None
            row.secrets = self._doors.vault.seal(kept)
            row.instance_url = tokens.instance_url
            state = "auth_failed" if tokens.rejected else "ok"
            if state != row.state:
                row.state, row.state_at = state, self._doors.clock.now()
            row.state_reason = tokens.rejected
            session.add(row)
            session.commit()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One refresh at a time: among threads, among processes of this machine, and among machines on PostgreSQL."""
        folder = self._doors.home / "locks"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _threads[self._id], (folder / f"connection-{self._id}").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            with self._doors.db.advisory_lock(f"connection-{self._id}"):
                yield


def allowed_hosts(db: Database, workspace_id: int) -> tuple[str, ...]:
    """The hosts that an admin has listed beside Salesforce's own."""
    return tuple(setting.get(db, workspace_id, HOSTS) or ())


def ca_for(doors: Doors, url: str, listed: tuple[str, ...]) -> str:
    """The private authority's file, for hosts that an admin has listed; Salesforce's own are judged by public ones."""
    if not url or is_allowed(url.strip()):
        return ""
    parts = urlsplit(url.strip())
    named = {parts.netloc.lower(), (parts.hostname or "").lower()}
    return doors.ca_file if named & set(listed) else ""


def allow_host(db: Database, workspace_id: int, host: str) -> None:
    """List a host (``name`` or ``name:port``).

    Raises:
        HostRefused: that is no plain host.
    """
    host = host.strip().lower().removeprefix("https://").rstrip("/")
    allowed_origin(f"https://{host}", [host])
    setting.change(db, workspace_id, HOSTS, lambda kept: sorted({*(kept or []), host}))


def begin(
    doors: Doors,
    workspace_id: int,
    *,
    actor: str,
    login_url: str,
    client_id: str,
    client_secret: str = "",
    redirect_uri: str,
    name: str = "Salesforce",
    owner: str = "",
) -> Begun:
    """Begin a sign-in in the browser: a state for one use, ten minutes, this browser and this actor.

    With an owner it becomes that person's own login, and never the system's.

    Raises:
        HostRefused: the host is not allowed.
    """
    hosts = allowed_hosts(doors.db, workspace_id)
    app = App(
        login_url.strip(),
        client_id.strip(),
        redirect_uri=redirect_uri,
        allowed_hosts=hosts,
        ca_file=ca_for(doors, login_url, hosts),
    )
    state, browser, pkce = new_secret(), new_secret(), oauth.new_pkce()
    url = oauth.authorize_url(app, state=state, pkce=pkce)
    row = OAuthState(
        state_hash=hashed(state),
        workspace_id=workspace_id,
        actor=actor,
        browser_hash=hashed(browser),
        verifier=doors.vault.seal(pkce.verifier.get_secret_value()),
        login_url=app.origin(),
        client_id=client_id.strip(),
        client_secret=doors.vault.seal(client_secret) if client_secret else None,
        redirect_uri=redirect_uri,
        name=name,
        owner=owner,
        expires_at=doors.clock.now() + STATE_LIFETIME,
    )
    with doors.db.writing() as session:
        session.add(row)
        session.commit()
    return Begun(url, browser)


def finish(doors: Doors, workspace_id: int, *, actor: str | None, browser: str, query: Mapping[str, str]) -> Connection:
    """End a sign-in with what the org sent the browser back with.

    Args:
        doors: the doors.
        workspace_id: whose.
        actor: who is at the browser; ``None`` where only the cookie tells.
        browser: the cookie that `begin` gave.
        query: the callback's query.

    Raises:
        SignInError: consent was refused, or the state is unknown, used, too old, or belongs to another browser.
    """
    state = _take_state(doors, workspace_id, str(query.get("state") or ""), browser, actor)
    code, _ = oauth.read_callback(query)
    secret = doors.vault.open(state.client_secret) if state.client_secret else ""
    hosts = allowed_hosts(doors.db, workspace_id)
    app = App(
        state.login_url,
        state.client_id,
        SecretStr(secret) if secret else None,
        state.redirect_uri,
        hosts,
        ca_for(doors, state.login_url, hosts),
    )
    tokens = oauth.exchange_code(app, code, doors.vault.open(state.verifier))
    return keep_connection(
        doors, workspace_id, app, tokens, actor=state.actor, name=state.name, flow="web", owner=state.owner
    )


def _take_state(doors: Doors, workspace_id: int, state: str, browser: str, actor: str | None) -> OAuthState:
    """Use a state up; whatever is wrong with it, it cannot be used again."""
    again = "Start the sign-in again."
    with doors.db.writing() as session:
        row = session.get(OAuthState, hashed(state), with_for_update=True)
        if row is None or row.workspace_id != workspace_id:
            raise SignInError("This sign-in was not begun here.", hint=again)
        used, row.used_at = row.used_at, row.used_at or doors.clock.now()
        session.add(row)
        session.commit()
    if used is not None:
        raise SignInError("This sign-in was already used.", hint=again)
    if doors.clock.now() > row.expires_at:
        raise SignInError("This sign-in took longer than ten minutes.", hint=again)
    if hashed(browser) != row.browser_hash or (actor is not None and actor != row.actor):
        raise SignInError("This sign-in was begun in another browser, or by somebody else.", hint=again)
    return row


def keep_connection(
    doors: Doors,
    workspace_id: int,
    app: App,
    tokens: Tokens,
    *,
    actor: str,
    name: str,
    flow: str,
    private_key: str = "",
    owner: str = "",
) -> Connection:
    """Record a connection; a workspace stays with the org it first met, a connection with its user.

    Raises:
        UsageError: the sign-in leads to another org than the workspace's.
    """
    with doors.db.session() as session:
        known = session.exec(
            select(Connection.id).where(Connection.workspace_id == workspace_id, Connection.user_id == tokens.user_id)
        ).first()
    # A refresh that is under way must not write its old tokens over the new ones.
    with StoredTokens(doors, known).locked() if known else nullcontext():
        return _keep(
            doors, workspace_id, app, tokens, actor=actor, name=name, flow=flow, private_key=private_key, owner=owner
        )


def _keep(
    doors: Doors,
    workspace_id: int,
    app: App,
    tokens: Tokens,
    *,
    actor: str,
    name: str,
    flow: str,
    private_key: str,
    owner: str,
) -> Connection:
    now = doors.clock.now()
    with doors.db.writing() as session:
        workspace = session.get_one(Workspace, workspace_id, with_for_update=True)
        if workspace.org_id and workspace.org_id != tokens.org_id:
            raise UsageError(
                f"This workspace syncs with org {workspace.org_id}; the sign-in leads to {tokens.org_id}.",
                hint="Make another workspace for another org.",
            )
        workspace.org_id = tokens.org_id
        found = session.exec(
            select(Connection).where(Connection.workspace_id == workspace_id, Connection.user_id == tokens.user_id)
        ).first()
        others = session.exec(select(Connection).where(Connection.workspace_id == workspace_id)).all()
        row = found or Connection(
            workspace_id=workspace_id, name=name, login_url=app.login_url, created_at=now, created_by=actor,
            is_master=not others and not owner,
        )  # fmt: skip
        # The system's own login stays the system's, also where its user links it.
        row.owner = owner if owner and not row.is_master else row.owner
        row.login_url, row.instance_url, row.flow = app.login_url, tokens.instance_url, flow
        row.org_id, row.user_id, row.username, row.client_id = (
            tokens.org_id,
            tokens.user_id,
            tokens.username,
            app.client_id,
        )
        row.state, row.state_reason, row.state_at = "ok", "", now
        row.secrets = doors.vault.seal(
            {
                "access_token": tokens.access_token.get_secret_value(),
                "refresh_token": tokens.refresh_token.get_secret_value() if tokens.refresh_token else None,
                "client_secret": app.client_secret.get_secret_value() if app.client_secret else None,
                "private_key": private_key or None,
            }
        )
        session.add_all([workspace, row])
        session.commit()
        session.refresh(row)
    with doors.db.batch(workspace_id) as batch:
        ledger.write(
            batch, "connection.made", tokens.username, actor=actor, at=now, detail=f"org {tokens.org_id}, {flow}"
        )
    return row


def headless(
    doors: Doors, workspace_id: int, *, actor: str, flow: str, login_url: str, client_id: str, client_secret: str = "",
    username: str = "", private_key: str = "", name: str = "Salesforce",
) -> Connection:  # fmt: skip
    """Connect without a browser: ``jwt`` or ``client_credentials``.

    Raises:
        UsageError: there is no such flow.
        GrantRejected: the org refuses it.
    """
    hosts = allowed_hosts(doors.db, workspace_id)
    app = App(
        login_url, client_id, SecretStr(client_secret) if client_secret else None, "",
        hosts, ca_for(doors, login_url, hosts),
    )  # fmt: skip
    if flow == "jwt":
        tokens = oauth.jwt_bearer(app, username, SecretStr(private_key))
    elif flow == "client_credentials":
        tokens = oauth.client_credentials(app)
    else:
        raise UsageError(f"There is no sign-in called {flow}.", hint="Use web, jwt or client_credentials.")
    return keep_connection(doors, workspace_id, app, tokens, actor=actor, name=name, flow=flow, private_key=private_key)


def master(db: Database, workspace_id: int) -> Connection:
    """The connection by which the system itself reads and writes.

    Raises:
        NotFound: the workspace is not connected.
    """
    with db.session() as session:
        row = session.exec(
            select(Connection).where(Connection.workspace_id == workspace_id, Connection.is_master)
        ).first()
    if row is None:
        raise NotFound("The workspace is not connected to an org.", hint="Connect it on the Connections page.")
    return row


def own_logins(db: Database, workspace_id: int) -> list[Connection]:
    """The connections that people have linked for themselves, and that the org accepts."""
    with db.session() as session:
        found = session.exec(
            select(Connection).where(
                Connection.workspace_id == workspace_id, Connection.owner != "", Connection.state != "auth_failed"
            )
        )
        return list(found.all())


def open_gateway(doors: Doors, connection: Connection, timeouts: Timeouts | None = None) -> Gateway:
    """The gateway of a connection."""
    kept = doors.vault.open(connection.secrets) if connection.secrets else {}
    hosts = allowed_hosts(doors.db, connection.workspace_id)
    secret = kept.get("client_secret")
    app = App(
        connection.login_url,
        connection.client_id,
        SecretStr(secret) if secret else None,
        "",
        hosts,
        ca_for(doors, connection.login_url, hosts),
    )
    renew: Any = oauth.by_refresh(app)
    if connection.flow == "jwt":
        renew = oauth.by_jwt(app, connection.username, SecretStr(kept.get("private_key") or ""))
    elif connection.flow == "client_credentials":
        renew = oauth.by_client_credentials(app)
    source = TokenSource(StoredTokens(doors, int(connection.id or 0)), renew)
    ca_file = ca_for(doors, connection.instance_url, hosts)
    return Gateway(source, allowed_hosts=hosts, ca_file=ca_file, clock=doors.clock, timeouts=timeouts)


def note_state(doors: Doors, connection_id: int, gateway: Gateway, state: str = "ok", reason: str = "") -> None:
    """Write down what the last calls told: usage, clock offset, and the connection's state when it changed."""
    with doors.db.writing() as session:
        row = session.get(Connection, connection_id)
        if row is None:
            return
        if gateway.usage is not None:
            row.api_used, row.api_limit = gateway.usage.used, gateway.usage.limit
        row.api_blocked_until_at = gateway.closed_until
        row.clock_offset_s = gateway.clock_offset.total_seconds()
        refused = row.state == "auth_failed" and state == "ok"
        # Only a new sign-in ends a refusal; an answer that was under way does not.
        if not refused and (row.state, row.state_reason) != (state, reason):
            row.state, row.state_reason, row.state_at = state, reason, doors.clock.now()
        session.add(row)
        session.commit()
