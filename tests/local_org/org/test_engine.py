from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from local_org.org import permissions
from local_org.org.clock import Clock
from local_org.org.engine import Org
from local_org.org.session import Session
from tests.local_org.org.desk import NOON, Desk, practice_schema


def count(org: Org, name: str) -> int:
    return int(org.connection().execute(f"SELECT count(*) FROM {name}").fetchone()[0])


def test_an_org_is_made_once(org: Org, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        Org.create(tmp_path / "org.db", practice_schema())


def test_open_needs_an_org(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Org.open(tmp_path / "none.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(FileNotFoundError):
        Org.open(tmp_path / "empty.db")


def test_an_org_is_opened_as_it_was(desk: Desk, org: Org, admin_id: str, tmp_path: Path) -> None:
    account = desk.make("Account", Name="A")
    org.close()
    with Org.open(tmp_path / "org.db", clock=Clock.at(NOON)) as again:
        assert (again.schema, again.id) == (org.schema, org.id)
        session = again.session(admin_id)
        assert session.retrieve("Account", account, ["Name"])["Name"] == "A"
        assert str(session.save("create", "Account", [{"Name": "B"}])[0].id) > account


def test_bulk_load_takes_stamps_of_the_past(org: Org, desk: Desk) -> None:
    past = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    rows: list[dict[str, Any]] = [
        {"Id": "001Hs0000000900IAA", "Name": "Old", "CreatedDate": past, "SystemModstamp": 1, "Site": ""},
        {"Id": "003Hs0000000900IAA", "Name": "x"},
    ]
    assert org.bulk_load("account", rows[:1]) == 1
    got = desk.get("Account", "001Hs0000000900IAA", "Name", "CreatedDate", "SystemModstamp", "IsDeleted", "Site")
    assert got == ["Old", "2024-05-06T07:08:09.000+0000", "1970-01-01T00:00:01.000+0000", False, None]
    assert desk.make("Account", Name="New") > "001Hs0000000900IAA"


def test_bulk_load_takes_dates(org: Org, desk: Desk) -> None:
    org.bulk_load("Task", [{"Id": "00THs0000000900MAA", "ActivityDate": date(2026, 1, 2), "IsClosed": True}])
    assert desk.get("Task", "00THs0000000900MAA", "ActivityDate", "IsClosed") == ["2026-01-02", True]


def test_bulk_load_refuses_unknown_fields(org: Org) -> None:
    with pytest.raises(ValueError, match="Account has no fields Nope"):
        org.bulk_load("Account", [{"Id": "001Hs0000000900IAA", "Nope": 1}])
    assert count(org, "Account") == 0


def test_a_failed_write_leaves_nothing(org: Org, desk: Desk) -> None:
    def work() -> None:
        with org.write():
            desk.make("Account", Name="A")
            raise LookupError

    with pytest.raises(LookupError):
        work()
    assert count(org, "Account") == 0


def test_a_nested_write_can_fail_alone(org: Org, desk: Desk) -> None:
    with org.write():
        desk.make("Account", Name="A")
        results = desk.session.save("create", "Account", [{"Name": "B"}, {}], all_or_none=True)
        assert not results[0].success
        desk.make("Account", Name="C")
    names = org.connection().execute("SELECT Name FROM Account ORDER BY 1").fetchall()
    assert names == [("A",), ("C",)]


def test_readers_see_nothing_before_the_commit(org: Org, desk: Desk) -> None:
    seen: list[int] = []
    with org.write():
        desk.make("Account", Name="A")
        assert count(org, "Account") == 1
        thread = threading.Thread(target=lambda: seen.append(count(org, "Account")))
        thread.start()
        thread.join()
    assert (seen, count(org, "Account")) == ([0], 1)


def test_reading_connections_cannot_write(org: Org) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        org.connection().execute("DELETE FROM Profile")


def test_many_threads_write(org: Org, admin_id: str) -> None:
    def work(number: int) -> None:
        session = org.session(admin_id)
        for i in range(20):
            assert session.save("create", "Account", [{"Name": f"{number}-{i}"}])[0].success

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(org, "Account") == 120


def test_others_may_keep_tables_of_their_own(org: Org) -> None:
    with org.write() as conn:
        conn.execute("CREATE TABLE _token (value TEXT)")
        conn.execute("INSERT INTO _token VALUES ('x')")
    assert count(org, "_token") == 1


def test_settings_are_kept(org: Org) -> None:
    assert org.meta("color") is None
    org.save_meta("color", "red")
    assert org.meta("color") == "red"


def test_clock_moves(clock: Clock, desk: Desk) -> None:
    clock.advance(90)
    assert clock.moment() == datetime(2026, 3, 2, 20, 1, 30, tzinfo=UTC)
    clock.set_offset(0)
    assert (clock.moment(), clock.offset) == (NOON, 0)
    assert Clock(3600).now() - Clock().now() in (3600, 3599)


def test_retrieve_many_keeps_the_order(desk: Desk, admin: Session) -> None:
    one, two, gone = (desk.make("Account", Name=name) for name in ("one", "two", "gone"))
    desk.delete("Account", gone)
    rows = admin.retrieve_many("Account", [two, "junk", one[:15], gone], ["Name"])
    assert [row and row["Name"] for row in rows] == ["two", None, "one", None]


def test_indexes_serve_the_usual_questions(org: Org) -> None:
    for where in ('"SystemModstamp" >= 5', "\"AccountId\" = 'x'", "\"Email\" = 'x'", "\"MobilePhone\" = 'x'"):
        plan = org.connection().execute(f"EXPLAIN QUERY PLAN SELECT Id FROM Contact WHERE {where}").fetchall()
        assert "USING" in plan[0][3], where


def test_users_have_profiles_that_exist(org: Org) -> None:
    with pytest.raises(ValueError, match="no such profile: Nope"):
        permissions.add_user(org, "x@practice.example", profile="Nope")
    user = permissions.add_user(org, "x@practice.example", first_name="Xi", last_name="Yu", more={"Title": "Broker"})
    assert permissions.user_id_of(org, "X@practice.example") == user
    found = org.connection().execute("SELECT Name, Title, IsActive FROM User WHERE Id = ?", (user,)).fetchone()
    assert found == ("Xi Yu", "Broker", 1)
