from __future__ import annotations

import threading

import pytest

from local_org.org import replication
from local_org.org.clock import Clock
from local_org.org.engine import Org
from local_org.org.merging import merge
from local_org.org.model import OrgFault
from tests.local_org.org.desk import Desk


def test_updated_lists_live_rows_of_the_window(desk: Desk, clock: Clock) -> None:
    start = clock.now()
    desk.make("Account", Name="before")
    clock.advance(100)
    one, two, gone = (desk.make("Account", Name=name) for name in ("one", "two", "gone"))
    desk.delete("Account", gone)
    answer = replication.updated(desk.session, "account", start + 1, start + 1000)
    assert answer.ids == [one, two]
    assert answer.latest_date_covered == clock.now()


def test_covered_is_the_end_of_a_window_in_the_past(desk: Desk, clock: Clock) -> None:
    now = clock.now()
    assert replication.updated(desk.session, "Account", now - 500, now - 100).latest_date_covered == now - 100


def test_deleted_lists_merge_losers_too(desk: Desk, clock: Clock) -> None:
    a, b, c = (desk.make("Account", Name=name) for name in "ABC")
    clock.advance(100)
    desk.delete("Account", c)
    merge(desk.session, "Account", a, [b])
    answer = replication.deleted(desk.session, "Account", clock.now() - 50, clock.now() + 50)
    assert answer.records == [(b, clock.now()), (c, clock.now())]
    assert answer.earliest_date_available == clock.now() - 15 * 86400


def test_windows_that_are_refused(desk: Desk, clock: Clock) -> None:
    now = clock.now()
    with pytest.raises(OrgFault, match="startDate is too far in the past") as caught:
        replication.updated(desk.session, "Account", now - 31 * 86400, now)
    assert caught.value.code == "INVALID_REPLICATION_DATE"
    with pytest.raises(OrgFault, match="at least one minute"):
        replication.deleted(desk.session, "Account", now - 59, now)


def test_an_open_transaction_holds_covered_back(desk: Desk, org: Org, clock: Clock) -> None:
    begun = clock.now()
    with org.open_transaction() as late:
        clock.advance(20)
        quick = desk.make("Account", Name="quick")
        answer = replication.updated(desk.session, "Account", begun - 100, begun + 100)
        assert (answer.ids, answer.latest_date_covered) == ([quick], begun)
        written = late.commit(lambda: desk.make("Account", Name="late"))
    assert desk.raw("Account", written, "SystemModstamp") == begun
    after = replication.updated(desk.session, "Account", begun, begun + 100)
    assert after.ids == [written, quick]
    assert after.latest_date_covered == begun + 20


def test_a_late_commit_does_not_move_a_stamp_back(desk: Desk, org: Org, clock: Clock) -> None:
    account = desk.make("Account", Name="A")
    late = org.open_transaction()
    clock.advance(30)
    desk.change("Account", account, Name="B")
    late.commit(lambda: desk.change("Account", account, Site="x"))
    assert desk.raw("Account", account, "SystemModstamp") == clock.now()
    assert org.covered() == clock.now()


def test_an_abandoned_transaction_lets_go(org: Org, clock: Clock) -> None:
    late = org.open_transaction()
    clock.advance(30)
    assert org.covered() == late.start
    late.close()
    assert org.covered() == clock.now()


def test_a_running_write_holds_covered_back(org: Org, clock: Clock) -> None:
    seen: list[int] = []
    with org.write():
        start = clock.now()
        clock.advance(30)
        other = threading.Thread(target=lambda: seen.append(org.covered()))
        other.start()
        other.join()
    assert seen == [start]
    assert org.covered() == clock.now()
