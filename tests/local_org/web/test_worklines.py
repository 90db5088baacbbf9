from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_org.web.faults import Faults
from local_org.web.worklines import Book, Line, Table


@dataclass(frozen=True, slots=True)
class Parcel:
    id: str
    state: str


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path / "service.sqlite")
    yield made
    made.close()


@pytest.fixture
def table(book: Book) -> Table[Parcel]:
    return Table(book, "parcel", Parcel)


ONE, TWO = Parcel("750000000000001AAA", "new"), Parcel("750000000000002AAA", "new")


def test_pieces_are_kept_found_changed_and_forgotten(table: Table[Parcel]) -> None:
    for piece in (ONE, TWO):
        table.add(piece)
    table.save(Parcel(ONE.id, "done"))
    assert table.find("state=?", "new") == [TWO]
    assert table.by_id(ONE.id[:15]) == table.by_id(ONE.id) == Parcel(ONE.id, "done")
    assert table.by_id(ONE.id, "state=?", "new") is None
    assert table.by_id(ONE.id[:16]) is None
    assert table.next_number() == 3
    table.delete(ONE.id)
    assert table.find() == [TWO]
    assert table.next_number() == 3


def test_a_whole_is_written_or_not_at_all(book: Book, table: Table[Parcel]) -> None:
    def half() -> None:
        with book.whole():
            table.add(ONE)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()
    assert table.find() == []


def test_the_line_runs_in_order_and_stops() -> None:
    line, seen, all_in = Line("parcels"), list[str](), threading.Event()

    def run(piece_id: str) -> None:
        seen.append(piece_id)
        if piece_id == "c":
            all_in.set()

    line.start(run, ["a"])
    line.submit("b")
    line.submit("c")
    assert all_in.wait(10)
    line.stop()
    line.submit("d")
    assert (seen, line.stopping) == (["a", "b", "c"], True)


def test_a_stuck_piece_goes_on_when_the_fault_is_off_or_the_piece_is_dropped() -> None:
    line, faults = Line("parcels"), Faults()
    assert line.unstuck(faults, lambda: False)
    faults.switch_on("job_stuck")
    assert not line.unstuck(faults, lambda: True)
    timer = threading.Timer(0.2, faults.switch_off, ["job_stuck"])
    timer.start()
    assert line.unstuck(faults, lambda: False)
    timer.join()
