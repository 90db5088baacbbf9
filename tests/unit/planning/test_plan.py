"""JSON in and out of frames, the plan's shape, its counts and its fingerprint."""

from __future__ import annotations

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.planning import plan
from core.records import Outcome

texts = st.one_of(
    st.none(), st.text(max_size=30), st.sampled_from(['"', "\\", "a\nb\r\nc", "\u2028", "{}", "null", "\U0001f600"])
)
names = st.one_of(
    st.sampled_from(["Subject", "fields.x", 'fields.say "hi"', "fields.\u00fc"]), st.text(min_size=1, max_size=8)
)
objects = st.dictionaries(st.integers(0, 9), st.dictionaries(names, texts, min_size=1, max_size=5), max_size=5)


def long(by_key: dict[int, dict[str, str | None]]) -> pl.DataFrame:
    rows = [(k, f, v) for k, o in by_key.items() for f, v in o.items()]
    return pl.DataFrame(rows, schema={"k": pl.Int64, "field": pl.String, "value": pl.String}, orient="row")


@settings(max_examples=80, deadline=None)
@given(objects)
def test_fold_writes_json_that_says_the_same(by_key: dict[int, dict[str, str | None]]) -> None:
    folded = plan.fold(long(by_key), "k")
    assert {k: json.loads(text) for k, text in folded.iter_rows()} == by_key


@settings(max_examples=80, deadline=None)
@given(objects)
def test_unfold_takes_back_what_fold_made(by_key: dict[int, dict[str, str | None]]) -> None:
    back = plan.unfold(plan.fold(long(by_key), "k"), "k", "json")
    assert sorted(back.iter_rows(), key=repr) == sorted(long(by_key).iter_rows(), key=repr)
    assert back.schema == {"k": pl.Int64, "field": pl.String, "value": pl.String}


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({"a": texts, "b": texts, "sent_a": st.booleans(), "sent_b": st.booleans()}), max_size=5
    )
)
def test_wide_json_holds_the_fields_that_are_sent(rows: list[dict[str, str | bool | None]]) -> None:
    frame = pl.DataFrame(
        [{"k": i, "v:a": r["a"], "v:b": r["b"], "s:a": r["sent_a"], "s:b": r["sent_b"]} for i, r in enumerate(rows)],
        schema={"k": pl.Int64, "v:a": pl.String, "v:b": pl.String, "s:a": pl.Boolean, "s:b": pl.Boolean},
    )
    made = plan.wide_json(frame, "k", ["a", "b"], "v:", "s:", "payload")
    assert [json.loads(t) for t in made["payload"]] == [{f: r[f] for f in "ab" if r[f"sent_{f}"]} for r in rows]


def test_an_unknown_flag_sends_nothing_and_no_fields_give_an_empty_object() -> None:
    frame = pl.DataFrame({"k": [1], "v:a": ["x"], "s:a": [None]}, schema_overrides={"s:a": pl.Boolean})
    assert plan.wide_json(frame, "k", ["a"], "v:", "s:", "p")["p"].to_list() == ["{}"]
    assert plan.wide_json(frame, "k", [], "v:", "s:", "p")["p"].to_list() == ["{}"]


def test_fold_orders_fields_by_name_so_that_equal_payloads_are_equal_texts() -> None:
    frame = pl.DataFrame({"k": [2, 1, 1], "field": ["x", "b", "a"], "value": ["1", None, "2"]})
    assert plan.fold(frame, "k").rows() == [(1, '{"a":"2","b":null}'), (2, '{"x":"1"}')]


def test_unfold_skips_records_without_an_object() -> None:
    frame = pl.DataFrame({"k": [1, 2], "json": [None, '{"a":null}']})
    assert plan.unfold(frame, "k", "json").rows() == [(2, "a", None)]


def test_shaped_takes_the_verdict_and_not_the_record_s_own_field_of_that_name() -> None:
    frame = pl.DataFrame({"title": ["Director"], "_title": ["Ana"], "outcome": ["no answer"], "_outcome": ["held"]})
    row = plan.shaped(frame).row(0, named=True)
    assert (row["title"], row["outcome"], row["action"], row["parent"]) == ("Ana", "held", "none", "")
    assert set(row) == set(plan.ROWS)


def test_the_signature_names_the_fields_of_the_payload() -> None:
    shaped = plan.shaped(pl.DataFrame({"payload": ['{"b":"1","a":null}', None]}))
    assert shaped["fields"].to_list() == ["b,a", None]


def test_counts_name_every_outcome() -> None:
    rows = pl.DataFrame({"outcome": ["held", "held", "created"]})
    counts = plan.counts(rows)
    assert set(counts) == {o.value for o in Outcome}
    assert (counts["held"], counts["created"], sum(counts.values())) == (2, 1, 3)


def rows(**over: str | None) -> pl.DataFrame:
    row = {"record_id": 1, "org_id": "T1", "action": "update", "payload": '{"a":"1"}', "reason": "x", **over}
    return plan.shaped(pl.DataFrame([row, {**row, "record_id": 2, "action": "none"}]))


def test_the_fingerprint_is_of_what_would_be_written() -> None:
    same = plan.fingerprint(rows())
    assert same == plan.fingerprint(rows().reverse()) == plan.fingerprint(rows(reason="another"))
    others = [rows(payload='{"a":"2"}'), rows(org_id="T2"), rows(action="delete"), plan.empty()]
    assert len({same, *map(plan.fingerprint, others)}) == 5


@pytest.mark.parametrize(
    ("already", "when", "expected"), [(None, True, "held"), ("skipped", True, "skipped"), (None, None, None)]
)
def test_the_first_verdict_stands(already: str | None, when: bool | None, expected: str | None) -> None:
    frame = plan.open_verdict(pl.DataFrame({"w": [when]}, schema={"w": pl.Boolean}))
    frame = frame.with_columns(_outcome=pl.lit(already, dtype=pl.String))
    assert plan.stop(frame, pl.col("w"), Outcome.HELD, "c", "Why.")["_outcome"].item() == expected
