"""The guard that keeps API calls back for people and other apps, with its numbers."""

from __future__ import annotations

import polars as pl
import pytest

from core.mapping.spec import Guards
from core.planning import guards, ordering, plan
from core.planning.guards import Budget

KEPT = Guards(api_reserve_share=0.1)


@pytest.mark.parametrize(
    ("used", "needed", "trips"),
    [
        (0, 0, False),
        (8_999, 1, False),
        (9_000, 1, True),
        (9_999, 0, False),
        (5_000, 4_000, False),
        (5_000, 4_001, True),
    ],
)
def test_a_run_must_leave_the_reserve(used: int, needed: int, trips: bool) -> None:
    found = guards.check(plan.empty(), 0, KEPT, budget=Budget(used, 10_000, needed))
    assert [t.guard for t in found] == (["api_reserve"] if trips else [])


def test_the_guard_says_its_numbers() -> None:
    (found,) = guards.check(plan.empty(), 0, KEPT, budget=Budget(9_500, 10_000, 20))
    assert found.message == (
        "The run needs about 20 API calls; 500 of 10,000 are left today, and 1,000 of them are kept back for people and"
        " other apps."
    )


def test_calls_are_counted_by_batch_and_bulk_jobs_cost_more() -> None:
    def made(n: int) -> pl.DataFrame:
        return pl.DataFrame(
            {"row": range(1, n + 1), "action": "create", "sobject": "Task", "parent": ""},
            schema_overrides={"row": pl.Int64},
        )

    assert ordering.calls(made(0)) == 0
    assert ordering.calls(made(2_001)) == 3
    assert ordering.calls(made(ordering.BULK_FROM)) == ordering.BULK_CALLS
