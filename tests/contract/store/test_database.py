"""The promises of a database and its batches, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy.exc import IntegrityError

from core.errors import StoreError
from core.store import database as module
from core.store.codec import INSTANT
from core.store.database import Batch, Database
from core.store.tables import Account, Setting

AT = datetime(2026, 11, 21, 14, 5, 0, 123456, tzinfo=UTC)


def accounts(n: int, *, start: int = 1, name: str = "Acme") -> pl.DataFrame:
    numbers = range(start, start + n)
    return pl.DataFrame(
        {
            "workspace_id": [1] * n,
            "id": numbers,
            "seq": numbers,
            "source": ["s"] * n,
            "external_id": [f"a{i}" for i in numbers],
            "name": [name] * n,
            "updated_at": [AT] * n,
        }
    )


def count(db: Database, table: str = "account") -> int:
    return int(db.one(f"SELECT COUNT(*) FROM {table}"))


@pytest.fixture
def staging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where staging files are made, so that one left behind is seen."""
    folder = tmp_path / "staging"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("n", [0, 1, 7, module.STAGE_BY_FILE_FROM, module.STAGE_BY_FILE_FROM + 1_000])
def test_insert_writes_every_row_and_leaves_no_file(database: Database, staging: Path, n: int) -> None:
    with database.batch(1) as batch:
        batch.insert("account", accounts(n))
    assert count(database) == n
    assert list(staging.iterdir()) == []


@pytest.mark.parametrize("n", [3, module.STAGE_BY_FILE_FROM + 1])
def test_an_error_leaves_nothing_behind(database: Database, staging: Path, n: int) -> None:
    def fail(batch: Batch) -> None:
        first = batch.allocate(n)
        batch.insert("account", accounts(n, start=first))
        batch.execute("INSERT INTO setting (workspace_id, key, value) VALUES (1, 'k', '1')")
        raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"), database.batch(1) as batch:
        fail(batch)
    assert (count(database), count(database, "setting")) == (0, 0)
    assert database.one("SELECT seq FROM workspace WHERE id = 1") == 0
    assert list(staging.iterdir()) == []
    with database.batch(1) as batch:
        batch.insert("account", accounts(n))
    assert count(database) == n


@pytest.mark.parametrize("n", [2, module.STAGE_BY_FILE_FROM + 1])
def test_a_broken_row_takes_the_whole_batch_with_it(database: Database, staging: Path, n: int) -> None:
    doubled = pl.concat([accounts(n), accounts(1).with_columns(id=pl.lit(n + 1, dtype=pl.Int64))])

    def write(batch: Batch) -> None:
        batch.execute("INSERT INTO setting (workspace_id, key, value) VALUES (1, 'k', '1')")
        batch.insert("account", doubled)

    with pytest.raises(IntegrityError), database.batch(1) as batch:
        write(batch)
    assert (count(database), count(database, "setting")) == (0, 0)
    assert list(staging.iterdir()) == []


@pytest.mark.parametrize("n", [2, module.STAGE_BY_FILE_FROM + 1])
def test_upsert_overwrites_the_frames_columns_only(database: Database, n: int) -> None:
    with database.batch(1) as batch:
        batch.insert("account", accounts(n).with_columns(city=pl.lit("Oslo")))
    with database.batch(1) as batch:
        batch.upsert("account", accounts(n + 1, name="New"), ("workspace_id", "id"))
    frame = database.read("SELECT id, name, city FROM account ORDER BY id")
    assert frame["name"].unique().to_list() == ["New"]
    assert frame["city"].to_list() == ["Oslo"] * n + [None]


def test_an_upsert_of_keys_alone_adds_what_is_missing(database: Database) -> None:
    keys = pl.DataFrame(
        {"workspace_id": [1, 1], "table_name": ["person"] * 2, "record_id": [1, 2], "kind": ["email"] * 2}
    )
    keys = keys.with_columns(value=pl.lit("a@b.c"))
    for _ in range(2):
        with database.batch(1) as batch:
            batch.upsert("contact_point", keys, tuple(keys.columns))
    assert count(database, "contact_point") == 2


@pytest.mark.parametrize("n", [2, module.STAGE_BY_FILE_FROM + 1])
def test_update_touches_rows_that_are_there(database: Database, n: int) -> None:
    with database.batch(1) as batch:
        batch.insert("account", accounts(n))
    with database.batch(1) as batch:
        change = pl.DataFrame({"workspace_id": [1] * (n + 5), "id": range(1, n + 6), "city": ["Rome"] * (n + 5)})
        assert batch.update("account", change, ("workspace_id", "id")) == n
    assert database.read("SELECT DISTINCT name, city FROM account").rows() == [("Acme", "Rome")]


def test_update_of_nothing_is_nothing(database: Database) -> None:
    with database.batch(1) as batch:
        assert batch.update("account", accounts(0), ("workspace_id", "id")) == 0


def test_instants_and_booleans_come_back_as_they_went(database: Database) -> None:
    with database.batch(1) as batch:
        person = (
            accounts(2)
            .drop("name")
            .with_columns(do_not_call=pl.Series([True, None]), opted_out_email=pl.Series([False, True]))
        )
        batch.insert("person", person)
    frame = database.read("SELECT updated_at, deleted_at, do_not_call, opted_out_email FROM person ORDER BY id")
    assert frame.schema["updated_at"] == frame.schema["deleted_at"] == INSTANT
    assert frame["updated_at"].to_list() == [AT, AT]
    assert frame["do_not_call"].to_list() == [True, None]
    assert frame["opted_out_email"].to_list() == [False, True]


def test_an_instant_keeps_its_moment_whatever_its_zone(database: Database) -> None:
    with database.batch(1) as batch:
        shifted = accounts(1).with_columns(pl.col("updated_at").dt.convert_time_zone("America/Chicago"))
        batch.insert("account", shifted)
    assert database.read("SELECT updated_at FROM account").item() == AT


@pytest.mark.parametrize("n", [1, module.STAGE_BY_FILE_FROM + 1])
def test_dates_lists_structs_and_nulls_are_stored_as_text(database: Database, n: int) -> None:
    row = accounts(1).with_columns(
        city=pl.Series([date(2026, 2, 28)]),
        fields=pl.Series([{"budget": 5, "note": "Grüße"}]),
        notes=pl.Series([["a", "b"]]),
        phone=pl.Series([None]),
    )
    frame = pl.concat([row] * n).with_columns(id=pl.int_range(n), external_id=pl.int_range(n).cast(pl.String))
    with database.batch(1) as batch:
        batch.insert("account", frame)
    stored = database.read("SELECT city, fields, notes, phone FROM account LIMIT 1").row(0)
    assert stored == ("2026-02-28", '{"budget":5,"note":"Grüße"}', '["a","b"]', None)


def test_values_of_rows_never_become_sql(database: Database) -> None:
    hostile = "x'; DROP TABLE account; -- \" % :name \\ \t\n\r\x01"
    with database.batch(1) as batch:
        batch.insert("account", accounts(1, name=hostile))
    assert database.one("SELECT name FROM account WHERE name = :n", n=hostile) == hostile


def test_a_name_with_a_quote_is_no_column(database: Database) -> None:
    with pytest.raises(StoreError), database.batch(1) as batch:
        batch.insert("account", accounts(1).rename({"name": 'na"me'}))


def test_columns_without_any_value_are_text_or_instants(database: Database) -> None:
    with database.batch(1) as batch:
        batch.insert("account", accounts(1).drop("updated_at"))
    frame = database.read("SELECT city, updated_at FROM account")
    assert frame.schema == {"city": pl.String, "updated_at": INSTANT}
    assert database.read("SELECT city FROM account WHERE id = 99").schema == {"city": pl.String}


def test_a_batch_reads_what_it_wrote_and_others_do_not(database: Database) -> None:
    with database.batch(1) as batch:
        batch.insert("account", accounts(3))
        assert batch.read("SELECT COUNT(*) AS n FROM account").item() == 3
        assert count(database) == 0
    assert count(database) == 3


def test_staged_frames_join_with_tables_and_are_gone_afterwards(database: Database) -> None:
    with database.batch(1) as batch:
        batch.insert("account", accounts(3))
        first, second = batch.stage(pl.DataFrame({"id": [1, 2]})), batch.stage(pl.DataFrame({"id": [2, 3]}))
        sql = f"SELECT a.id FROM account a JOIN {first} x ON x.id = a.id JOIN {second} y ON y.id = a.id"
        assert batch.read(sql)["id"].to_list() == [2]
    with database.batch(1) as batch:
        again = batch.stage(pl.DataFrame({"id": [3]}))
        assert batch.read(f"SELECT id FROM {again}")["id"].to_list() == [3]


def test_numbers_follow_one_another_per_workspace(database: Database) -> None:
    with database.batch(1) as batch:
        assert (batch.allocate(3), batch.allocate(2)) == (1, 4)
    with database.batch(2) as batch:
        assert batch.allocate(1) == 1
    with database.batch(1) as batch:
        assert batch.allocate(1) == 6


def test_numbers_grow_in_the_order_of_commits(database: Database) -> None:
    """Whoever has taken numbers commits before the next one gets any."""
    seen: list[tuple[int, int]] = []
    started = threading.Barrier(4)

    def work() -> None:
        started.wait()
        for _ in range(5):
            with database.batch(1) as batch:
                first = batch.allocate(10)
                batch.insert("account", accounts(10, start=first))
                seen.append((first, int(batch.read("SELECT COALESCE(MAX(seq), 0) AS n FROM account").item())))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert count(database) == 200
    # In each batch its own rows were the highest committed or pending: no later number was there before it.
    assert [first + 9 for first, _ in seen] == [highest for _, highest in seen]
    assert sorted(first for first, _ in seen) == list(range(1, 201, 10))


def test_two_writers_with_staging_files_both_get_through(database: Database, staging: Path) -> None:
    n = module.STAGE_BY_FILE_FROM + 1
    errors: list[BaseException] = []

    def work(workspace: int) -> None:
        try:
            with database.batch(workspace) as batch:
                first = batch.allocate(n)
                batch.insert("account", accounts(n, start=first).with_columns(workspace_id=pl.lit(workspace)))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(w,)) for w in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []
    assert count(database) == 2 * n
    assert list(staging.iterdir()) == []


def test_a_batch_of_an_unknown_workspace_takes_no_numbers(database: Database) -> None:
    with pytest.raises(Exception, match="No row was found"), database.batch(99) as batch:
        batch.allocate(1)


def test_single_rows_go_through_sessions(database: Database) -> None:
    with database.writing() as session:
        session.add(Setting(workspace_id=1, key="hosts", value=["a", {"b": None}]))
        session.add(Account(workspace_id=1, id=1, seq=1, source="s", external_id="a", updated_at=AT))
        session.commit()
    with database.session() as session:
        setting, account = session.get(Setting, (1, "hosts")), session.get(Account, (1, 1))
        assert setting is not None
        assert account is not None
        assert setting.value == ["a", {"b": None}]
        assert account.updated_at == AT


def test_parameters_may_be_instants(database: Database) -> None:
    with database.batch(1) as batch:
        batch.insert("account", accounts(1))
    assert database.execute("UPDATE account SET deleted_at = :at WHERE updated_at = :at", at=AT) == 1
    assert database.read("SELECT deleted_at FROM account").item() == AT


def test_a_batch_may_stage_more_large_frames_than_sqlite_attaches_files(database: Database, staging: Path) -> None:
    frame = pl.DataFrame({"id": range(module.STAGE_BY_FILE_FROM), "name": ["x"] * module.STAGE_BY_FILE_FROM})
    with database.batch(1) as batch:
        names = [batch.stage(frame) for _ in range(13)]
        counts = [batch.read(f"SELECT COUNT(*) AS n FROM {name}").item() for name in names]
    assert counts == [module.STAGE_BY_FILE_FROM] * 13
    assert list(staging.iterdir()) == []


@pytest.mark.parametrize("connections", [1, 2, 3])
def test_a_staging_file_is_let_go_of_by_the_connection_that_took_it(
    database: Database, staging: Path, connections: int
) -> None:
    with ExitStack() as stack:
        for _ in range(connections):  # the pool has several to choose from afterwards
            stack.enter_context(database.engine.connect())
    n = module.STAGE_BY_FILE_FROM
    for turn in range(4):
        with database.batch(1) as batch:
            batch.insert("account", accounts(n, start=turn * n + 1))
        assert list(staging.iterdir()) == []
    assert count(database) == 4 * n
