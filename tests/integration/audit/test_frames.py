from __future__ import annotations

import polars as pl
import pytest

from core.audit import balance as books
from core.audit import catalog
from core.audit.frames import Frames
from core.errors import StoreError
from core.store.codec import INSTANT
from core.store.database import Database
from tests.integration.audit import world

NAMES = {name: table.types for name, table in catalog.TABLES.items()}


def states(db: Database) -> dict[int, str]:
    return dict(Frames(db, world.WS).activities().select("id", "sync_state").iter_rows())


@pytest.mark.requirement("X16")
def test_every_frame_has_its_documented_columns_in_a_full_and_in_an_empty_workspace(filled: Database) -> None:
    for name, columns in NAMES.items():
        full, empty = (getattr(Frames(filled, w), name)() for w in (world.WS, 2))
        assert full.schema == empty.schema == pl.DataFrame(schema=columns).schema, name
        assert full.height > 0 or name in ("lineage", "consent", "configuration"), name
        assert empty.height == 0, name


@pytest.mark.parametrize("name", ["people", "accounts"])
def test_people_and_accounts_come_with_the_org_record_they_are(filled: Database, name: str) -> None:
    frame = getattr(Frames(filled, world.WS), name)()
    empty = getattr(Frames(filled, 2), name)()
    assert empty.height == 0
    assert empty.schema == frame.schema
    linked = dict(frame.select("id", "org_id").iter_rows())
    assert linked == ({world.DANA: world.ORG_DANA, world.ERIN: None} if name == "people" else {1: None})
    assert frame.schema["created_at"] == INSTANT


def test_each_activity_is_in_the_state_it_is_in(filled: Database) -> None:
    assert states(filled) == {
        world.SENT: "synced",
        world.HELD: "held",
        world.WAITING: "waiting",
        world.FILTERED: "filtered",
        world.FRESH: "not_yet_run",
        world.GONE: "deleted",
        world.NATIVE: "synced",
    }


def test_an_activity_tells_its_org_record_its_cause_and_its_day_in_the_workspaces_zone(lite: Database) -> None:
    lite.execute("UPDATE workspace SET zone = 'Pacific/Kiritimati' WHERE id = 1")
    frame = Frames(lite, world.WS).activities()
    sent = frame.row(by_predicate=pl.col("id") == world.SENT, named=True)
    held = frame.row(by_predicate=pl.col("id") == world.HELD, named=True)
    assert (sent["org_id"], sent["origin"], sent["cause"]) == (world.ORG_TASK, "workspace", None)
    assert (held["cause"], held["job"], held["last_outcome"]) == ("ambiguous", "calls_out", "held")
    assert str(sent["day"]) == "2026-11-21"
    lite.execute("UPDATE workspace SET zone = 'Pacific/Auckland' WHERE id = 1")
    late = world.call(51, occurred_at=world.NOW)
    world.put(lite, late)
    moved = Frames(lite, world.WS).activities().row(by_predicate=pl.col("id") == 51, named=True)
    assert str(moved["day"]) == "2026-11-22"


@pytest.mark.requirement("T19")
def test_the_double_entry_sums_and_counts_what_was_made_here_only(filled: Database) -> None:
    frame = Frames(filled, world.WS).balance()
    made = filled.one("SELECT COUNT(*) FROM activity WHERE workspace_id = 1 AND source <> 'salesforce'")
    assert frame["made"].sum() == made == 6
    assert frame.filter(pl.col("difference") != 0).is_empty()
    assert frame.select(books.STATES).sum().row(0) == (1, 1, 0, 1, 1, 0, 0, 1, 1)
    books.require_balanced(frame)


def test_a_written_row_without_a_link_breaks_the_books(filled: Database) -> None:
    filled.execute("DELETE FROM link WHERE record_id = :r", r=world.SENT)
    frame = Frames(filled, world.WS).balance()
    assert frame["difference"].sum() == 1
    with pytest.raises(StoreError, match=r"1 cells .* 2026-11-21 ann@team\.example call: 1"):
        books.require_balanced(frame)


def test_a_synced_activity_with_an_open_update_is_still_in_the_org(lite: Database) -> None:
    world.put(lite, world.opened(world.SENT, "rejected", "FIELD_CUSTOM_VALIDATION_EXCEPTION"))
    row = Frames(lite, world.WS).activities().row(by_predicate=pl.col("id") == world.SENT, named=True)
    assert (row["sync_state"], row["last_outcome"]) == ("synced", "rejected")


def test_an_activity_deleted_in_the_org_is_deleted_here(lite: Database) -> None:
    lite.execute("UPDATE link SET state = 'deleted' WHERE record_id = :r", r=world.SENT)
    assert states(lite)[world.SENT] == "deleted"


def test_the_latest_result_counts(lite: Database) -> None:
    world.put(
        lite,
        world.run("run_later", "calls_out", "outbound"),
        world.result(1, world.FILTERED, "skipped", run_id="run_later", cause="no_parent", at=world.NOW),
    )
    assert states(lite)[world.FILTERED] == "skipped"


def test_events_carry_their_values_until_they_are_erased(lite: Database) -> None:
    assert "workspace" in Frames(lite, world.WS).events()["body"][0]
    lite.execute("DELETE FROM event_value")
    assert Frames(lite, world.WS).events()["body"].to_list() == [None]
