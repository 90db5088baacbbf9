"""Keeps the tokens of the HTTP API: the text is shown once, only its hash is stored."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from core.errors import NotFound, UsageError
from core.store.database import Database
from core.store.roles import ROLES
from core.store.secrets import hashed, new_secret
from core.store.tables import ApiToken

PREFIX = "syn_"
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """Who a token stands for; never its text."""

    id: int
    workspace_id: int
    name: str
    role: str
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    revoked_at: datetime | None

    @property
    def actor(self) -> str:
        """How the ledger names whoever acts by this token."""
        return f"token:{self.name}"


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made, with the text that is never to be seen again."""

    text: str
    info: TokenInfo

    def __repr__(self) -> str:
        return f"NewToken({self.info.name!r})"


def create_token(db: Database, workspace_id: int, name: str, role: str, *, created_by: str, now: datetime) -> NewToken:
    """Make a token.

    Raises:
        UsageError: no name, a name in use, or an unknown role.
    """
    name = name.strip()
    if not name:
        raise UsageError("A token needs a name.")
    if role not in ROLES:
        raise UsageError(f"There is no role '{role}'.", hint=f"Roles are {', '.join(ROLES)}.")
    text = PREFIX + new_secret()
    with db.writing() as session:
        if session.exec(_named(workspace_id, name)).first():
            raise UsageError(f"A token named '{name}' is in use.", hint="Revoke it first, or choose another name.")
        row = ApiToken(
            workspace_id=workspace_id,
            name=name,
            role=role,
            token_hash=hashed(text),
            created_at=now,
            created_by=created_by,
        )
        session.add(row)
        session.commit()
        return NewToken(text, _info(row))


def verify_token(db: Database, workspace_id: int, text: str, *, now: datetime) -> TokenInfo | None:
    """Who the token stands for; None for an unknown, revoked or other workspace's token. Notes its use."""
    if not text.startswith(PREFIX):
        return None
    digest = hashed(text)
    wanted = select(ApiToken).where(ApiToken.workspace_id == workspace_id, ApiToken.token_hash == digest)
    with db.session() as session:
        row = session.exec(wanted).first()
    if row is None or not hmac.compare_digest(row.token_hash, digest) or row.revoked_at is not None:
        return None
    # One write a minute is enough to see that it is in use, and spares the database one per request.
    if row.last_used_at is None or now - row.last_used_at >= _USE_NOTED_EVERY:
        db.execute("UPDATE api_token SET last_used_at = :now WHERE id = :id", id=row.id, now=now)
    return _info(row)


def list_tokens(db: Database, workspace_id: int) -> list[TokenInfo]:
    """All tokens ever made, newest first, the revoked ones included."""
    wanted = select(ApiToken).where(ApiToken.workspace_id == workspace_id).order_by(col(ApiToken.id).desc())
    with db.session() as session:
        return [_info(row) for row in session.exec(wanted)]


def revoke_token(db: Database, workspace_id: int, name: str, *, now: datetime) -> TokenInfo:
    """Make a token useless from now on.

    Raises:
        NotFound: no token of that name is in use.
    """
    with db.writing() as session:
        row = session.exec(_named(workspace_id, name)).first()
        if row is None:
            raise NotFound(f"No token named '{name}' is in use.")
        row.revoked_at = now
        session.add(row)
        session.commit()
        return _info(row)


def _named(workspace_id: int, name: str) -> SelectOfScalar[ApiToken]:
    return select(ApiToken).where(
        ApiToken.workspace_id == workspace_id, ApiToken.name == name, col(ApiToken.revoked_at).is_(None)
    )


def _info(row: ApiToken) -> TokenInfo:
    if row.id is None:
        raise UsageError("The token was not stored.")
    return TokenInfo(
        id=row.id,
        workspace_id=row.workspace_id,
        name=row.name,
        role=row.role,
        created_at=row.created_at,
        created_by=row.created_by,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
