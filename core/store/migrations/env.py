"""Runs the migrations on the engine that the caller hands over."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlmodel import SQLModel

import core.store.tables  # noqa: F401  (fills the metadata)
from core.store.codec import Json, UtcTime


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our column types as the plain types they are stored in."""
    if kind == "type" and isinstance(item, UtcTime):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, Json):
        return "sa.Text()"
    if kind == "type" and item.__class__.__name__ == "AutoString":
        return "sa.String()"
    return False


def run() -> None:
    """Migrate in one transaction."""
    engine = context.config.attributes["engine"].execution_options(writes=True)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=SQLModel.metadata,
            render_as_batch=True,
            render_item=render_item,
            compare_type=False,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()


run()
