"""The tables are documented as they are."""

from __future__ import annotations

from pathlib import Path

from core.audit import catalog
from core.audit.frames import Frames


def test_the_documentation_shows_every_table_as_it_is(root: Path) -> None:
    text = (root / "docs" / "audit.md").read_text(encoding="utf-8")
    assert catalog.markdown().strip() in text


def test_every_table_has_its_frame_and_every_column_a_meaning() -> None:
    for name, table in catalog.TABLES.items():
        assert callable(getattr(Frames, name)), name
        assert all(words.strip() for _, words in table.columns.values()), name


def test_the_states_of_the_balance_are_the_columns_between_made_and_difference() -> None:
    columns = list(catalog.BALANCE.columns)
    assert tuple(columns[columns.index("made") + 1 : columns.index("difference")]) == catalog.STATES
