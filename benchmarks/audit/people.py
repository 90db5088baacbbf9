"""Puts planted people into an SQLite workspace, as intake leaves them: accounts, people and what they are found by."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.audit.planted_people import plant
from core.store.database import Database
from core.store.migrate import migrate

_AT = 1_767_225_600_000_000


def fill(path: Path, people: int, seed: int) -> pl.DataFrame:
    """Make the database; the planted people as `planted_people.plant` gives them: ``uid`` is the person's number."""
    path.unlink(missing_ok=True)
    planted = plant(people, seed)
    db = Database(f"sqlite:///{path}")
    migrate(db)
    db.execute("INSERT INTO workspace (id, name, title, zone, seq, is_paused, is_reading_paused, created_at,"
               " created_by)"
               f" VALUES (1, 'main', 'Race', 'UTC', 10000000, false, false, {_AT}, '')")  # fmt: skip
    firms = planted.select("company", "domain", "street").unique("company", maintain_order=True)
    firms = firms.with_row_index("id", offset=5_000_000).cast({"id": pl.Int64})
    whole = planted.join(firms.select("company", account_record_id="id"), on="company", maintain_order="left")
    with db.batch(1) as batch:
        batch.insert("account", firms.select(
            "id", "domain", "street", seq="id", name="company", workspace_id=pl.lit(1), source=pl.lit("crm"),
            external_id=pl.format("a-{}", "id"), created_at=pl.lit(_AT), updated_at=pl.lit(_AT),
        ))  # fmt: skip
        batch.insert("person", whole.select(
            "first_name", "last_name", "company", "city", "account_record_id", "email", id="uid", seq="uid",
            workspace_id=pl.lit(1), source=pl.lit("crm"), external_id=pl.format("p-{}", "uid"),
            name=pl.format("{} {}", "first_name", "last_name"), phone=pl.col("phones").list.first(),
            mobile_phone=pl.col("phones").list.get(1, null_on_oob=True), created_at=pl.lit(_AT), updated_at=pl.lit(_AT),
        ))  # fmt: skip
        own = {"workspace_id": pl.lit(1), "table_name": pl.lit("person"), "record_id": pl.col("uid")}
        phones = whole.select("uid", value="phones").explode("value").drop_nulls().unique()
        emails = whole.select("uid", value=pl.col("email").str.to_lowercase()).drop_nulls()
        for kind, points in (("phone", phones), ("email", emails)):
            batch.insert("contact_point", points.select("value", **own, kind=pl.lit(kind)))
    db.close()
    return planted
