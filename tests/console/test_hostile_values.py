"""A Subject, a name, an outcome or an org's error with Markdown, HTML and formulas in it shows as text everywhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.workspace import Workspace
from tests.console.pages import HOSTILE, Page

VISITS = [
    ("overview", {}),
    ("errors", {}),
    ("errors", {"cause": "Ambiguous"}),
    ("runs", {}),
    ("jobs", {}),
    ("connections", {}),
    ("audit", {}),
    ("plan", {}),
    ("job", {"job": "calls_out", "step": "Mapping"}),
    ("job", {"job": "calls_out", "step": "Values"}),
    ("job", {"job": "calls_out", "step": "Source"}),
    ("job", {"job": "calls_out", "step": "Preview"}),
    ("record", {"key": "hostile-1"}),
    ("record", {"key": HOSTILE}),
    ("record", {"key": "dlr-000001"}),
]


@pytest.mark.parametrize(("name", "query"), VISITS, ids=[f"{n}-{'-'.join(q.values())[:18]}" for n, q in VISITS])
def test_no_page_reads_a_value_as_markdown(
    looked_at: Workspace, page: Callable[..., Page], name: str, query: dict[str, str]
) -> None:
    assert page(name, **query).live() == []


@pytest.mark.parametrize(
    ("name", "query"),
    [("errors", {}), ("runs", {}), ("connections", {}), ("record", {"key": "hostile-1"}),
     ("job", {"job": "calls_out", "step": "Values"})],
)  # fmt: skip
def test_the_check_looks_where_the_values_are(
    looked_at: Workspace, page: Callable[..., Page], name: str, query: dict[str, str]
) -> None:
    shown = page(name, **query)
    assert "![x](http" in shown.text + "".join(t.value for t in shown.at.text)


def open_drawer() -> None:
    from console.components import rowcard
    from console.session import workspace

    rowcard.drawer(workspace().open_rows(cause="ambiguous").row(0, named=True))


def test_the_drawer_of_a_row_shows_its_candidates_as_text(looked_at: Workspace, dialog: Callable[..., Page]) -> None:
    shown = dialog(open_drawer)
    assert "Who was it?" in shown.text
    assert shown.live() == []
    assert "![x](http" in shown.text


def test_a_hostile_outcome_can_be_mapped(looked_at: Workspace, page: Callable[..., Page]) -> None:
    shown = page("job", job="calls_out", step="Values")
    assert any(s.label.startswith("x http 127") for s in shown.at.selectbox)
    assert any("![x](http" in t.value for t in shown.at.text)
    assert shown.live() == []


def test_a_plan_shows_its_rows_as_text(looked_at: Workspace, page: Callable[..., Page]) -> None:
    plan_id = looked_at.frames.changes().filter(outcome="held")["plan_id"][0]
    shown = page("plan", plan=plan_id)
    for word in ("Held", "Waiting"):
        shown.at.button_group[0].set_value(word)
        shown.run()
        assert shown.live() == []
        assert "![x](http" in shown.text
