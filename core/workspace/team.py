"""Who works here: roles, users and their org users, tokens of the API."""

from __future__ import annotations

import polars as pl

from core.errors import NotFound
from core.settings import settings
from core.store import roles, tokens
from core.store.roles import ADMIN, ANALYST, VIEWER, may
from core.syncing import connect
from core.syncing.connect import Begun
from core.workspace.base import Base


class Team(Base):
    """Who works here: roles, users and their org users, tokens of the API."""

    @may(VIEWER)
    def list_members(self) -> dict[str, str]:
        """Who has which role; empty while everybody is an admin."""
        return roles.members(self.database, self.workspace_id)

    @may(ADMIN)
    def set_role(self, actor: str, role: str | None) -> None:
        """Give a person a role, or take it away; with the first one given, whoever has none may only look.

        Raises:
            UsageError: there is no such role, or no admin would be left.
        """
        before = self.list_members().get(actor.strip().lower())
        roles.set_role(self.database, self.workspace_id, actor, role, self.actor)
        self._note("role.set", actor.strip().lower(), {"before": {"role": before}, "after": {"role": role}})

    @may(VIEWER)
    def link_me(self, *, login_url: str, client_id: str, client_secret: str = "", redirect_uri: str = "") -> Begun:
        """Begin linking the actor's own login: what they do is written by it from then on, and nobody else's.

        Raises:
            NotFound: the workspace is not connected yet, or the actor is none of its users.
            HostRefused: the host is not allowed.
        """
        connect.master(self.database, self.workspace_id)
        email = self.actor.lower()
        if self.users().filter(pl.col("email") == email).is_empty():
            raise NotFound(f"{self.actor} is not a user of this workspace.", hint="Ask an admin to add you.")
        redirect = redirect_uri or f"{settings().public_url.rstrip('/')}/oauth/callback"
        return connect.begin(
            self.doors, self.workspace_id, actor=self.actor, login_url=login_url, client_id=client_id,
            client_secret=client_secret, redirect_uri=redirect, name=email, owner=email,
        )  # fmt: skip

    @may(ANALYST)
    def org_users(self) -> pl.DataFrame:
        """The org's users as last read: org_id, name, username, email, profile, is_active."""
        return self.database.read(
            "SELECT org_id, name, username, email, profile, is_active FROM org_user WHERE workspace_id = :w"
            " ORDER BY name",
            w=self.workspace_id,
        )

    @may(ADMIN)
    def link_user(self, email: str, org_user_id: str | None) -> None:
        """Link a workspace user to an org user by hand, or unlink."""
        known = self.users().filter(pl.col("email") == email.lower())
        if known.is_empty():
            raise NotFound(f"There is no workspace user {email}.")
        self.database.execute(
            "UPDATE workspace_user SET org_user_id = :o, linked_how = 'by hand' WHERE workspace_id = :w AND email = :e",
            o=org_user_id, w=self.workspace_id, e=email.lower(),
        )  # fmt: skip
        both = {"before": {"org_user_id": known["org_user_id"][0]}, "after": {"org_user_id": org_user_id}}
        if both["before"] != both["after"]:
            self._note("user.linked", email, both)

    @may(ADMIN)
    def create_token(self, name: str, role: str = "operator") -> str:
        """Make an API token; shown this once."""
        made = tokens.create_token(self.database, self.workspace_id, name, role, created_by=self.actor, now=self._now())
        self._note("token.created", name, {"role": role})
        return made.text

    @may(VIEWER)
    def verify_token(self, text: str) -> tokens.TokenInfo | None:
        """Who a token is, or ``None``."""
        return tokens.verify_token(self.database, self.workspace_id, text, now=self._now())

    @may(ADMIN)
    def list_tokens(self) -> list[tokens.TokenInfo]:
        """All tokens, without their secrets."""
        return tokens.list_tokens(self.database, self.workspace_id)

    @may(ADMIN)
    def revoke_token(self, name: str) -> None:
        """End a token."""
        tokens.revoke_token(self.database, self.workspace_id, name, now=self._now())
        self._note("token.revoked", name)
