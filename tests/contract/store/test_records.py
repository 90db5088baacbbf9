"""Saving records: numbers, absent columns, contact points, waking jobs; the same on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from core.errors import ConsentBreach, StoreError
from core.store import consent
from core.store.codec import INSTANT, dumps
from core.store.database import Database
from core.store.records import by_key, columns_of, load_records, save_records, typed

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def save(db: Database, table: str, *rows: dict[str, Any], workspace: int = 1) -> list[int]:
    """Rows without an id are new."""
    with db.batch(workspace) as batch:
        frame = pl.DataFrame(rows, infer_schema_length=None)
        if "id" not in frame.columns:
            first = batch.allocate(frame.height)
            frame = frame.with_columns(id=pl.int_range(first, first + frame.height))
        save_records(batch, table, frame)
    return frame["id"].to_list()


def points(db: Database, table: str = "person") -> set[tuple[int, str, str]]:
    sql = "SELECT record_id, kind, value FROM contact_point WHERE workspace_id = 1 AND table_name = :t"
    return set(db.read(sql, t=table).rows())


def add_job(db: Database, name: str, *, enabled: bool = True, **spec: Any) -> None:
    spec = {"direction": "outbound", "kind": "call", "schedule": {"as_it_happens": True}, **spec}
    db.execute(
        "INSERT INTO job (workspace_id, name, spec, version, is_enabled, is_woken, created_at, created_by, updated_at,"
        " updated_by) VALUES (1, :name, :spec, 1, :on, false, :now, '', :now, '')",
        name=name,
        spec=dumps(spec),
        on=enabled,
        now=NOW,
    )


def woken(db: Database) -> set[str]:
    return set(db.read("SELECT name FROM job WHERE is_woken")["name"])


def test_new_records_get_numbers_of_change_in_their_order(database: Database) -> None:
    save(database, "account", {"external_id": "b", "source": "s"}, {"external_id": "a", "source": "s"})
    frame = load_records(database, 1, "account")
    assert frame["external_id"].to_list() == ["b", "a"]
    assert frame["seq"].to_list() == [3, 4]
    assert database.one("SELECT seq FROM workspace WHERE id = 1") == 4


def test_a_change_moves_to_the_end_and_leaves_absent_columns(database: Database) -> None:
    first, second = save(database, "account", {"name": "A", "city": "Oslo"}, {"name": "B", "city": "Rome"})
    save(database, "account", {"id": first, "name": "A2", "updated_at": NOW})
    frame = load_records(database, 1, "account")
    assert frame["id"].to_list() == [second, first]
    assert frame.row(1, named=True)["name"] == "A2"
    assert frame.row(1, named=True)["city"] == "Oslo"
    assert frame.row(1, named=True)["updated_at"] == NOW


def test_null_clears(database: Database) -> None:
    (only,) = save(database, "person", {"email": "a@b.co", "do_not_call": False, "updated_at": NOW})
    save(database, "person", {"id": only, "email": None, "do_not_call": None, "updated_at": None})
    row = load_records(database, 1, "person").row(0, named=True)
    assert (row["email"], row["do_not_call"], row["updated_at"]) == (None, None, None)


@pytest.mark.requirement("S5", "N9")
@pytest.mark.parametrize("value", [False, None])
def test_an_opt_out_is_taken_back_by_nobody_but_a_person(database: Database, value: bool | None) -> None:
    out, other = save(database, "person", {"email": "a@b.co", "do_not_call": True}, {"email": "c@d.co"})
    with pytest.raises(ConsentBreach, match="1 people"):
        save(database, "person", {"id": other, "do_not_call": False, "name": "X"}, {"id": out, "do_not_call": value})
    assert load_records(database, 1, "person", ids=[other])["name"].to_list() == [None], "nothing is saved"
    with database.batch(1, origin="by hand", actor="ana") as batch:
        consent.opt_in(batch, out, "do_not_call", "she wrote to us")
        save_records(batch, "person", pl.DataFrame({"id": [out], "do_not_call": [False]}))
    save(database, "person", {"id": out, "do_not_call": True})
    lines = consent.history(database, 1, out).select("state", "origin", "actor", "evidence").rows()
    assert lines == [("out", "", "", None), ("in", "by hand", "ana", "she wrote to us"), ("out", "", "", None)]


def test_new_and_known_records_may_come_together(database: Database) -> None:
    (known,) = save(database, "account", {"name": "A"})
    save(database, "account", {"id": known, "name": "A2"}, {"id": 900, "name": "new"})
    assert dict(load_records(database, 1, "account").select("id", "name").rows()) == {known: "A2", 900: "new"}


def test_a_record_without_a_key_is_known_by_its_own_id(database: Database) -> None:
    first, second = save(database, "account", {"name": "A"}, {"name": "B"})
    assert load_records(database, 1, "account")["external_id"].to_list() == [str(first), str(second)]


def test_large_frames_take_the_same_way(database: Database) -> None:
    n = 6_000
    ids = save(database, "person", *({"email": f"p{i}@x.com", "phone": f"+1415555{i:04d}"} for i in range(n)))
    save(database, "person", *({"id": i, "title": "x"} for i in ids))
    frame = load_records(database, 1, "person")
    assert frame["id"].to_list() == ids
    assert frame["email"].null_count() == 0
    assert database.one("SELECT COUNT(*) FROM contact_point WHERE kind = 'email'") == n


def test_another_workspace_is_never_touched(database: Database) -> None:
    save(database, "account", {"id": 7, "name": "mine"})
    save(database, "account", {"id": 7, "name": "theirs"}, workspace=2)
    save(database, "account", {"id": 7, "name": "mine 2"})
    assert load_records(database, 1, "account")["name"].to_list() == ["mine 2"]
    assert load_records(database, 2, "account")["name"].to_list() == ["theirs"]


@pytest.mark.parametrize("ids", [[1, 1], [1, None]])
def test_records_come_by_id_each_once(database: Database, ids: list[int | None]) -> None:
    with pytest.raises(StoreError, match="by id"), database.batch(1) as batch:
        save_records(batch, "account", pl.DataFrame({"id": ids}))


def test_an_unknown_column_or_table_is_refused() -> None:
    with pytest.raises(StoreError, match="no column colour"):
        typed("account", pl.DataFrame({"colour": ["red"]}))
    with pytest.raises(StoreError, match="not a table of records"):
        columns_of("job")


def test_nothing_is_nothing(database: Database) -> None:
    with database.batch(1) as batch:
        save_records(batch, "account", pl.DataFrame(schema={"id": pl.Int64}))
    assert database.one("SELECT seq FROM workspace WHERE id = 1") == 0


def test_phones_are_points_with_and_without_extension(database: Database) -> None:
    (only,) = save(
        database,
        "person",
        {
            "phone": "(415) 555-0100 x12",
            "mobile_phone": "415.555.0101",
            "other_phone": "no phone",
            "email": " Ana@X.com ",
        },
    )
    assert points(database) == {
        (only, "phone", "+14155550100;ext=12"),
        (only, "phone", "+14155550100"),
        (only, "phone", "+14155550101"),
        (only, "email", "ana@x.com"),
    }


def test_custom_fields_that_are_phones_by_name_are_points(database: Database) -> None:
    fields = {"Direct Phone": "+44 20 7946 0018", "mobile_2": 4155550102, "phone_ok": True, "budget": "4155550103"}
    (only,) = save(database, "person", {"fields": dumps(fields)})
    assert points(database) == {(only, "phone", "+442079460018"), (only, "phone", "+14155550102")}


def test_accounts_are_found_by_domain_website_and_phone(database: Database) -> None:
    (only,) = save(
        database, "account", {"domain": "Acme.co.uk", "website": "https://www.shop.acme.com/x", "phone": "4155550100"}
    )
    assert points(database, "account") == {
        (only, "domain", "acme.co.uk"),
        (only, "domain", "acme.com"),
        (only, "phone", "+14155550100"),
    }


def test_points_follow_every_change(database: Database) -> None:
    (only,) = save(database, "person", {"email": "a@x.com", "phone": "4155550100"})
    save(database, "person", {"id": only, "email": "b@x.com"})
    assert points(database) == {(only, "email", "b@x.com"), (only, "phone", "+14155550100")}
    save(database, "person", {"id": only, "title": "CEO"})
    assert len(points(database)) == 2
    save(database, "person", {"id": only, "deleted_at": NOW})
    assert points(database) == set()
    save(database, "person", {"id": only, "deleted_at": None})
    assert len(points(database)) == 2


def test_intake_wakes_the_jobs_that_run_as_it_happens(database: Database) -> None:
    add_job(database, "calls")
    add_job(database, "tasks", kind="task")
    add_job(database, "off", enabled=False)
    add_job(database, "inbound", direction="inbound")
    add_job(database, "nightly", schedule={"daily_at": "02:00"})
    add_job(database, "people", kind="person")
    (only,) = save(database, "activity", {"kind": "call", "source": "s", "external_id": "c1"})
    assert woken(database) == {"calls"}
    database.execute("UPDATE job SET is_woken = false")
    save(database, "activity", {"id": only, "subject": "changed"})
    assert woken(database) == {"calls"}
    save(database, "person", {"email": "a@x.com"})
    assert woken(database) == {"calls", "people"}


def test_a_wake_is_undone_with_its_batch(database: Database) -> None:
    add_job(database, "calls")

    def lose() -> None:
        with database.batch(1) as batch:
            save_records(batch, "activity", pl.DataFrame({"id": [1], "kind": ["call"]}))
            raise RuntimeError("lost")

    with pytest.raises(RuntimeError):
        lose()
    assert woken(database) == set()
    assert load_records(database, 1, "activity").is_empty()


def test_records_are_read_by_id_number_and_kind(database: Database) -> None:
    kinds = ("call", "task", "call")
    ids = save(database, "activity", *({"kind": k, "source": "s", "external_id": f"{i}"} for i, k in enumerate(kinds)))
    assert load_records(database, 1, "activity", ids=ids[1:])["id"].to_list() == ids[1:]
    assert load_records(database, 1, "activity", ids=[]).is_empty()
    assert load_records(database, 1, "activity", kinds=["task"])["id"].to_list() == [ids[1]]
    assert load_records(database, 1, "activity", after_seq=4, up_to_seq=5)["seq"].to_list() == [5]
    narrow = load_records(database, 1, "activity", columns=["id", "occurred_at"])
    assert narrow.schema == {"id": pl.Int64, "occurred_at": INSTANT}


def test_an_empty_read_has_the_tables_types(database: Database) -> None:
    assert dict(load_records(database, 1, "activity").schema) == columns_of("activity")


def test_records_are_found_by_key(database: Database) -> None:
    save(database, "account", {"source": "s", "external_id": "a"}, {"source": "t", "external_id": "a"})
    keys = pl.DataFrame({"source": ["s", "s", "x"], "external_id": ["a", "a", "a"]})
    with database.batch(1) as batch:
        assert by_key(batch, "account", keys)["source"].to_list() == ["s"]
    with database.batch(2) as batch:
        assert by_key(batch, "account", keys).is_empty()
