"""Benchmarks are found by the name of their room, and a room that is not there is said."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import rooms, wanted


def test_every_room_has_benchmarks() -> None:
    assert {"audit", "local_org"} <= set(rooms())
    assert len(list(wanted(""))) == sum(len(list(wanted(room))) for room in rooms())


def test_one_can_be_picked() -> None:
    assert len(list(wanted("local_org.inserting"))) == 1


@pytest.mark.parametrize("name", ["no_such_room", "local_org.no_such_one"])
def test_a_name_that_is_nobody_s_is_said(name: str) -> None:
    with pytest.raises(SystemExit, match=r"there are|it has"):
        list(wanted(name))
