"""The tripwire for deletes, and how writes are ordered and cut into batches."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.mapping.spec import Guards
from core.planning import guards, ordering


def deleting(n: int, others: int = 3) -> pl.DataFrame:
    return pl.DataFrame({"action": ["delete"] * n + ["update"] * others}, schema={"action": pl.String})


@pytest.mark.requirement("O18")
@pytest.mark.parametrize(
    ("deletes", "linked", "limits", "trips"),
    [
        (0, 0, Guards(), False),
        (9, 10, Guards(), False),
        (10, 10, Guards(), True),
        (10, 200, Guards(), False),
        (11, 200, Guards(), True),
        (10, 0, Guards(), True),
        (1, 1, Guards(min_deletes=1), True),
        (1, 1, Guards(min_deletes=1, max_delete_share=1.0), False),
        (1, 1000, Guards(min_deletes=0, max_delete_share=0), True),
    ],
)
def test_a_plan_that_deletes_more_than_its_share_trips(deletes: int, linked: int, limits: Guards, trips: bool) -> None:
    assert bool(guards.check(deleting(deletes), linked, limits)) is trips


def test_the_guard_says_how_much_and_what_the_limit_is() -> None:
    (tripped,) = guards.check(deleting(50), 200, Guards())
    assert tripped.guard == "mass_delete"
    assert "50 of 200" in tripped.message
    assert "25.0 %" in tripped.message
    assert "5 %" in tripped.message


@pytest.mark.parametrize(
    ("updates", "linked", "limits", "trips"),
    [
        (499, 500, Guards(), False),
        (500, 600, Guards(), True),
        (500, 625, Guards(), False),
        (500, 0, Guards(), True),
        (5000, 5000, Guards(max_update_share=1), False),
        (3, 3, Guards(min_updates=3), True),
    ],
)
def test_a_plan_that_changes_nearly_everything_trips(updates: int, linked: int, limits: Guards, trips: bool) -> None:
    found = guards.check(deleting(0, updates), linked, limits)
    assert [t.guard for t in found] == (["all_changed"] if trips else [])


@pytest.mark.parametrize(("linked", "left", "trips"), [(10, 0, True), (9, 0, False), (10, 1, False), (10, None, False)])
def test_a_side_that_is_suddenly_empty_trips(linked: int, left: int | None, trips: bool) -> None:
    found = guards.check(deleting(0, 0), linked, Guards(), left)
    assert [t.guard for t in found] == (["suddenly_empty"] if trips else [])


# --- batches


def rows(*parts: tuple[str, str, int]) -> pl.DataFrame:
    """Parts of (action, parent, number of rows)."""
    frame = pl.DataFrame(
        [(action, parent) for action, parent, n in parts for _ in range(n)],
        schema={"action": pl.String, "parent": pl.String},
        orient="row",
    )
    return frame.with_row_index("row", 1).with_columns(pl.col("row").cast(pl.Int64), sobject=pl.lit("Task"))


def sizes(cut: pl.DataFrame) -> list[tuple[str, str, int]]:
    by_batch = cut.group_by("batch").agg(pl.col("action").first(), pl.col("route").first(), pl.len()).sort("batch")
    return [(a, r, n) for _, a, r, n in by_batch.iter_rows()]


def test_nothing_to_send_gives_no_batches() -> None:
    assert ordering.batches(rows(("none", "", 3), ("link", "", 1))).is_empty()


def test_deletes_go_first_then_updates_then_creates() -> None:
    cut = ordering.batches(rows(("create", "", 2), ("update", "", 2), ("delete", "", 2), ("none", "", 1)))
    assert sizes(cut) == [("delete", "rest", 2), ("update", "rest", 2), ("create", "rest", 2)]


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (1_000, [1_000]),
        (1_001, [1_000, 1]),
        (5_000, [1_000] * 5),
    ],
)
def test_a_request_holds_a_thousand_rows(n: int, expected: list[int]) -> None:
    assert sizes(ordering.batches(rows(("create", "", n)))) == [("create", "rest", k) for k in expected]


def test_from_5001_rows_an_action_goes_by_bulk_and_the_others_stay() -> None:
    cut = ordering.batches(rows(("create", "", 5_001), ("update", "", 10)))
    assert sizes(cut) == [("update", "rest", 10), ("create", "bulk", 5_001)]


def test_a_bulk_job_has_its_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "PER_BULK_JOB", 4_000)
    assert sizes(ordering.batches(rows(("create", "", 5_001)))) == [
        ("create", "bulk", 4_000),
        ("create", "bulk", 1_001),
    ]


def test_a_parent_that_does_not_fit_begins_the_next_batch() -> None:
    assert sizes(ordering.batches(rows(("create", "A", 700), ("create", "B", 400)))) == [
        ("create", "rest", 700),
        ("create", "rest", 400),
    ]


def test_only_a_parent_larger_than_a_batch_is_divided() -> None:
    cut = ordering.batches(rows(("create", "A", 10), ("create", "B", 1_500)))
    assert [n for _, _, n in sizes(cut)] == [10, 1_000, 500]


families = st.lists(
    st.tuples(
        st.sampled_from(["create", "update", "delete", "none"]),
        st.sampled_from(["", "A", "B", "C", "D"]),
        st.integers(1, 9),
    ),
    max_size=20,
)


@settings(max_examples=40, deadline=None)
@given(families)
def test_batches_hold_what_they_promise(parts: list[tuple[str, str, int]]) -> None:
    given_rows = rows(*parts)
    with pytest.MonkeyPatch.context() as small:
        small.setattr(ordering, "PER_REQUEST", 10)
        small.setattr(ordering, "BULK_FROM", 41)
        small.setattr(ordering, "PER_BULK_JOB", 25)
        cut = ordering.batches(given_rows)
    doing = given_rows.filter(pl.col("action") != "none")
    assert sorted(cut["row"].to_list()) == doing["row"].to_list()
    assert sorted(cut["batch"].unique().to_list()) == list(range(1, cut["batch"].n_unique() + 1))
    joined = cut.join(doing.select("row", "parent"), on="row")
    for (batch,), rows_of in joined.group_by("batch"):
        limit = 10 if rows_of["route"][0] == "rest" else 25
        assert rows_of.height <= limit, batch
        assert rows_of.select("sobject", "action", "route").unique().height == 1
    whole = (
        joined.filter(pl.col("parent") != "")
        .group_by("action", "parent", "route")
        .agg(pl.len(), pl.col("batch").n_unique())
    )
    for _, _, route, n, batches in whole.iter_rows():
        limit = 10 if route == "rest" else 25
        assert batches == -(-n // limit), "a parent lies in as few batches as it can"
