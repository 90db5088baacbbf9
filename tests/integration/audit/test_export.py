"""Tables as files and as views: everything arrives, and nothing that came from a record is run."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from core.audit import catalog, export
from core.audit.frames import Frames
from core.errors import UsageError
from core.store import bulk, views
from core.store.database import Database
from tests.integration.audit import world

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "|calc", "  =1", "\r=1"]


@pytest.mark.requirement("X16")
@pytest.mark.parametrize("file_format", ["csv", "parquet", "json"])
def test_every_table_goes_to_a_file_with_all_its_rows_and_columns(
    lite: Database, tmp_path: Path, file_format: str
) -> None:
    frames = Frames(lite, world.WS)
    done = export.export(frames, tmp_path / "out", file_format=file_format)
    assert [d["table"] for d in done] == list(catalog.TABLES)
    for told in done:
        path = Path(told["file"])
        assert path.stat().st_mode & 0o077 == 0
        if file_format == "json":
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            names = list(rows[0]) if rows else list(catalog.TABLES[told["table"]].columns)
        else:
            read = pl.read_csv(path, infer_schema=False) if file_format == "csv" else pl.read_parquet(path)
            rows, names = read.to_dicts(), read.columns
        assert len(rows) == told["rows"] == getattr(frames, told["table"])().height
        assert names == list(catalog.TABLES[told["table"]].columns)


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_csv_can_be_run_by_a_spreadsheet(text: str) -> None:
    made = export.csv_text(pl.DataFrame({"a": [text, "plain", None], "n": [-1, 2, 3]}))
    read = pl.read_csv(made.encode())
    assert read["a"].to_list() == [f"'{text}", "plain", None]
    assert read["n"].to_list() == [-1, 2, 3]


@pytest.mark.parametrize(("names", "file_format"), [(["nothing"], "csv"), ([], "xlsx")])
def test_an_unknown_table_or_format_is_refused(
    lite: Database, tmp_path: Path, names: list[str], file_format: str
) -> None:
    with pytest.raises(UsageError, match="There is no"):
        export.export(Frames(lite, world.WS), tmp_path, names, file_format)


@pytest.mark.requirement("X16")
def test_the_views_hold_what_the_frames_hold(filled: Database) -> None:
    tables = {name: table.types for name, table in catalog.TABLES.items()}
    names = views.make(filled, tables)
    assert views.make(filled, tables) == names
    frames = Frames(filled, world.WS)
    for name in names:
        count = filled.one(f"SELECT COUNT(*) FROM {name} WHERE workspace = (SELECT name FROM workspace WHERE id = 1)")
        assert count == getattr(frames, name.removeprefix("audit_"))().height, name
    at = str(filled.one("SELECT requested_at FROM audit_runs WHERE run_id = 'run_out'"))
    assert at.startswith(("2026-11-21T11:00", "2026-11-21 11:00"))
    views.drop(filled)
    with pytest.raises(Exception, match="audit_runs"):
        filled.one("SELECT COUNT(*) FROM audit_runs")


def test_a_large_database_is_read_by_another_process_to_the_same_frames(
    lite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = Frames(lite, world.WS)
    direct = {name: getattr(frames, name)() for name in ("activities", "results", "events", "balance")}
    monkeypatch.setattr(bulk, "SMALL_BYTES", 0)
    for name, frame in direct.items():
        assert getattr(frames, name)().equals(frame), name
