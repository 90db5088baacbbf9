"""Compares two sides by match keys, plain or composite, and says which records are certainly one.

A key is a field, or several joined by ``+`` (``last_name + company``): then all of them have to agree. Keys are tried
in their order; the first that finds anybody decides. What is left with more than one candidate is never guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from core.mapping.spec import ALWAYS_MATCHED
from core.values import domains, emails, phones

POINTS: dict[str, Any] = {"part": pl.String, "value": pl.String}
"""A normalized value by which a record may be known; beside it stands the record's own id."""


@dataclass(frozen=True)
class Key:
    """One match key: all its parts have to agree."""

    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The key as a job names it."""
        return " + ".join(self.parts)


def keys_of(match: Sequence[str]) -> list[Key]:
    """The keys among a job's match rules, in their order."""
    named = [tuple(p.strip() for p in rule.split("+") if p.strip()) for rule in match if rule not in ALWAYS_MATCHED]
    return [Key(parts) for parts in dict.fromkeys(named) if parts]


def normalized(part: str, values: pl.Series) -> pl.Series:
    """Values as they are compared: addresses, numbers, domains in one form, other text without case and spare blanks.

    Args:
        part: the part of a key that they belong to; ``email``, ``phone`` and ``domain`` have forms of their own.
        values: a text column.
    """
    text = values.cast(pl.String)
    if part == "email":
        return emails.normalize(text)
    if part == "domain":
        return domains.from_websites(text)
    if part == "phone":
        return phones.normalize(text).to_frame("v").select(phones.plain_expr("v")).to_series()
    tidy = pl.col("v").str.strip_chars().str.replace_all(r"\s+", " ").str.to_lowercase()
    return text.to_frame("v").select(pl.when(tidy != "").then(tidy)).to_series()


def match_first(left: pl.DataFrame, right: pl.DataFrame, order: pl.DataFrame, keys: Sequence[Key]) -> pl.DataFrame:
    """Match records that meet for the first time.

    Args:
        left: ``left`` and the columns of :data:`POINTS`.
        right: ``right`` and the columns of :data:`POINTS`.
        order: ``left``, the one that comes first first: two that claim the same record leave it to the earlier.
        keys: the keys in their order.

    Returns:
        ``left``, ``right`` (null where several fit), ``status`` (``unique`` or ``ambiguous``), ``rule``, ``candidates``
        (list of ``right``, up to 20): one row for each that has found anybody.
    """
    kinds = {"left": left.schema["left"], "right": right.schema["right"]}
    tiers = [
        _agreeing(left, right, key).with_columns(rule=pl.lit(key.name), tier=pl.lit(n)) for n, key in enumerate(keys)
    ]
    empty = pl.DataFrame(schema={**kinds, "rule": pl.String, "tier": pl.Int32})
    found = pl.concat([empty, *(t.cast({"tier": pl.Int32}) for t in tiers)])
    found = found.filter(pl.col("tier") == pl.col("tier").min().over("left")).unique()
    ranked = found.join(order.with_row_index("place").select("left", "place"), on="left")
    meant = ranked.group_by("left").agg(
        n=pl.len(), candidates=pl.col("right").sort().head(20), rule=pl.col("rule").first()
    )
    first = ranked.sort("place").unique("right", keep="first", maintain_order=True).select("left", "right")
    mine = first.join(meant, on="left").sort("left", "right").unique("left", keep="first", maintain_order=True)
    alone = pl.col("n") == 1
    return mine.select(
        "left",
        pl.when(alone).then("right").alias("right"),
        pl.when(alone).then(pl.lit("unique")).otherwise(pl.lit("ambiguous")).alias("status"),
        "rule",
        "candidates",
    )


def _agreeing(left: pl.DataFrame, right: pl.DataFrame, key: Key) -> pl.DataFrame:
    """Pairs that agree in every part; each part after the first narrows down what the first has found."""
    head, *more = key.parts
    pairs = _of(left, head).join(_of(right, head), on="value").select("left", "right").unique()
    for part in more:
        known = pairs.join(_of(left, part), on="left").join(_of(right, part), on=["right", "value"], how="semi")
        pairs = known.select("left", "right").unique()
    return pairs


def _of(points: pl.DataFrame, part: str) -> pl.DataFrame:
    return points.filter(pl.col("part") == part).drop("part").drop_nulls()
