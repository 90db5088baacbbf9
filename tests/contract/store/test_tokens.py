"""Tokens of the HTTP API: shown once, stored hashed, useless once revoked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.errors import NotFound, UsageError
from core.store.database import Database
from core.store.tokens import NewToken, create_token, list_tokens, revoke_token, verify_token

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def make(db: Database, name: str = "dialer", role: str = "operator", workspace: int = 1) -> NewToken:
    return create_token(db, workspace, name, role, created_by="ana", now=NOW)


def test_a_token_is_verified_by_its_text(database: Database) -> None:
    made = make(database)
    assert made.text.startswith("syn_")
    assert len(made.text) > 40
    found = verify_token(database, 1, made.text, now=NOW)
    assert found is not None
    assert (found.name, found.role, found.actor, found.created_by) == ("dialer", "operator", "token:dialer", "ana")


def test_the_text_is_nowhere_in_the_database_and_not_in_a_print(database: Database) -> None:
    made = make(database)
    stored = database.read("SELECT * FROM api_token").row(0)
    assert made.text not in map(str, stored)
    assert made.text.removeprefix("syn_") not in "".join(map(str, stored))
    assert made.text not in repr(made)
    assert made.text not in str(made.info)


@pytest.mark.parametrize("text", ["", "syn_", "syn_wrong", "dialer", "x" * 10_000])
def test_another_text_is_nobody(database: Database, text: str) -> None:
    make(database)
    assert verify_token(database, 1, text, now=NOW) is None


def test_a_token_of_another_workspace_is_nobody(database: Database) -> None:
    text = make(database, workspace=2).text
    assert verify_token(database, 1, text, now=NOW) is None
    assert verify_token(database, 2, text, now=NOW) is not None


def test_a_revoked_token_is_nobody_and_its_name_is_free_again(database: Database) -> None:
    text = make(database).text
    assert revoke_token(database, 1, "dialer", now=NOW).revoked_at == NOW
    assert verify_token(database, 1, text, now=NOW) is None
    with pytest.raises(NotFound):
        revoke_token(database, 1, "dialer", now=NOW)
    again = make(database).text
    assert again != text
    assert [t.revoked_at for t in list_tokens(database, 1)] == [None, NOW]


def test_its_last_use_is_noted_once_a_minute(database: Database) -> None:
    text = make(database).text
    for seconds in (0, 30, 61):
        verify_token(database, 1, text, now=NOW + timedelta(seconds=seconds))
        expected = NOW + timedelta(seconds=61 if seconds == 61 else 0)
        assert list_tokens(database, 1)[0].last_used_at == expected


@pytest.mark.parametrize(
    ("name", "role", "says"), [("", "viewer", "name"), ("a", "root", "no role 'root'"), ("dialer", "viewer", "in use")]
)
def test_a_token_needs_a_new_name_and_a_role(database: Database, name: str, role: str, says: str) -> None:
    make(database)
    with pytest.raises(UsageError, match=says):
        make(database, name, role)
