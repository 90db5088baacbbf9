"""Templates: labels, findings, and that whole frames and jinja say the same."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.mapping import templates
from core.mapping.canonical import Place
from core.mapping.templates import TemplateProblem
from core.records import Kind

CELLS = st.one_of(st.none(), st.text(alphabet="aÄß {}|%é\"'\\$1\n\t", max_size=8))
FILTERS = ("", " | upper", " | lower", " | trim", " | default('none')", " | trim | default('?') | upper")
PLACES = ("{{Contact Name}}", "{{ subject }}", "{{Notes", "{{fields.size", "{{ACCOUNT NAME")
PIECES = st.one_of(
    st.text(alphabet="ab :$1\\\"'-%#}", max_size=5).filter(lambda t: "}}" not in t and "%}" not in t and "#}" not in t),
    st.builds(lambda p, f: p if p.endswith("}}") else p + f + "}}", st.sampled_from(PLACES), st.sampled_from(FILTERS)),
)
COLUMNS = ("person_name", "subject", "notes", "fields.size", "account_name")


@given(st.lists(PIECES, max_size=6).map("".join), st.lists(st.tuples(*[CELLS] * 5), min_size=1, max_size=5))
def test_frames_and_jinja_render_the_same(template: str, rows: list[tuple[str | None, ...]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")
    got = frame.select(
        x=templates.compile_template(template, Kind.CALL, Place.of(frame, "UTC")) + pl.lit("")
    ).with_columns(pl.col("x").fill_null(""))
    got = got["x"].to_list() * (len(rows) if got.height == 1 else 1)
    want = [templates.render(template, Kind.CALL, dict(zip(COLUMNS, row, strict=True))) for row in rows]
    assert got[: len(rows)] == [w.rstrip() for w in want]


@pytest.mark.parametrize(
    ("name", "kind", "column"),
    [
        ("Contact Name", Kind.CALL, "person_name"),
        ("contact  NAME", Kind.CALL, "person_name"),
        ("Contact Name", Kind.PERSON, "name"),
        ("Title", Kind.TASK, "subject"),
        ("Caller", Kind.CALL, "user"),
        ("Caller", Kind.NOTE, "user"),
        ("duration_s", Kind.CALL, "duration_s"),
        ("fields.Budget", Kind.CALL, "fields.Budget"),
        ("fields.", Kind.CALL, None),
        ("Account Name", Kind.MEETING, "account_name"),
        ("Shoe size", Kind.CALL, None),
    ],
)
def test_placeholders_by_label_or_name(name: str, kind: Kind, column: str | None) -> None:
    assert templates.column_of(name, kind) == column


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{Shoe size}}", "{{Shoe size}} is not a field of a call."),
        ("{% if subject %}x{% endif %}", "holds only text"),
        ("{{ subject | reverse }}", "No filter named"),
        ("{{ subject | default(notes) }}", "default takes a text"),
        ("{{ subject", "not well formed"),
        ("{{ 1 + 1 }}", "is not a field"),
        ("{{ subject.__class__ }}", "is not a field"),
    ],
)
def test_findings(template: str, why: str) -> None:
    (found,) = templates.problems(template, Kind.CALL)
    assert why in found
    with pytest.raises(TemplateProblem):
        templates.render(template, Kind.CALL, {"subject": "x", "notes": "y"})


@pytest.mark.parametrize("template", ["Call: {{Contact Name}}", "", "plain", "{{fields.x}}", "{{Notes|trim}}"])
def test_good_templates(template: str) -> None:
    assert templates.problems(template, Kind.CALL) == []


def test_times_are_shown_on_the_local_clock() -> None:
    frame = pl.DataFrame(
        {"occurred_at": [dt.datetime(2026, 3, 1, 3, 30, tzinfo=dt.UTC)], "due_at": [dt.date(2026, 1, 2)]}
    )
    expr = templates.compile_template("{{Call Date}}, due {{Due Date}}", Kind.CALL, Place.of(frame, "America/New_York"))
    assert frame.select(x=expr)["x"].to_list() == ["2026-02-28 22:30, due 2026-01-02"]


def test_caller_is_named_where_the_name_is_known() -> None:
    frame = pl.DataFrame({"user": ["a@b.example"], "user_name": ["Ann Lee"]})
    expr = templates.compile_template("{{Caller}}", Kind.CALL, Place.of(frame, "UTC"))
    assert frame.select(x=expr)["x"].to_list() == ["Ann Lee"]


def test_sources_and_choices() -> None:
    assert templates.sources("{{Contact Name}} {{Notes}} {{contact name}}", Kind.CALL) == ["person_name", "notes"]
    offered = templates.choices(Kind.CALL)
    assert all(templates.column_of(label, Kind.CALL) == column for label, column in offered.items())
