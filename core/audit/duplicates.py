"""Finds records that are probably one among a workspace's people or accounts, on both sides and across."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from core.audit.frames import Frames
from core.errors import UsageError
from core.identity import duplicates
from core.store.bulk import read_table
from core.store.database import Database
from core.values import domains, emails, phones

KINDS = ("person", "account")
MEMBERS: dict[str, Any] = {
    "group": pl.Int64,
    "size": pl.Int64,
    "score": pl.Float64,
    "place": pl.Int64,
    "uid": pl.Int64,
    "record_id": pl.Int64,
    "org_id": pl.String,
    "sobject": pl.String,
    "side": pl.String,
    "name": pl.String,
    "email": pl.String,
    "phone": pl.String,
    "company": pl.String,
    "activities": pl.Int64,
    "is_opted_out": pl.Boolean,
    "created_at": pl.Datetime("us", "UTC"),
}
"""One row per member of a group. ``score`` is that of the weakest pair that holds the group together; ``place`` 1 is
the one to keep: in the org before not, a Contact before a Lead, with the most activities, the oldest. ``side`` is both,
workspace or org; ``uid`` is the record's number here, negative where only the org has it."""
PAIRS: dict[str, Any] = {
    "group": pl.Int64,
    **duplicates.PAIRS,
    "name_a": pl.String,
    "name_b": pl.String,
    "org_id_a": pl.String,
    "org_id_b": pl.String,
}


@dataclass(frozen=True)
class Duplicates:
    """Groups of records that are probably one."""

    kind: str
    members: pl.DataFrame
    """Columns of `MEMBERS`, the surest group first."""
    pairs: pl.DataFrame
    """Columns of `PAIRS`: what holds each group together, with evidence."""
    looked_at: int
    """Records that were compared."""
    skipped: dict[str, int]
    """Kind of value -> values of so many holders that they say nothing about two of them."""

    @property
    def groups(self) -> int:
        """How many."""
        return int(self.members["group"].n_unique())


def find(
    db: Database, workspace_id: int, kind: str = "person", *, least: float = 0.89, elsewhere: pl.DataFrame | None = None
) -> Duplicates:
    """Groups of people or accounts that are probably one.

    Args:
        db: the store.
        workspace_id: whose.
        kind: person or account.
        least: lowest score, from 0.5 to 1; 0.998 leaves what only wants a look.
        elsewhere: records that only the org has: ``org_id``, ``sobject`` and the columns of `duplicates.PERSON` but
            ``uid`` (``email``, ``phones`` and ``domain`` as the org writes them).

    Raises:
        UsageError: there are no duplicates of such a kind, or the score is no share.
    """
    if kind not in KINDS:
        raise UsageError(f"Duplicates of {kind} are not looked for.", hint="Kinds: person, account.")
    if not 0.5 <= least <= 1:
        raise UsageError("The lowest score lies between 0.5 and 1.", hint="0.89 proposes, 0.998 is sure.")
    records, heads = _people(db, workspace_id) if kind == "person" else _accounts(db, workspace_id)
    if elsewhere is not None and elsewhere.height:
        theirs, more = _theirs(elsewhere)
        records, heads = pl.concat([records, theirs.select(records.columns)]), pl.concat([heads, more], how="diagonal")
    bits = duplicates.bits_of(least)
    found = duplicates.find(records, companies=kind == "account", least_bits=bits)
    members = _members(found.groups, heads)
    pairs = _pairs(found, heads)
    return Duplicates(kind, members, pairs, records.height, found.skipped)


def _people(db: Database, workspace_id: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    frames = Frames(db, workspace_id)
    people = frames.people().filter(pl.col("deleted_at").is_null())
    # Somebody who is linked twice is one record here; the Contact counts.
    people = people.sort(pl.col("sobject") != "Contact", "org_id", nulls_last=True).unique(
        "id", keep="first", maintain_order=True
    )
    accounts = read_table(
        db, "account", workspace_id,
        {"id": pl.Int64, "name": pl.String, "domain": pl.String, "street": pl.String},
    ).select(account_record_id="id", account="name", account_domain="domain", street="street")  # fmt: skip
    whole = people.join(accounts, on="account_record_id", how="left").join(
        _points(db, workspace_id, "person", "phone"), left_on="id", right_on="record_id", how="left"
    )
    emails_of = _points(db, workspace_id, "person", "email").select("record_id", e=pl.col("values").list.first())
    whole = whole.join(emails_of, left_on="id", right_on="record_id", how="left")
    records = whole.select(
        "first_name", "last_name", "name", "street", "city", uid="id", email="e",
        phones=pl.col("values").fill_null(pl.lit([], dtype=pl.List(pl.String))),
        company=pl.coalesce("company", "account"), domain=_bare("account_domain"),
    ).select(list(duplicates.PERSON))  # fmt: skip
    out = pl.col("opted_out_email").fill_null(value=False) | pl.col("do_not_call").fill_null(value=False)
    heads = whole.select(
        "org_id", "sobject", "name", "email", "created_at", uid="id", record_id="id",
        phone=pl.coalesce("phone", "mobile_phone", "other_phone"), company=pl.coalesce("company", "account"),
        is_opted_out=out,
    )  # fmt: skip
    return records, heads.join(_activities(db, workspace_id, "person_record_id", heads), on="uid", how="left")


def _accounts(db: Database, workspace_id: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    frames = Frames(db, workspace_id)
    accounts = frames.accounts().filter(pl.col("deleted_at").is_null()).unique("id", keep="first", maintain_order=True)
    whole = accounts.join(_points(db, workspace_id, "account", "phone"), left_on="id", right_on="record_id", how="left")
    found = _points(db, workspace_id, "account", "domain").select("record_id", d=pl.col("values").list.first())
    whole = whole.join(found, left_on="id", right_on="record_id", how="left")
    nothing = pl.lit(None, dtype=pl.String)
    records = whole.select(
        "name", "street", "city", uid="id", first_name=nothing, last_name=nothing, email=nothing,
        phones=pl.col("values").fill_null(pl.lit([], dtype=pl.List(pl.String))), company=nothing, domain="d",
    ).select(list(duplicates.PERSON))  # fmt: skip
    heads = whole.select(
        "org_id", "sobject", "name", "phone", "created_at", uid="id", record_id="id", email=nothing, company="domain",
        is_opted_out=pl.lit(value=False),
    )  # fmt: skip
    return records, heads.join(_activities(db, workspace_id, "account_record_id", heads), on="uid", how="left")


def _bare(name: str) -> pl.Expr:
    text = pl.col(name).str.to_lowercase().str.replace(r"^https?://", "").str.replace(r"^www\.", "")
    return text.str.replace(r"[/:?#].*$", "")


def _points(db: Database, workspace_id: int, table: str, kind: str) -> pl.DataFrame:
    """``record_id`` and the normalized ``values`` by which it is found, without those that only lack an extension."""
    types = {"record_id": pl.Int64, "value": pl.String}
    points = read_table(db, "contact_point", workspace_id, types, {"table_name": table, "kind": kind})
    plain = points.with_columns(pl.col("value").str.replace(r";ext=.*$", ""))
    return plain.unique().group_by("record_id").agg(values=pl.col("value").sort())


def _activities(db: Database, workspace_id: int, column: str, heads: pl.DataFrame) -> pl.DataFrame:
    """How many activities belong to each record: by choice here, or by its org record in what both sides agreed on."""
    own = read_table(db, "activity", workspace_id, {column: pl.Int64}).drop_nulls()
    counted = own.group_by(uid=column).agg(activities=pl.len().cast(pl.Int64))
    field = "WhoId" if column == "person_record_id" else "WhatId"
    links = read_table(
        db, "link", workspace_id, {"baseline": pl.String}, {"table_name": "activity", "state": "active"}
    ).select(org_id=pl.col("baseline").str.json_path_match(f"$.{field}")).drop_nulls()  # fmt: skip
    by_org = links.group_by("org_id").agg(n=pl.len().cast(pl.Int64)).join(heads.select("uid", "org_id"), on="org_id")
    both = pl.concat([counted, by_org.select("uid", activities="n")])
    return both.group_by("uid").agg(pl.col("activities").max())


def _theirs(elsewhere: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Records of the org alone, under negative numbers."""
    rows = elsewhere.with_row_index("_n").with_columns(
        uid=-(pl.col("_n").cast(pl.Int64) + 1),
        mail=emails.normalize(elsewhere["email"]),
        numbers=_normalized(elsewhere),
        domain=domains.from_websites(elsewhere["domain"]),
    )
    records = rows.with_columns(email="mail", phones="numbers").select(list(duplicates.PERSON))
    heads = rows.select(
        "uid", "org_id", "sobject", "name", "email", "company", phone=pl.col("phones").list.first(),
        is_opted_out=pl.col("is_opted_out"), created_at=pl.col("created_at"),
        record_id=pl.lit(None, dtype=pl.Int64), activities=pl.lit(None, dtype=pl.Int64),
    )  # fmt: skip
    return records, heads


def _normalized(rows: pl.DataFrame) -> pl.Series:
    long = rows.with_row_index("_n").select("_n", "phones").explode("phones").drop_nulls()
    long = long.with_columns(phones.normalize(long["phones"]).alias("p")).drop_nulls("p")
    told = long.group_by("_n").agg(p=pl.col("p").unique())
    whole = rows.with_row_index("_n").select("_n").join(told, on="_n", how="left", maintain_order="left")
    return whole["p"].fill_null(pl.Series([[]], dtype=pl.List(pl.String)))


def _members(groups: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    whole = groups.join(heads, on="uid").with_columns(pl.col("activities").fill_null(0))
    side = (
        pl.when(pl.col("record_id").is_null()).then(pl.lit("org"))
        .when(pl.col("org_id").is_null()).then(pl.lit("workspace")).otherwise(pl.lit("both"))
    )  # fmt: skip
    ranked = whole.with_columns(side=side).sort(
        pl.col("score"), "group", pl.col("org_id").is_null(), pl.col("sobject") == "Lead", "activities", "created_at",
        "uid", descending=[True, False, False, False, True, False, False], nulls_last=True,
    )  # fmt: skip
    placed = ranked.with_columns(place=pl.int_range(1, pl.len() + 1).over("group").cast(pl.Int64))
    return placed.select(pl.col(c).cast(t) for c, t in MEMBERS.items())


def _pairs(found: duplicates.Found, heads: pl.DataFrame) -> pl.DataFrame:
    told = found.pairs.join(found.groups.select(a="uid", group="group"), on="a")
    for end in ("a", "b"):
        names = heads.select(pl.col("uid").alias(end), name=pl.col("name"), org=pl.col("org_id"))
        told = told.join(names, on=end, how="left").rename({"name": f"name_{end}", "org": f"org_id_{end}"})
    return told.select(list(PAIRS)).sort("bits", "a", "b", descending=[True, False, False])
