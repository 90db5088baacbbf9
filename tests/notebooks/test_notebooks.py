"""Runs the notebooks as they are on a real demo workspace, and looks at what they found."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from core.audit.catalog import STATES
from tests.integration.audit.demo import Demo, copied, disturb, synced

CHARTS = "application/vnd.plotly.v1+json"
ASK = """
import json
json.dumps({name: globals()[name].to_dicts() for name in %r}, default=str)
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with synced(tmp_path_factory.mktemp("notebooks") / "demo") as made:
        yield made


@pytest.fixture(scope="module")
def keys(demo: Demo) -> dict[str, str]:
    return disturb(demo)


def run(root: Path, name: str, home: Path, ask: tuple[str, ...]) -> tuple[NotebookNode, dict[str, Any]]:
    """The executed notebook, and the frames it ended with."""
    text = (root / "notebooks" / name).read_text(encoding="utf-8")
    book: NotebookNode = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    book.cells.append(nbformat.v4.new_code_cell(ASK % (ask,)))  # type: ignore[no-untyped-call]
    where = {"metadata": {"path": str(root / "notebooks")}}
    env = {k: v for k, v in os.environ.items() if not k.startswith("SYNCLINE_")}
    client = NotebookClient(book, timeout=180, kernel_name="python3", resources=where)
    env |= {"SYNCLINE_HOME": str(home), "PYTHONPATH": str(root), "IPYTHONDIR": str(home / "ipython")}
    client.execute(env=env)
    # A text result is a Python literal of the JSON text.
    answer = json.loads(ast.literal_eval(book.cells.pop()["outputs"][0]["data"]["text/plain"]))
    return book, answer


def outputs(book: NotebookNode, kind: str) -> list[Any]:
    data = [o.get("data", {}) for c in book.cells if c.cell_type == "code" for o in c.outputs]
    return [d[kind] for d in data if kind in d]


def errors(book: NotebookNode) -> list[str]:
    return [o.get("evalue", "") for c in book.cells for o in c.get("outputs", []) if o["output_type"] == "error"]


@pytest.mark.requirement("T19", "X16")
def test_the_first_look_tells_what_synced_and_that_the_books_balance(
    root: Path, demo: Demo, keys: dict[str, str]
) -> None:
    book, found = run(root, "01_first_look.ipynb", demo.home, ("jobs", "groups", "books", "by_day"))
    assert errors(book) == []
    assert len(outputs(book, CHARTS)) >= 6
    assert {j["title"] for j in found["jobs"]} == {s.title for s in demo.ws.specs()}
    assert {g["cause"] for g in found["groups"]} == set(demo.ws.frames.open_rows()["cause"])
    made = demo.ws.frames.activities().filter(pl.col("origin") == "workspace").height
    assert sum(row["made"] for row in found["books"]) == made
    assert sum(row[s] for row in found["books"] for s in STATES) == made
    assert sum(row["activities"] for row in found["by_day"]) == made
    assert "'The books balance.'" in outputs(book, "text/plain")


def test_the_first_look_stops_where_the_books_do_not_balance(root: Path, demo: Demo, tmp_path: Path) -> None:
    home = copied(demo, tmp_path / "broken")
    with pytest.raises(CellExecutionError, match="AssertionError"):
        run(root, "01_first_look.ipynb", home, ())


@pytest.mark.requirement("T20")
def test_mismatches_are_found_by_cause_and_one_record_is_told(root: Path, demo: Demo, keys: dict[str, str]) -> None:
    book, found = run(root, "02_mismatches.ipynb", demo.home, ("mismatches", "by_cause"))
    assert errors(book) == []
    assert len(outputs(book, CHARTS)) >= 3
    listed = {(r["cause"], r["key"]) for r in found["mismatches"] if r["job"] == "calls_out"}
    assert listed == {(cause, key) for cause, key in keys.items() if "." not in cause}
    assert sum(row["fields"] for row in found["by_cause"]) == len(found["mismatches"])
    told = outputs(book, "text/plain")
    assert any("in the org" in text and text.startswith("['It is") for text in told)


@pytest.mark.requirement("N6")
def test_duplicates_are_found_explained_and_a_merge_is_foretold(root: Path, demo: Demo, keys: dict[str, str]) -> None:
    ask = ("members", "released", "lineage")
    book, found = run(root, "03_duplicates_and_merges.ipynb", demo.home, ask)
    assert errors(book) == []
    planted = json.loads((demo.home / "intake" / "manifest.json").read_text(encoding="utf-8"))["org"]["planted"]
    groups: dict[int, set[str]] = {}
    for member in found["members"]:
        groups.setdefault(member["group"], set()).add(member["org_id"])
    pairs = [p["contacts"] for p in planted["duplicate_contacts"]] + planted["near_duplicate_contacts"]
    assert all(any(set(pair) <= group for group in groups.values()) for pair in pairs)
    assert demo.ws.duplicates("person").groups == len(groups)
    told = "".join(o["text"] for c in book.cells for o in c.get("outputs", []) if o["output_type"] == "stream")
    assert "choose View Duplicates or Merge" in told
    became = {(r["org_id"], r["into_org_id"]): r["became"] for r in found["lineage"]}
    merges = [(m["loser"], m["master"]) for m in planted["merged_contacts"] + planted["merged_accounts"]]
    chains = planted["merged_contact_chains"] + planted["merged_account_chains"]
    merges += [(loser, chain[-1]) for chain in chains for loser in chain[:-1]]
    converted = [(c["lead"], c["contact"]) for c in planted["converted_leads"]]
    assert {p: became.get(p) for p in merges} == dict.fromkeys(merges, "merged")
    assert {p: became.get(p) for p in converted} == dict.fromkeys(converted, "converted")


@pytest.mark.requirement("T19", "N2")
def test_the_activity_audit_balances_both_sides_and_ranks_what_is_missing(
    root: Path, demo: Demo, keys: dict[str, str]
) -> None:
    book, found = run(root, "04_activity_audit.ipynb", demo.home, ("red", "patterns", "opened"))
    assert errors(book) == []
    assert len(outputs(book, CHARTS)) >= 5
    # One call was deleted in the org behind our back: exactly its cell is red.
    gone = demo.ws.frames.activities().filter(pl.col("external_id") == keys["missing in org"]).row(0, named=True)
    cells = [(r["side"], r["day"], r["user"], r["kind"]) for r in found["red"]]
    assert cells == [("org", str(gone["day"]), gone["user"], gone["kind"])]
    silent = [p for p in found["patterns"] if p["pattern"] == "no_subject"]
    assert silent
    assert {r["sync_state"] for r in found["opened"]} <= {"waiting", "held", "rejected", "in_doubt"}


@pytest.mark.requirement("N1", "T20")
def test_one_record_tells_why_it_is_as_it_is(root: Path, demo: Demo, keys: dict[str, str]) -> None:
    book, found = run(root, "05_one_record.ipynb", demo.home, ("why", "timeline"))
    assert errors(book) == []
    first = demo.ws.frames.open_rows().row(0, named=True)
    assert {w["kind"] for w in found["why"]} >= {first["cause"]}
    assert all(w["why"] for w in found["why"])
    assert any(line["by"] == "run" for line in found["timeline"])


@pytest.mark.requirement("X17")
def test_error_patterns_name_what_failed_rows_share(root: Path, demo: Demo, keys: dict[str, str]) -> None:
    book, found = run(root, "06_error_patterns.ipynb", demo.home, ("rules", "templates"))
    assert errors(book) == []
    assert len(outputs(book, CHARTS)) >= 3
    # Held for a value that no map has: the rule names the outcome that they share.
    unmapped = [r for r in found["rules"] if r["cause"] == "unmapped_value" and r["field"] == "outcome"]
    assert unmapped
    assert all(r["share"] >= 0.5 and r["lift"] >= 2 for r in found["rules"])
    assert {t["cause"] for t in found["templates"]} == set(
        demo.ws.frames.results().filter(pl.col("outcome").is_in(["waiting", "held", "rejected", "in_doubt"]))["cause"]
    )


@pytest.mark.requirement("N10")
def test_conflict_policies_are_tried_on_the_past(root: Path, demo: Demo, keys: dict[str, str]) -> None:
    demo.ws.run("calls_out")
    book, found = run(root, "07_conflict_policies.ipynb", demo.home, ("summary", "past"))
    assert errors(book) == []
    assert [p["key"] for p in found["past"]] == [keys["conflict"]]
    told = {s["policy"]: s for s in found["summary"]}
    assert told["last_update_wins"]["newer_lost"] == 0
    assert told["org_wins"]["newer_lost"] == 1
    assert told["ask"]["asks"] == 1
