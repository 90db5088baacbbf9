"""Finds what is regularly missing or odd in a team's activities, and ranks it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

PATTERNS: dict[str, Any] = {
    "pattern": pl.String,
    "words": pl.String,
    "kind": pl.String,
    "user": pl.String,
    "n": pl.Int64,
    "of": pl.Int64,
    "share": pl.Float64,
    "first_day": pl.Date,
    "last_day": pl.Date,
    "examples": pl.List(pl.String),
    "do": pl.String,
}
"""One row per pattern, kind and, where it is a person's habit, user. ``n`` of ``of`` activities show it; ``examples``
are up to five external ids."""
TALKED = ("call", "meeting")
BURST = 8
"""So many activities of one person within one hour outside working hours look entered afterwards, or by a machine."""
OPENS, CLOSES = 7, 20
"""Working hours on the person's own clock."""
STOPPED_DAYS = 10
"""Silent for so many days at the end of the time, after having logged on at least ``STEADY_DAYS`` days."""
STEADY_DAYS = 5
_WORDS = {
    "no_outcome": ("without an outcome", "Ask for an outcome when a call or meeting ends."),
    "no_person": ("that name no person", "Log from the person's page, or give the source an e-mail or phone."),
    "no_notes": ("without notes although somebody was reached", "Ask for a line of notes."),
    "no_duration": ("that reached somebody and took no time", "Look at how the source measures the time."),
    "no_user": ("whose team member is not known", "Give the source the team member's e-mail."),
    "no_subject": ("without a title", "Ask for a title: the org refuses tasks without one."),
    "after_hours": ("entered in bursts outside working hours", "Look whether they were logged long afterwards."),
    "twice": ("that look logged twice: same person, member and minute", "Look whether two sources log the same."),
    "stopped": ("and none since: the member stopped logging", "Ask the member, and look at their dialer or mailbox."),
    "ahead": ("dated in the future although they are done", "Look at the source's clock and time zone."),
}


def find(rows: pl.DataFrame, zones: pl.DataFrame, last: date) -> pl.DataFrame:
    """The patterns of a time, the weightiest first; columns are those of `PATTERNS`.

    Args:
        rows: activities of the time as `Frames.activities` gives them; those that came from the org are left out.
        zones: ``user``, ``zone``: each member's own zone; others have the zone of the workspace, given as user ``""``.
        last: the last day of the time.
    """
    own = rows.filter((pl.col("origin") != "org") & pl.col("deleted_at").is_null())
    if own.is_empty():
        return pl.DataFrame(schema=PATTERNS)
    own = _local(own, zones)
    parts = [
        *(_share(own, name, when, among) for name, (when, among) in _cells(last).items()),
        _by_user(own, "after_hours", _bursts(own)),
        _share(own, "twice", _twice(own), pl.lit(value=True)),
        _stopped(own, last),
    ]
    found = pl.concat(parts, how="diagonal").filter(pl.col("n") > 0)
    words = {name: words for name, (words, _) in _WORDS.items()}
    do = {name: what for name, (_, what) in _WORDS.items()}
    told = found.with_columns(
        share=pl.col("n") / pl.col("of"),
        words=pl.format(
            "{} {} {}", "n", _kind_words(), pl.col("pattern").replace_strict(words, return_dtype=pl.String)
        ),
        do=pl.col("pattern").replace_strict(do, return_dtype=pl.String),
    )
    # Many rows weigh, and so does a share that makes a habit of it; what a kind never has is not missing but unused.
    unused = (pl.col("share") == 1) & (pl.col("user") == "") & (pl.col("n") > 1)
    weight = pl.col("n") * (0.25 + pl.col("share")) * pl.when(unused).then(0.01).otherwise(1.0)
    return told.sort(weight, "pattern", "kind", "user", descending=[True, False, False, False]).select(
        pl.col(c).cast(t) for c, t in PATTERNS.items()
    )


def _kind_words() -> pl.Expr:
    words = pl.col("kind").replace("email", "e-mail").str.replace_all("_", " ")
    plural = pl.when(pl.col("kind").str.ends_with("touch")).then(words + pl.lit("es")).otherwise(words + pl.lit("s"))
    return pl.when(pl.col("kind") == "").then(pl.lit("activities")).when(pl.col("n") == 1).then(words).otherwise(plural)


def _empty(name: str) -> pl.Expr:
    return pl.col(name).fill_null("").str.strip_chars() == ""


def _reached() -> pl.Expr:
    """A call with somebody at the other end, as far as its outcome or its length tells."""
    silent = pl.col("outcome").fill_null("").str.contains(r"(?i)voice|no.?answer|busy|wrong|missed|left|not.reached")
    return ~silent & (~_empty("outcome") | (pl.col("duration_s").fill_null(0) > 60))


def _cells(last: date) -> dict[str, tuple[pl.Expr, pl.Expr]]:
    """Pattern -> when a row shows it, and among which rows it is counted."""
    kind = pl.col("kind")
    talked = kind.is_in(TALKED)
    return {
        "no_outcome": (_empty("outcome"), talked),
        "no_person": (~pl.col("has_person"), kind.is_in(["call", "email", "meeting"])),
        "no_notes": (_empty("notes"), talked & _reached()),
        "no_duration": (pl.col("duration_s") == 0, (kind == "call") & _reached()),
        "no_user": (pl.col("user") == "", pl.lit(value=True)),
        "no_subject": (_empty("subject"), kind == "task"),
        "ahead": (pl.col("day") > last, talked & ~_empty("outcome")),
    }


def _share(own: pl.DataFrame, name: str, when: pl.Expr, among: pl.Expr) -> pl.DataFrame:
    hit = when.fill_null(value=False)
    return (
        own.filter(among.fill_null(value=False))
        .group_by("kind")
        .agg(
            hit.sum().cast(pl.Int64).alias("n"),
            pl.len().cast(pl.Int64).alias("of"),
            pl.col("day").filter(hit).min().alias("first_day"),
            pl.col("day").filter(hit).max().alias("last_day"),
            pl.col("external_id").filter(hit).sort().head(5).alias("examples"),
        )
        .with_columns(pattern=pl.lit(name), user=pl.lit(""))
    )


def _by_user(own: pl.DataFrame, name: str, when: pl.Expr) -> pl.DataFrame:
    hit = when.fill_null(value=False)
    return (
        own.filter(pl.col("user") != "")
        .group_by("user")
        .agg(
            hit.sum().cast(pl.Int64).alias("n"),
            pl.len().cast(pl.Int64).alias("of"),
            pl.col("day").filter(hit).min().alias("first_day"),
            pl.col("day").filter(hit).max().alias("last_day"),
            pl.col("external_id").filter(hit).sort().head(5).alias("examples"),
        )
        .with_columns(pattern=pl.lit(name), kind=pl.lit(""))
    )


def _local(own: pl.DataFrame, zones: pl.DataFrame) -> pl.DataFrame:
    """Rows with ``_hour`` and ``_weekday`` on the member's own clock, and ``_slot``: their hour."""
    default = zones.filter(pl.col("user") == "")["zone"]
    named = own.join(zones.filter(pl.col("user") != "").unique("user"), on="user", how="left").with_columns(
        pl.col("zone").fill_null(default[0] if default.len() else "UTC")
    )
    parts = []
    for (zone,), part in named.group_by("zone"):
        local = pl.col("occurred_at").dt.convert_time_zone(str(zone))
        parts.append(
            part.with_columns(
                _hour=local.dt.hour(), _weekday=local.dt.weekday(),
                _slot=local.dt.replace_time_zone(None).dt.truncate("1h"),
            )
        )  # fmt: skip
    return pl.concat(parts).sort("day", "external_id")


def _bursts(own: pl.DataFrame) -> pl.Expr:
    off = (pl.col("_hour") < OPENS) | (pl.col("_hour") >= CLOSES) | (pl.col("_weekday") > 5)
    return off.fill_null(value=False) & (off.sum().over("user", "_slot") >= BURST) & pl.col("_slot").is_not_null()


def _twice(own: pl.DataFrame) -> pl.Expr:
    key = ["kind", "user", "person_record_id", pl.col("occurred_at").dt.truncate("1m")]
    known = pl.col("person_record_id").is_not_null() & pl.col("occurred_at").is_not_null()
    return known & (pl.len().over(key) > 1)


def _stopped(own: pl.DataFrame, last: date) -> pl.DataFrame:
    """Members who logged steadily and then fell silent; ``n`` is what they had logged before."""
    by = own.filter((pl.col("user") != "") & (pl.col("day") <= last)).group_by("user")
    told = by.agg(
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("day").n_unique().alias("_days"),
        pl.col("day").min().alias("first_day"),
        pl.col("day").max().alias("last_day"),
        pl.col("external_id").sort_by("day", descending=True).head(5).alias("examples"),
    )
    silent = told.filter((pl.col("_days") >= STEADY_DAYS) & (pl.col("last_day") <= last - timedelta(days=STOPPED_DAYS)))
    return silent.drop("_days").with_columns(of=pl.col("n"), pattern=pl.lit("stopped"), kind=pl.lit(""))
