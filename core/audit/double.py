"""The double entry on both sides: what was made here, and what the org holds, by day, user and kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from core.audit import catalog
from core.audit.balance import CELL, by_cell
from core.store.bulk import read_table
from core.store.database import Database

_MACHINE = r"(?i)\b(integration|api|bot|sync|automated|service)\b"
_SUBJECT = r"(?i)^\s*((re|fw|fwd|aw|wg)\s*:\s*)+|^\s*e-?mail\s*:\s*"


@dataclass(frozen=True)
class Ground:
    """What tells whose an activity in the org is."""

    links: pl.DataFrame
    """``org_id``, ``id`` (the activity's number), ``origin``: active links of activities."""
    users: pl.DataFrame
    """``org_user_id``, ``email`` (of the team member or of the org user), ``name``, ``profile``."""
    our_user: str
    """Id of the user that Syncline acts as."""
    connected_at: datetime | None
    """When it was connected: what this user made before was another tool's."""


@dataclass(frozen=True)
class Balance:
    """Both sides, and what they are made of."""

    workspace: pl.DataFrame
    """Columns of `catalog.BALANCE`."""
    rows: pl.DataFrame
    """The activities behind it, as `Frames.activities` gives them."""
    org: pl.DataFrame | None = None
    """Columns of `catalog.ORG_BALANCE`; ``None`` where the org was not asked."""
    found: pl.DataFrame | None = None
    """The org's activities behind it: `core.syncing.found.FOUND` with ``user`` and ``whose``."""

    @property
    def is_balanced(self) -> bool:
        """Whether no cell of either side is red."""
        return self.red.is_empty()

    @property
    def red(self) -> pl.DataFrame:
        """The cells that do not balance: ``side``, ``day``, ``user``, ``kind``, ``difference``."""
        sides = [("workspace", self.workspace)] + ([("org", self.org)] if self.org is not None else [])
        return pl.concat(
            [f.filter(pl.col("difference") != 0).select(pl.lit(s).alias("side"), *CELL, "difference") for s, f in sides]
        )

    def behind(self, *, side: str = "workspace", state: str = "", **cell: object) -> pl.DataFrame:
        """The rows behind a cell.

        Args:
            side: workspace or org.
            state: a column of that side's balance; ``difference`` gives the rows that make a cell red. All where empty.
            cell: any of ``day``, ``user``, ``kind``.
        """
        frame = self.rows.filter(pl.col("origin") != "org") if side == "workspace" else self.found
        if frame is None:
            return pl.DataFrame()
        for name, value in cell.items():
            frame = frame.filter(pl.col(name) == value)
        if not state or state in ("made", "found"):
            return frame if not state or side == "workspace" else frame.filter(pl.col("whose") != "twin")
        return frame.filter(_in_state(side, state))


def _in_state(side: str, state: str) -> pl.Expr:
    if side == "workspace":
        return pl.col("sync_state") == ("no_trace" if state == "difference" else state)
    if state == "difference":
        return pl.col("whose").is_in(["missing", "unknown"])
    whose, _, where = state.rpartition("_")
    if where in ("live", "archived"):
        return (pl.col("whose") == whose) & (pl.col("is_archived") == (where == "archived"))
    return pl.col("whose") == state


def ground(db: Database, workspace_id: int, our_user: str) -> Ground:
    """What the store knows of whose an activity in the org is."""
    links = read_table(
        db, "link", workspace_id, {c: catalog.LINKS.types[c] for c in ("org_id", "record_id", "how")},
        {"table_name": "activity", "state": "active"},
    )  # fmt: skip
    users = db.read(
        "SELECT o.org_id AS org_user_id, COALESCE(u.email, o.email) AS email, o.name, o.profile FROM org_user o"
        " LEFT JOIN workspace_user u ON u.workspace_id = o.workspace_id AND u.org_user_id = o.org_id"
        " WHERE o.workspace_id = :w ORDER BY o.org_id, u.email",
        w=workspace_id,
    )
    since = db.read("SELECT MIN(created_at) AS created_at FROM connection WHERE workspace_id = :w", w=workspace_id)
    origin = pl.when(pl.col("how") == "created_in").then(pl.lit("org")).otherwise(pl.lit("workspace"))
    return Ground(links.select("org_id", id="record_id", origin=origin), users, our_user, since.item(0, 0))


def within(rows: pl.DataFrame, first: date | None, last: date | None) -> pl.DataFrame:
    """Rows whose ``day`` lies between the two, both included."""
    if first is not None:
        rows = rows.filter(pl.col("day") >= first)
    return rows if last is None else rows.filter(pl.col("day") <= last)


def of_workspace(rows: pl.DataFrame) -> Balance:
    """The workspace's side alone, from the activities of `Frames.activities`."""
    return Balance(by_cell(rows), rows)


def of_both(rows: pl.DataFrame, found: pl.DataFrame, gone: pl.Series, ground: Ground) -> Balance:
    """Both sides.

    Args:
        rows: the workspace's activities of the time, as `Frames.activities` gives them.
        found: the org's activities of the same time (`core.syncing.found.FOUND`).
        gone: Ids that ``rows`` say are in the org, and that it no longer holds.
        ground: what tells whose they are.
    """
    told = _with_whose(rows, found, gone, ground)
    return Balance(by_cell(rows), rows, _counted(rows, told), told)


def _with_whose(rows: pl.DataFrame, found: pl.DataFrame, gone: pl.Series, ground: Ground) -> pl.DataFrame:
    """The org's activities with ``whose``: ours, native, other_tools, twin, unknown; and those that are missing.

    What is ours stands in the cell of its activity here, so that both sides count it in the same place.
    """
    ours = rows.filter((pl.col("origin") != "org") & (pl.col("sync_state") == "synced"))
    cells = ours.select("org_id", *(pl.col(c).alias(f"_{c}") for c in CELL), _id="id").unique("org_id")
    linked = ground.links.select("org_id", _origin="origin").unique("org_id")
    users = ground.users.unique("org_user_id")
    owners = users.select(owner_id="org_user_id", _email="email")
    makers = users.select(
        created_by_id="org_user_id",
        _machine=(pl.col("profile").fill_null("") + " " + pl.col("name").fill_null("")).str.contains(_MACHINE),
    )
    whole = found.join(cells, on="org_id", how="left").join(linked, on="org_id", how="left")
    whole = whole.join(owners, on="owner_id", how="left").join(makers, on="created_by_id", how="left")
    # An activity of ours that belongs to a day outside the time is counted with that day.
    whole = whole.filter(pl.col("_id").is_not_null() | (pl.col("_origin").fill_null("") != "workspace"))
    told = whole.with_columns(whose=_whose(ground)).with_columns(
        pl.coalesce("_day", "day").alias("day"),
        pl.coalesce("_kind", "kind").alias("kind"),
        pl.coalesce("_user", pl.col("_email").str.to_lowercase(), pl.lit("")).alias("user"),
    )
    told = _twins(told)
    outside = cells.join(told.select("org_id"), on="org_id", how="anti")
    elsewhere = outside.join(ours.select("org_id", "sobject", "subject").unique("org_id"), on="org_id", how="left")
    is_gone = pl.col("org_id").is_in(gone.to_list())
    # Not found among the time's activities, but there: the org has it on another day.
    moved = elsewhere.select(
        "org_id", "sobject", pl.col("_day").alias("day"), pl.col("_kind").alias("kind"), pl.col("_user").alias("user"),
        "subject", whose=pl.when(is_gone).then(pl.lit("missing")).otherwise(pl.lit("ours")),
        is_archived=pl.lit(value=False),
    )  # fmt: skip
    columns = [*found.columns, "user", "whose"]
    return (
        pl.concat([told.select(columns), moved], how="diagonal").select(columns).sort("day", "user", "kind", "org_id")
    )


def _whose(ground: Ground) -> pl.Expr:
    our_user = pl.col("created_by_id").fill_null("").str.slice(0, 15) == ground.our_user[:15]
    since = pl.lit(ground.connected_at, dtype=pl.Datetime("us", "UTC"))
    fresh = (pl.col("created_at") >= since).fill_null(value=False)
    return (
        pl.when(pl.col("_id").is_not_null())
        .then(pl.lit("ours"))
        .when(pl.col("_origin") == "org")
        .then(
            pl.when(pl.col("_machine").fill_null(value=False)).then(pl.lit("other_tools")).otherwise(pl.lit("native"))
        )
        .when(our_user & fresh)
        .then(pl.lit("unknown"))
        .when(our_user | pl.col("_machine").fill_null(value=False))
        .then(pl.lit("other_tools"))
        .otherwise(pl.lit("native"))
    )


def _twins(told: pl.DataFrame) -> pl.DataFrame:
    """E-mails that another tool has logged a second time: same person, day and subject as one of ours."""
    plain = pl.col("subject").fill_null("").str.replace_all(_SUBJECT, "").str.strip_chars().str.to_lowercase()
    keyed = told.with_columns(_plain=plain)
    ours = keyed.filter((pl.col("whose") == "ours") & (pl.col("kind") == "email") & (pl.col("_plain") != ""))
    same = ours.drop_nulls("who_id").select("who_id", "day", "_plain", _twin=pl.lit(value=True)).unique()
    both = keyed.join(same, on=["who_id", "day", "_plain"], how="left")
    twin = pl.col("_twin").fill_null(value=False) & (pl.col("kind") == "email") & (pl.col("whose") != "ours")
    return both.with_columns(whose=pl.when(twin).then(pl.lit("twin")).otherwise("whose"))


def _counted(rows: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    whose, archived = pl.col("whose"), pl.col("is_archived")
    parts = {
        f"{name}_{where}": (whose == name) & (archived if where == "archived" else ~archived)
        for name in catalog.FOUND
        for where in ("live", "archived")
    }
    counts = {**parts, "missing": whose == "missing", "unknown": whose == "unknown", "twins": whose == "twin"}
    cells = told.group_by(CELL).agg(*(e.sum().cast(pl.Int64).alias(n) for n, e in counts.items()))
    synced = (pl.col("origin") != "org") & (pl.col("sync_state") == "synced")
    expected = rows.filter(synced).group_by(CELL).agg(pl.len().cast(pl.Int64).alias("expected"))
    both = cells.join(expected, on=list(CELL), how="full", coalesce=True).with_columns(pl.col(pl.Int64).fill_null(0))
    both = both.with_columns(found=pl.sum_horizontal(*parts, "unknown"))
    ours = pl.col("ours_live") + pl.col("ours_archived")
    return (
        both.with_columns(difference=(pl.col("expected") - ours).abs() + pl.col("unknown"))
        .select(list(catalog.ORG_BALANCE.types))
        .sort(CELL)
    )
