"""Audit: the count of the database is that of the frames, its cells open their rows, a month is read and taken away."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from sqlalchemy import event

from console import actions
from console.components import monthly
from core.audit import volume
from core.workspace import Workspace
from tests.console.pages import Page

Open = Callable[..., Page]
FAR = date(2030, 1, 1)


def test_the_database_counts_as_the_frames_do(looked_at: Workspace) -> None:
    first = looked_at.first_day()
    assert first is not None
    outcome = pl.col("outcome").cast(pl.String).fill_null("").str.strip_chars(" ")
    plain = looked_at.frames.activities().with_columns(outcome=outcome)
    columns = [c for c in volume.CUBE if c != "n"]
    wanted = plain.group_by(columns).agg(n=pl.len().cast(pl.Int64)).sort(columns)
    assert looked_at.volume(first, FAR).sort(columns).equals(wanted.select(list(volume.CUBE)))


def test_rows_are_found_by_what_was_counted(looked_at: Workspace) -> None:
    first = looked_at.first_day()
    assert first is not None
    held = looked_at.logged(first, FAR, sync_state="held", limit=None)
    assert held.height == looked_at.volume(first, FAR).filter(sync_state="held")["n"].sum()
    assert held["at"].is_sorted(descending=True)
    assert looked_at.logged(first, FAR, sync_state="held", limit=2, skip=1)["id"].to_list() == held["id"][1:3].to_list()
    assert set(held["cause"]) >= {"ambiguous", "unmapped_value"}


@pytest.mark.parametrize("zone", ["UTC", "America/Chicago", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_days_are_those_of_the_zone(zone: str, fresh: Workspace) -> None:
    where = ZoneInfo(zone)
    fresh.configure(zone=zone)
    at = [datetime(2026, m, d, h, 30, tzinfo=where) for m, d in ((3, 8), (4, 5), (10, 4), (11, 1)) for h in (0, 5, 23)]
    rows = [
        {"external_id": str(n), "kind": "call", "occurred_at": a.isoformat(), "updated_at": a.isoformat()}
        for n, a in enumerate(at)
    ]
    fresh.take_in("activities", rows, "app")
    found = fresh.volume(date(2026, 3, 8), date(2026, 11, 1))
    assert dict(found.select("day", "n").iter_rows()) == {a.date(): 3 for a in at}


def test_a_page_of_the_audit_reads_no_table_whole(looked_at: Workspace, page: Open) -> None:
    asked: list[str] = []
    engine = looked_at.database.engine

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    try:
        shown = page("audit", period="All")
    finally:
        event.remove(engine, "before_cursor_execute", note)
    touching = [s for s in asked if "FROM activity" in s]
    assert touching
    assert all("GROUP BY" in s or "LIMIT" in s or "MIN(" in s for s in touching), touching
    assert len(shown.at.dataframe[-1].value) <= 50


def test_a_cell_of_the_double_entry_names_what_is_lost(synced: Workspace, page: Open) -> None:
    lost = synced.frames.links().filter(table_name="activity", state="active").row(0, named=True)
    synced.database.execute("DELETE FROM link WHERE workspace_id = :w AND id = :i", w=synced.workspace_id, i=lost["id"])
    shown = page("audit", period="All", books_by="Each cell")
    table = shown.frame()
    assert list(table["Balance"].map(lambda b: b[0]))[:2] == ["Does not balance", "Balances"]
    assert (table["No trace"].iloc[0], table["Made"].iloc[0]) == (1, table["Made"].iloc[0])


@pytest.mark.requirement("T19")
def test_a_month_is_read_and_taken_away(synced: Workspace, dialog: Callable[..., Page]) -> None:
    def opened() -> None:
        from datetime import date

        from console.components import monthly

        monthly.ask(date(2026, 11, 21))

    shown = dialog(opened).press("Make the report")
    (read,) = shown.at.get("iframe")
    assert "2026-10" in read.proto.srcdoc
    made = synced.audit_report("2026-10", live=False)
    assert b"<html" in actions.report_file(made, "html")
    with zipfile.ZipFile(io.BytesIO(actions.report_file(made, "csv"))) as packed:
        assert "volume.csv" in packed.namelist()


def test_the_closed_month_is_offered_first() -> None:
    assert monthly.months(date(2026, 3, 31))[:3] == ["2026-02", "2026-03", "2026-01"]
