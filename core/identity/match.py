"""Finds the person and the account an activity speaks of, or says that there are several, or none.

Rules are tried in the order given. The first rule that finds anybody decides who is in question; the later rules and
the account given can only narrow that down. What is left with more than one candidate is ambiguous and is never
guessed: evidence that speaks for one candidate and against another narrows nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

CANDIDATE = pl.Struct({"record_id": pl.Int64, "rule": pl.String})
PERSON_RULES = ("id", "external_id", "email", "phone", "phone_plain")


def match_people(
    refs: pl.DataFrame,
    people: pl.DataFrame,
    points: pl.DataFrame,
    decided: pl.DataFrame,
    rules: Sequence[str] = PERSON_RULES,
) -> pl.DataFrame:
    """Match every activity to at most one person.

    Args:
        refs: ``local_id`` Int64, ``ref`` String (an org Id or an external id, normalized), ``email`` String,
            ``phone``, ``phone_plain`` String (normalized, with and without extension), ``account_record_id`` Int64 (a
            hint).
        people: ``record_id`` Int64, ``external_id`` String, ``org_id`` String, ``account_record_id`` Int64; only
            people that are not deleted.
        points: ``kind`` String (``email``, ``phone``), ``value`` String, ``record_id`` Int64.
        decided: ``local_id`` Int64, ``record_id`` Int64: what a person has chosen before.
        rules: the order; a subset of :data:`PERSON_RULES`.

    Returns:
        One row per activity: ``local_id``, ``person_record_id`` Int64 or null, ``status`` (``unique``,
        ``ambiguous``, ``none``, ``no_reference``), ``rule`` String, ``candidates`` List of :data:`CANDIDATE`.
    """
    found = pl.concat([_candidates(rule, order, refs, people, points) for order, rule in enumerate(rules)])
    found = found.join(people.select("record_id", home="account_record_id"), on="record_id", how="inner")
    found = found.join(refs.select("local_id", hint="account_record_id"), on="local_id", how="left")
    leading = found.filter(pl.col("order") == pl.col("order").min().over("local_id"))
    at_home = (pl.col("home") == pl.col("hint")).fill_null(value=False)
    # One bit per rule that found the person, and one for the account.
    bits = pl.lit(2).pow(pl.col("order") + 1).cast(pl.Int64).bitwise_or() | at_home.any().cast(pl.Int64)
    support = found.group_by("local_id", "record_id").agg(bits.alias("evidence"))
    ranked = leading.unique(["local_id", "record_id"]).join(support, on=["local_id", "record_id"])
    # A candidate is ahead only if it has all the evidence that any of them has.
    ahead = pl.col("evidence") == pl.col("evidence").bitwise_or().over("local_id")
    best = ranked.filter(ahead | ~ahead.any().over("local_id"))
    chosen = best.group_by("local_id").agg(
        pl.col("record_id").min().alias("only"),
        pl.len().alias("n"),
        pl.col("rule").first(),
        pl.struct("record_id", "rule").sort_by("record_id").head(20).alias("candidates"),
    )
    out = refs.select("local_id", "ref", "email", "phone").join(chosen, on="local_id", how="left")
    out = out.join(decided.select("local_id", picked="record_id"), on="local_id", how="left")
    given = pl.any_horizontal(pl.col("ref", "email", "phone").is_not_null())
    return out.select(
        "local_id",
        pl.when(pl.col("picked").is_not_null())
        .then("picked")
        .when(pl.col("n") == 1)
        .then("only")
        .alias("person_record_id"),
        pl.when(pl.col("picked").is_not_null() | (pl.col("n") == 1))
        .then(pl.lit("unique"))
        .when(pl.col("n") > 1)
        .then(pl.lit("ambiguous"))
        .when(given)
        .then(pl.lit("none"))
        .otherwise(pl.lit("no_reference"))
        .alias("status"),
        pl.when(pl.col("picked").is_not_null()).then(pl.lit("decided")).otherwise("rule").alias("rule"),
        pl.col("candidates").fill_null(pl.lit([], dtype=pl.List(CANDIDATE))),
    )


def _candidates(rule: str, order: int, refs: pl.DataFrame, people: pl.DataFrame, points: pl.DataFrame) -> pl.DataFrame:
    if rule == "id":
        pairs = refs.select("local_id", v="ref").join(people.select("record_id", v="org_id"), on="v")
    elif rule == "external_id":
        pairs = refs.select("local_id", v=pl.col("ref").str.to_lowercase()).join(
            people.select("record_id", v="external_id"), on="v"
        )
    else:
        of_kind = points.filter(pl.col("kind") == rule.removesuffix("_plain")).select("record_id", v="value")
        pairs = refs.select("local_id", v=rule).join(of_kind, on="v")
    return pairs.select(
        "local_id", "record_id", pl.lit(rule).alias("rule"), pl.lit(order, dtype=pl.Int32).alias("order")
    )


def match_accounts(refs: pl.DataFrame, accounts: pl.DataFrame, points: pl.DataFrame) -> pl.DataFrame:
    """Match the account that a record names by Id, external id or domain.

    Args:
        refs: ``local_id`` Int64, ``ref`` String, ``domain`` String (normalized).
        accounts: ``record_id`` Int64, ``external_id`` String, ``org_id`` String.
        points: ``kind`` String, ``value`` String, ``record_id`` Int64 (kind ``domain``).

    Returns:
        ``local_id``, ``account_record_id`` Int64 or null, ``status`` (``unique``, ``ambiguous``, ``none``,
        ``no_reference``), ``rule`` String, ``candidates`` List of :data:`CANDIDATE`; one row per reference.
    """
    low = pl.col("ref").str.to_lowercase()
    domains = points.filter(pl.col("kind") == "domain").select("record_id", v="value")
    tiers = [
        refs.select("local_id", v="ref").join(accounts.select("record_id", v="org_id"), on="v"),
        refs.select("local_id", v=low).join(accounts.select("record_id", v="external_id"), on="v"),
        refs.select("local_id", v="domain").join(domains, on="v").join(accounts.select("record_id"), on="record_id"),
    ]
    found = pl.concat(
        [
            t.select("local_id", "record_id", pl.lit(r).alias("rule"), pl.lit(i, dtype=pl.Int32).alias("order"))
            for i, (t, r) in enumerate(zip(tiers, ("id", "external_id", "domain"), strict=True))
        ]
    )
    first = found.filter(pl.col("order") == pl.col("order").min().over("local_id"))
    chosen = first.group_by("local_id").agg(
        pl.col("record_id").min().alias("only"),
        pl.col("record_id").n_unique().alias("n"),
        pl.col("rule").first(),
        pl.struct("record_id", "rule").sort_by("record_id").unique(maintain_order=True).head(20).alias("candidates"),
    )
    given = pl.col("ref").is_not_null() | pl.col("domain").is_not_null()
    return (
        refs.select("local_id", "ref", "domain")
        .join(chosen, on="local_id", how="left")
        .select(
            "local_id",
            pl.when(pl.col("n") == 1).then("only").alias("account_record_id"),
            pl.when(pl.col("n") == 1)
            .then(pl.lit("unique"))
            .when(pl.col("n") > 1)
            .then(pl.lit("ambiguous"))
            .when(given)
            .then(pl.lit("none"))
            .otherwise(pl.lit("no_reference"))
            .alias("status"),
            "rule",
            pl.col("candidates").fill_null(pl.lit([], dtype=pl.List(CANDIDATE))),
        )
    )
