"""Which rows of a push go again: in smaller collections, once more, or one by one."""

from __future__ import annotations

import polars as pl
import pytest

from core.connections.salesforce.composite import RowAnswer
from core.syncing.lanes import SERIAL_MOST, TRIES, Lane, smaller, sort_out

FINE = RowAnswer("00T", True)


def lane(n: int, **facts: int) -> Lane:
    return Lane(pl.DataFrame({"row": list(range(n))}), **facts)  # type: ignore[arg-type]


def refused(code: str, http: int = 200) -> RowAnswer:
    return RowAnswer(None, False, status_code=code, http=http)


def rows(found: Lane) -> list[int]:
    return found.rows["row"].to_list()


def test_what_succeeded_or_is_refused_for_good_is_done() -> None:
    assert sort_out(lane(2), [FINE, refused("STRING_TOO_LONG")]) == ([True, True], [])


def test_only_rows_with_a_temporary_error_go_again() -> None:
    done, (again,) = sort_out(lane(3), [FINE, refused("UNABLE_TO_LOCK_ROW"), FINE])
    assert (done, rows(again), again.tries, again.is_serial) == ([True, False, True], [1], 2, False)


@pytest.mark.parametrize(
    ("code", "n", "alone"),
    [("UNABLE_TO_LOCK_ROW", 3, True), ("SERVER_UNAVAILABLE", 3, False), ("UNABLE_TO_LOCK_ROW", SERIAL_MOST + 1, False)],
)
def test_after_the_last_try_a_few_locked_rows_go_one_by_one(code: str, n: int, alone: bool) -> None:
    done, again = sort_out(lane(n, tries=TRIES), [refused(code)] * n)
    assert done == [not alone] * n
    assert [(a.size, a.is_serial, a.rows.height) for a in again] == ([(1, True, n)] if alone else [])


def test_who_is_locked_even_alone_waits_for_a_later_run() -> None:
    stuck = Lane(pl.DataFrame({"row": [0]}), size=1, tries=TRIES + 1, is_serial=True)
    assert sort_out(stuck, [refused("UNABLE_TO_LOCK_ROW")]) == ([True], [])


def test_a_refused_collection_is_cut_until_the_guilty_row_is_alone() -> None:
    """Of 1,000 rows number 777 cannot be read: five more calls find it, and every other row is written once."""
    todo, written, guilty, calls = lane(1000).calls(), [], [], 0
    while todo:
        call, calls = todo.pop(0), calls + 1
        answers = []
        for at in range(0, call.rows.height, call.size):
            part = rows(call)[at : at + call.size]
            answers += [refused("JSON_PARSER_ERROR", 400) if 777 in part else FINE] * len(part)
        done, again = sort_out(call, answers)
        written += [r for r, d, a in zip(rows(call), done, answers, strict=True) if d and a.success]
        guilty += [r for r, d, a in zip(rows(call), done, answers, strict=True) if d and not a.success]
        todo += [c for later in again for c in later.calls()]
    assert (guilty, sorted([*written, 777])) == ([777], list(range(1000)))
    assert calls == 5


def test_a_call_that_cannot_be_read_at_all_ends_in_calls_of_one_row() -> None:
    todo, sizes = smaller(lane(23)), []
    while todo:
        call = todo.pop(0)
        sizes.append(call.rows.height)
        todo = (smaller(call) if call.rows.height > 1 else []) + todo
    assert sizes.count(1) == 23
