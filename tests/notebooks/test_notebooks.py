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
