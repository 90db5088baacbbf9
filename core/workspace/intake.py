"""What other tools hand in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from core.connections.intake import read_file
from core.store.roles import OPERATOR, may
from core.syncing import intake
from core.workspace.base import Base


class Intake(Base):
    """What other tools hand in."""

    @may(OPERATOR)
    def take_in(self, kind: str, rows: Iterable[Mapping[str, Any]], source: str = "api") -> list[Any]:
        """Take rows into the workspace; one answer per row, a broken row never stops the others."""
        return intake.take_in(
            self.database, self.workspace_id, kind, rows, actor=self.actor, source_name=source, now=self._now()
        )

    @may(OPERATOR)
    def take_in_file(self, kind: str, path: str | Path, source: str = "") -> list[Any]:
        """Take a CSV, NDJSON or Parquet file in."""
        rows = read_file(Path(path), kind)
        return intake.take_in(
            self.database,
            self.workspace_id,
            kind,
            rows,
            actor=self.actor,
            source_name=source or Path(path).stem,
            now=self._now(),
        )
