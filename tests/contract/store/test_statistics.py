"""SQLite's plans: staged frames are gone through once, and tables are entered by the index that fits."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from core.store.database import Batch, Database
from core.store.statistics import ROWS, estimate, set_statistics

ON_POINT = "p.workspace_id = 1 AND p.kind = 'email' AND p.value = s.value"
ON_KEY = "p.workspace_id = 1 AND p.source = s.source AND p.external_id = s.value"
ON_ORG = "p.workspace_id = 1 AND p.org_id = s.value AND p.state = 'active'"


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Database:
    path = tmp_path / "syncline.db"
    path.write_bytes(sqlite_template.read_bytes())
    return Database(f"sqlite:///{path}")


def plan(batch: Batch, table: str, on: str, n: int = 3) -> list[str]:
    staged = batch.stage(pl.DataFrame({"source": ["a"] * n, "value": ["a"] * n}))
    return [row[-1] for row in batch.read(f"EXPLAIN QUERY PLAN SELECT 1 FROM {table} p JOIN {staged} s ON {on}").rows()]


@pytest.mark.parametrize("n", [3, 6_000])
@pytest.mark.parametrize(
    ("table", "on", "index"),
    [
        ("contact_point", ON_POINT, "ix_contact_point (workspace_id=? AND kind=? AND value=?)"),
        ("person", ON_KEY, "ix_person_key (workspace_id=? AND source=? AND external_id=?)"),
        ("activity", ON_KEY, "ix_activity_key (workspace_id=? AND source=? AND external_id=?)"),
        ("link", ON_ORG, "ix_link_org (workspace_id=? AND org_id=? AND state=?)"),
    ],
)
def test_a_frame_is_joined_by_the_fitting_index(sqlite: Database, table: str, on: str, index: str, n: int) -> None:
    with sqlite.batch(1) as batch:
        steps = plan(batch, table, on, n)
    assert steps[0] == "SCAN s"
    assert steps[1].endswith(index)
    assert len(steps) == 2, "no filter is built from the whole table"


def test_without_statistics_the_same_join_goes_wrong(sqlite: Database) -> None:
    """Shows that the test above can fail, and why the numbers are set."""
    sqlite.execute("DELETE FROM sqlite_stat1")
    sqlite.close()
    with sqlite.batch(1) as batch:
        steps = plan(batch, "contact_point", ON_POINT)
    assert steps[-1] == "SCAN s", "the frame is gone through once for each row of the table"


def test_numbers_fall_with_every_column() -> None:
    assert estimate(["workspace_id", "kind", "value"], is_unique=False) == f"{ROWS} {ROWS} {ROWS // 8} 4"
    assert estimate(["workspace_id", "id"], is_unique=True) == f"{ROWS} {ROWS} 1"
    assert estimate(["run_id", "outcome"], is_unique=False) == f"{ROWS} 2000 250"


def test_setting_them_again_changes_nothing(database: Database) -> None:
    set_statistics(database)
    if database.is_sqlite:
        before = database.read("SELECT * FROM sqlite_stat1 ORDER BY idx").rows()
        set_statistics(database)
        assert database.read("SELECT * FROM sqlite_stat1 ORDER BY idx").rows() == before
        assert before
