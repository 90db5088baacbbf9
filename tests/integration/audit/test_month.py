"""The double entry of a real workspace on both sides, and the audit of its month."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from core.audit import catalog
from core.errors import UsageError
from tests.integration.audit.demo import Demo, synced

MONTH = "2026-11"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with synced(tmp_path_factory.mktemp("month") / "demo") as made:
        yield made


def count(demo: Demo, sobject: str, where: str = "IsDeleted = false") -> int:
    return len(demo.org.soql(f"SELECT Id FROM {sobject} WHERE {where}", all_rows=True))


@pytest.mark.requirement("N2")
def test_both_sides_balance_and_hold_what_the_org_holds(demo: Demo) -> None:
    books = demo.ws.balance(live=True)
    assert books.is_balanced
    assert books.org is not None
    assert books.workspace["made"].sum() == sum(books.workspace[s].sum() for s in catalog.STATES)
    assert books.org["found"].sum() == count(demo, "Task") + count(demo, "Event")
    archived = "IsDeleted = false AND IsArchived = true"
    parts = {c: int(books.org[c].sum()) for c in catalog.ORG_BALANCE.types if c.endswith(("_live", "_archived"))}
    assert sum(n for c, n in parts.items() if c.endswith("_archived")) == count(demo, "Task", archived) + count(
        demo, "Event", archived
    )
    assert sum(parts.values()) == books.org["found"].sum()
    assert parts["ours_live"] + parts["ours_archived"] == books.workspace["synced"].sum()
    machine = demo.ws.context().integration_user
    theirs = [f"CreatedById = '{machine}' AND IsDeleted = false AND IsArchived = {flag}" for flag in ("false", "true")]
    by_machine = [count(demo, "Task", where) + count(demo, "Event", where) for where in theirs]
    tools = [parts["other_tools_live"], parts["other_tools_archived"]]
    assert [by_machine[0] - parts["ours_live"], by_machine[1]] == tools


@pytest.mark.requirement("X6")
def test_archived_activities_are_read_too_and_have_a_bucket_of_their_own(demo: Demo) -> None:
    where = "SELECT Id FROM {} WHERE IsDeleted = false AND IsArchived = true"
    archived = {s: {r["Id"] for r in demo.org.soql(where.format(s), all_rows=True)} for s in ("Task", "Event")}
    assert all(archived.values())
    for sobject in archived:
        assert demo.org.count(f"SELECT COUNT() FROM {sobject} WHERE IsArchived = true") == 0
    brought = demo.ws.database.read("SELECT org_id, job FROM link WHERE table_name = 'activity' AND how = 'created_in'")
    assert archived["Task"] & set(brought["org_id"]), "the inbound jobs leave out what the org has archived"
    books = demo.ws.balance(live=True)
    columns = [c for c in catalog.ORG_BALANCE.types if c.endswith("_archived")]
    told = [set(books.behind(side="org", state=c)["org_id"]) for c in columns]
    assert set.union(*told) == archived["Task"] | archived["Event"]
    assert sum(map(len, told)) == len(set.union(*told)), "an activity is in two buckets"


@pytest.mark.requirement("N2")
def test_every_cell_opens_its_rows(demo: Demo) -> None:
    books = demo.ws.balance(live=True)
    row = books.workspace.filter(pl.col("waiting") > 0).row(0, named=True)
    cell = {k: row[k] for k in ("day", "user", "kind")}
    assert books.behind(state="waiting", **cell).height == row["waiting"]
    assert books.behind(**cell).height == row["made"]
    assert books.org is not None
    for column in ("native_archived", "ours_live", "other_tools_live"):
        told = books.org.filter(pl.col(column) > 0).row(0, named=True)
        assert books.behind(side="org", state=column, **{k: told[k] for k in cell}).height == told[column]


@pytest.mark.requirement("N2")
def test_a_planted_hole_shows_as_exactly_its_cell(demo: Demo) -> None:
    before = demo.ws.balance(live=True)
    ours = before.rows.filter((pl.col("sync_state") == "synced") & (pl.col("origin") != "org")).row(5, named=True)
    demo.org.delete("Task", ours["org_id"])
    books = demo.ws.balance(live=True)
    assert books.red.drop("difference").rows() == [("org", ours["day"], ours["user"], ours["kind"])]
    hole = books.behind(side="org", state="difference")
    assert (hole["org_id"].to_list(), hole["whose"].to_list()) == ([ours["org_id"]], ["missing"])
    demo.ws.database.execute("DELETE FROM link WHERE org_id = :o", o=ours["org_id"])
    told = demo.ws.balance()
    assert told.red.rows() == [("workspace", ours["day"], ours["user"], ours["kind"], 1)]
    assert told.behind(state="difference")["id"].to_list() == [ours["id"]]


@pytest.mark.requirement("N2")
def test_what_our_own_user_wrote_without_a_trace_here_is_red_too(demo: Demo) -> None:
    user = demo.ws.context().integration_user
    name = next(r["Username"] for r in demo.org.soql(f"SELECT Username FROM User WHERE Id = '{user}'"))
    body = {"Subject": "Nobody knows", "ActivityDate": "2026-11-03", "Status": "Completed"}
    stray = demo.org.rest("POST", "sobjects/Task", username=name, json=body)["id"]
    found = demo.ws.balance(live=True).behind(side="org", state="unknown")
    assert found["org_id"].to_list() == [stray]


@pytest.mark.requirement("T19")
def test_the_month_is_told_with_volume_errors_and_what_is_missing(demo: Demo, tmp_path: Path) -> None:
    made = demo.ws.audit_report(MONTH)
    rows = demo.ws.frames.activities().filter(pl.col("day").dt.strftime("%Y-%m") == MONTH)
    own = rows.filter(pl.col("origin") != "org")
    assert made.volume["activities"].sum() == made.totals()["made"] == own.height
    assert set(made.volume.columns) >= {"day", "user", "kind", "outcome"}
    assert dict(made.volume.group_by("user").agg(pl.col("activities").sum()).iter_rows()) == dict(
        own.group_by("user").agg(pl.len()).iter_rows()
    )
    results = demo.ws.frames.results().filter(pl.col("outcome").is_in(["waiting", "held", "rejected", "in_doubt"]))
    assert made.errors["rows"].sum() == made.failed.height == results.height
    silent = own.filter(pl.col("kind").is_in(["call"]) & (pl.col("outcome").fill_null("") == ""))
    pattern = made.patterns.filter((pl.col("pattern") == "no_outcome") & (pl.col("kind") == "call"))
    assert pattern["n"].to_list() == ([silent.height] if silent.height else [])
    told = json.loads(demo.ws.write_report(made, tmp_path / "a.json", "json")[0].read_text())
    assert (told["month"], told["totals"]["made"]) == (MONTH, own.height)
    files = demo.ws.write_report(made, tmp_path / "tables", "csv")
    assert {f.name for f in files} >= {"balance.csv", "org_balance.csv", "errors.csv", "patterns.csv"}
    assert pl.read_csv(tmp_path / "tables" / "balance.csv")["made"].sum() == own.height


@pytest.mark.requirement("T19")
def test_the_page_needs_no_other_host_and_runs_nothing_that_came_from_a_record(demo: Demo, tmp_path: Path) -> None:
    evil = '<img src="https://evil.example/x.png" onerror="alert(1)"><a href="https://evil.example">x</a>'
    demo.ws.database.execute(
        "UPDATE activity SET outcome = :e, user_email = :e WHERE id = (SELECT MIN(id) FROM activity WHERE kind = "
        "'call')",
        e=evil,
    )
    demo.ws.database.execute("UPDATE record_result SET key = :e WHERE outcome = 'held'", e=evil)
    page = demo.ws.write_report(demo.ws.audit_report(MONTH), tmp_path / "a.html")[0].read_text()
    body = page[page.index("</head>") :]
    assert "default-src 'none'" in page
    assert not re.search(r"<(img|link|iframe|a)\b", body)
    assert not re.search(r"<script[^>]*\bsrc=", page)
    assert "evil.example" in body


def test_a_month_is_written_as_a_month(demo: Demo) -> None:
    with pytest.raises(UsageError, match="is not a month"):
        demo.ws.audit_report("november")
