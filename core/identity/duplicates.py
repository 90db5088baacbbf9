"""Finds records that are probably one: pairs with evidence and a score, and the groups that they make.

Every agreement weighs as much as it surprises: log2 of how often two records of one person agree against how often two
of anybody do, which follows from how many hold the value. A number of two people is strong, a switchboard of 200 weak.
Against all of it stands how unlikely any pair is at the outset. Names must not contradict each other: a household
shares phone, street and last name, and is not one person.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cpdist

from core.identity import names

PERSON: dict[str, Any] = {
    "uid": pl.Int64,
    "first_name": pl.String,
    "last_name": pl.String,
    "name": pl.String,
    "email": pl.String,
    "phones": pl.List(pl.String),
    "company": pl.String,
    "domain": pl.String,
    "street": pl.String,
    "city": pl.String,
}
"""Columns of people to compare: ``email``, ``phones`` and ``domain`` normalized, the rest as typed. For companies
``name`` is the company's, and first and last name are empty."""
PAIRS: dict[str, Any] = {
    "a": pl.Int64,
    "b": pl.Int64,
    "score": pl.Float64,
    "bits": pl.Float64,
    "evidence": pl.String,
    "is_exact": pl.Boolean,
}
GROUPS: dict[str, Any] = {"uid": pl.Int64, "group": pl.Int64, "size": pl.Int64, "score": pl.Float64}
LIKELY = 3.0
"""Bits from which on a pair is proposed: about nine in ten."""
SURE = 9.0
"""Bits from which on nothing but a look is needed."""
MOST_IN_BLOCK = 40
"""Holders of a value beyond which it does not make pairs: a value of so many says nothing about two of them."""
FEW = 8
"""The same for names alone: beyond so many of one name it takes more than the name to make a pair."""
PAIRS_AT_ONCE = 1_000_000
MATCH_RATE = 0.15
"""Share of records that have a twin, taken for granted at the outset."""
_FREE = (
    "gmail.com googlemail.com yahoo.com hotmail.com outlook.com live.com icloud.com me.com aol.com msn.com gmx.de "
    "gmx.net web.de protonmail.com proton.me mail.com comcast.net verizon.net att.net"
)
FREE_MAIL = frozenset(_FREE.split())
_COUNTED = ("email", "last", "first", "domain", "street", "city")
_ROLES = r"^(info|office|sales|contact|admin|hello|team|support|mail|reception|leasing|accounting|billing|hr|jobs)\d*$"


@dataclass(frozen=True)
class Found:
    """What was found."""

    pairs: pl.DataFrame
    """Columns of `PAIRS`, ``a`` < ``b``, the surest first."""
    groups: pl.DataFrame
    """``uid``, ``group`` (its lowest uid), ``size``, ``score`` (of the weakest pair that holds the group together)."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Kind of value -> how many values had too many holders to make pairs."""


def find(records: pl.DataFrame, *, companies: bool = False, least_bits: float = LIKELY) -> Found:
    """Duplicates among people or companies.

    Args:
        records: columns of `PERSON`; each ``uid`` once.
        companies: they are companies.
        least_bits: weight of evidence from which on a pair is told.
    """
    made = (_company_keys if companies else _person_keys)(records)
    made, phones = _held(made)
    blocks, skipped = _blocks(made, phones, COMPANY_BLOCKS if companies else PERSON_BLOCKS)
    made = _narrow(made)
    scored = [
        _score(made, part, phones, companies=companies).filter(pl.col("bits") >= least_bits)
        for part in blocks.iter_slices(PAIRS_AT_ONCE)
    ]
    if not scored:
        return Found(pl.DataFrame(schema=PAIRS), pl.DataFrame(schema=GROUPS), skipped)
    told = _told(pl.concat(scored)).sort("bits", "a", "b", descending=[True, False, False])
    return Found(told, groups(told), skipped)


# -- what is compared


def _person_keys(records: pl.DataFrame) -> pl.DataFrame:
    """The records with what their blocks and comparisons need; one row per record."""
    spoken = names.plain(pl.col("name"))
    local = pl.col("email").str.extract(r"^([^@]+)@")
    domain = pl.col("email").str.extract(r"@(.+)$")
    frame = records.select(
        "uid", "email", "phones",
        first=pl.coalesce(names.first_names(pl.col("first_name")), spoken.str.split(" ").list.first()),
        last=pl.coalesce(names.plain(pl.col("last_name")), spoken.str.split(" ").list.last()).str.replace_all(" ", ""),
        company=names.companies(pl.col("company")),
        domain=pl.coalesce("domain", pl.when(~domain.is_in(FREE_MAIL)).then(domain)),
        local=pl.when(~local.str.contains(_ROLES)).then(local.str.replace(r"\+.*$", "").str.replace_all("[._-]", "")),
        street=names.plain(pl.col("street")),
        city=names.plain(pl.col("city")),
    )  # fmt: skip
    frame = frame.with_columns(
        # Of somebody who has one name only it is the last one.
        first=pl.when(pl.col("first") != pl.col("last")).then("first"),
        email=pl.when(pl.col("local").is_not_null()).then("email"),
        place=pl.coalesce("domain", "company"),
    )
    formal = names.formal_names(frame["first"]).group_by("first").agg(pl.col("formal").sort())
    return frame.join(formal, on="first", how="left").with_columns(
        formal=pl.col("formal").list.first(), formals=pl.col("formal")
    )


def _company_keys(records: pl.DataFrame) -> pl.DataFrame:
    return records.select(
        "uid", "email", "phones",
        first=pl.lit(None, dtype=pl.String),
        last=names.companies(pl.coalesce("company", "name")),
        company=pl.lit(None, dtype=pl.String),
        domain="domain",
        local=pl.lit(None, dtype=pl.String),
        street=names.plain(pl.col("street")),
        city=names.plain(pl.col("city")),
        place="domain",
        formal=pl.lit(None, dtype=pl.String),
        formals=pl.lit(None, dtype=pl.List(pl.String)),
    )  # fmt: skip


def _initial(name: str) -> pl.Expr:
    return pl.col(name).str.slice(0, 1)


def _letters(name: str) -> pl.Expr:
    """A name's letters in order: what a transposition leaves as it is."""
    return pl.col(name).str.split("").list.sort().list.join("")


def _sound(name: str) -> pl.Expr:
    """A name's first letter and its consonants in order, doubled ones once: what a slip in the vowels leaves."""
    rest = pl.col(name).str.slice(1).str.replace_all("[aeiouyhw ]", "").str.replace_all("ph", "f")
    for letter in "bcdfgklmnprst":
        rest = rest.str.replace_all(f"{letter}+", letter)
    return pl.col(name).str.slice(0, 1) + rest


PERSON_BLOCKS: dict[str, tuple[int, Sequence[pl.Expr]]] = {
    "name": (MOST_IN_BLOCK, (pl.col("formal"), pl.col("last"), pl.col("city").fill_null(""))),
    "full name": (FEW, (pl.col("formal"), pl.col("last"))),
    "place and last name": (MOST_IN_BLOCK, (pl.col("place"), pl.col("last"), _initial("first").fill_null(""))),
    "place and sound": (MOST_IN_BLOCK, (pl.col("place"), _sound("last"), _initial("formal"))),
    "place and letters": (MOST_IN_BLOCK, (pl.col("place"), _letters("last"))),
    "place and first name": (MOST_IN_BLOCK, (pl.col("place"), pl.col("formal"), _initial("last"))),
    "city and sound": (MOST_IN_BLOCK, (pl.col("city"), _sound("last"), pl.col("formal"))),
    "first name and sound": (FEW, (_sound("last"), pl.col("first"))),
    "first name and letters": (FEW, (_letters("last"), pl.col("formal"))),
    "local part": (FEW, (pl.col("local"), pl.col("last"))),
    "swapped": (
        MOST_IN_BLOCK,
        (pl.min_horizontal("first", "last"), pl.max_horizontal("first", "last"), pl.col("place")),
    ),
}
COMPANY_BLOCKS: dict[str, tuple[int, Sequence[pl.Expr]]] = {
    "name": (MOST_IN_BLOCK, (pl.col("last"),)),
    "domain": (MOST_IN_BLOCK, (pl.col("domain"),)),
    "sound": (MOST_IN_BLOCK, (_sound("last"), pl.col("city").fill_null(""))),
    "letters": (MOST_IN_BLOCK, (_letters("last"),)),
    "beginning": (MOST_IN_BLOCK, (pl.col("last").str.slice(0, 8), pl.col("city").fill_null(""))),
    "street": (MOST_IN_BLOCK, (pl.col("street"), pl.col("city"))),
}


def _held(made: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The records with ``has_phone`` in place of their numbers, and who holds which: ``uid``, ``phone``, ``f_phone``.

    A number of very many holders says nothing about two of them, and is taken for none.
    """
    held = made.select("uid", phone="phones").explode("phone").drop_nulls().unique()
    held = held.with_columns(f_phone=pl.len().over("phone"))
    told = held.filter(pl.col("f_phone") <= MOST_IN_BLOCK).cast({"f_phone": pl.Float32})
    has = pl.col("uid").is_in(told["uid"].implode())
    return made.drop("phones").with_columns(has_phone=has), told


def _blocks(
    made: pl.DataFrame, phones: pl.DataFrame, blocks: dict[str, tuple[int, Sequence[pl.Expr]]]
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Pairs of records that share a value, each once: ``a`` < ``b``; and how many values had too many holders."""
    whole = pl.DataFrame(schema={"a": pl.Int64, "b": pl.Int64})
    skipped: dict[str, int] = {}
    keyed = {
        "phone": (MOST_IN_BLOCK, phones.select("uid", key="phone")),
        "email": (MOST_IN_BLOCK, made.select("uid", key="email").drop_nulls()),
    }
    for name, (most, parts) in blocks.items():
        cells = made.select("uid", **{f"k{i}": e for i, e in enumerate(parts)}).drop_nulls()
        keyed[name] = (most, cells.select("uid", key=pl.struct(pl.exclude("uid")).hash()))
    for name, (most, frame) in keyed.items():
        sized = frame.with_columns(_n=pl.len().over("key")).filter(pl.col("_n") > 1)
        skipped[name] = sized.filter(pl.col("_n") > most)["key"].n_unique()
        kept = sized.filter(pl.col("_n") <= most).select("uid", "key")
        both = kept.join(kept, on="key", suffix="_b").filter(pl.col("uid") < pl.col("uid_b"))
        whole = pl.concat([whole, both.select(a="uid", b="uid_b")]).unique()
    return whole, {k: n for k, n in skipped.items() if n}


# -- how much it weighs


def _narrow(made: pl.DataFrame) -> pl.DataFrame:
    """The records with how many hold each of their values, texts that are only held against each other as numbers."""
    counted = made.with_columns(
        pl.when(pl.col(c).is_not_null()).then(pl.len().over(c)).cast(pl.Float32).alias(f"f_{c}") for c in _COUNTED
    )
    # A local part of few letters is anybody's.
    counted = counted.with_columns(local=pl.when(pl.col("local").str.len_chars() >= 5).then("local"))
    return counted.with_columns(
        pl.when(pl.col(c).is_not_null()).then(pl.col(c).hash()).alias(c) for c in ("email", "local", "domain", "street",
                                                                                   "city")
    ).drop("company", "place", "formal")  # fmt: skip


def _score(made: pl.DataFrame, pairs: pl.DataFrame, phones: pl.DataFrame, *, companies: bool) -> pl.DataFrame:
    n = max(made.height, 2)
    columns = [c for c in made.columns if c != "uid"]
    wide = pairs.join(made, left_on="a", right_on="uid").join(
        made.rename({c: f"{c}_b" for c in columns}), left_on="b", right_on="uid"
    )
    wide = wide.join(_shared_phone(pairs, phones), on=["a", "b"], how="left")
    wide = wide.with_columns(pl.max_horizontal(f"f_{c}", f"f_{c}_b").alias(f"f_{c}") for c in _COUNTED)
    wide = wide.with_columns(
        last_like=_alike(wide, "last"), first_like=_alike(wide, "first"), first_said=_nicknames(wide),
    ).with_columns(swapped=_same("first", "last_b") & _same("last", "first_b"))  # fmt: skip
    parts = _company_bits(n) if companies else _person_bits(n)
    prior = math.log2(2 * MATCH_RATE / n)
    told = wide.with_columns(e.fill_null(0.0).alias(f"w_{name}") for name, e in parts.items())
    # Phone, domain and street of one office say the same thing over again: the strongest counts, the others a little.
    office = ("w_phone", "w_domain", "w_street", "w_city")
    most = pl.max_horizontal(*office).clip(lower_bound=0)
    for_it = pl.sum_horizontal(pl.col(c).clip(lower_bound=0) for c in office)
    against = pl.sum_horizontal(pl.col(c).clip(upper_bound=0) for c in office)
    together = most + 0.25 * (for_it - most) + against
    return told.with_columns(bits=prior + pl.col("w_name") + pl.col("w_email") + together)


def _same(left: str, right: str) -> pl.Expr:
    return (pl.col(left) == pl.col(right)).fill_null(value=False)


def _shared_phone(pairs: pl.DataFrame, phones: pl.DataFrame) -> pl.DataFrame:
    """The rarest number that two records share: ``a``, ``b``, ``phone``, ``f_phone``."""
    ours = pairs.join(phones.rename({"uid": "a"}), on="a")
    both = ours.join(phones.select("phone", b="uid"), on=["b", "phone"])
    return both.sort("f_phone", "phone").unique(["a", "b"], keep="first", maintain_order=True)


def _alike(wide: pl.DataFrame, name: str) -> pl.Series:
    """How alike two names are that are not the same, from 0 to 1: by their beginning, and by slips of the finger."""
    index = wide.select(pl.col(name).alias("x"), pl.col(f"{name}_b").alias("y"))
    distinct = index.drop_nulls().filter(pl.col("x") != pl.col("y")).unique()
    left, right = distinct["x"].to_list(), distinct["y"].to_list()
    winkler = cpdist(left, right, scorer=JaroWinkler.similarity, dtype=np.float32, workers=-1)
    slips = cpdist(left, right, scorer=OSA.distance, dtype=np.int32, workers=-1)
    told = distinct.with_columns(w=pl.Series(winkler, dtype=pl.Float32), s=pl.Series(slips, dtype=pl.Int32))
    length = pl.min_horizontal(pl.col("x").str.len_chars(), pl.col("y").str.len_chars())
    one_slip = ((pl.col("s") == 1) & (length >= 4)) | ((pl.col("s") == 2) & (length >= 8))
    like = told.with_columns(like=pl.when(one_slip).then(pl.max_horizontal("w", pl.lit(0.95))).otherwise("w"))
    return index.join(like, on=["x", "y"], how="left", maintain_order="left")["like"]


def _nicknames(wide: pl.DataFrame) -> pl.Series:
    """Whether two first names can stand for one formal name."""
    index = wide.select(x="first", y="first_b", fx="formals", fy="formals_b")
    distinct = index.drop_nulls().unique(["x", "y"]).filter(pl.col("x") != pl.col("y"))
    said = distinct.with_columns(said=pl.col("fx").list.set_intersection("fy").list.len() > 0).select("x", "y", "said")
    return index.join(said, on=["x", "y"], how="left", maintain_order="left")["said"].fill_null(value=False)


def _bits(name: str, agree: float, n: int) -> pl.Expr:
    """What the agreement on a value weighs: log2 of ``agree`` against the share of records that hold it."""
    return (pl.lit(agree) / (pl.col(f"f_{name}") / n)).log(2).clip(lower_bound=0.0)


def _person_bits(n: int) -> dict[str, pl.Expr]:
    first, last = pl.col("first_like").fill_null(0.0), pl.col("last_like").fill_null(0.0)
    same_first, same_last = _same("first", "first_b"), _same("last", "last_b")
    initial = (pl.col("first").str.slice(0, 1) == pl.col("first_b").str.slice(0, 1)) & (
        (pl.col("first").str.len_chars() == 1) | (pl.col("first_b").str.len_chars() == 1)
    )
    unknown = pl.col("first").is_null() | pl.col("first_b").is_null()
    same_mail = _same("email", "email_b")
    first_bits = (
        pl.when(same_first)
        .then(_bits("first", 0.8, n))
        .when(pl.col("first_said"))
        .then(_bits("first", 0.8, n) - 2.5)
        .when(unknown)
        .then(0.0)
        .when(initial)
        .then(2.0)
        .when(first >= 0.93)
        .then(_bits("first", 0.8, n) - 3.5)
        .when(same_mail)
        .then(-6.0)
        # Somebody else of the same house, or behind the same switchboard.
        .otherwise(-22.0)
    )
    last_bits = (
        pl.when(same_last)
        .then(_bits("last", 0.9, n))
        .when(last >= 0.93)
        .then(_bits("last", 0.9, n) - 4.0)
        .when(last >= 0.88)
        .then(_bits("last", 0.9, n) - 6.5)
        # People marry; without the address that stays it is somebody else.
        .when(same_mail)
        .then(-4.0)
        .otherwise(-16.0)
    )
    swapped = _bits("first", 0.8, n) + _bits("last", 0.9, n) - 5.0
    mail_differs = pl.col("email").is_not_null() & pl.col("email_b").is_not_null() & ~same_mail
    same_local = _same("local", "local_b")
    same_place = _same("domain", "domain_b")
    email = (
        pl.when(same_mail)
        .then(_bits("email", 0.9, n))
        .when(mail_differs & same_local)
        .then(3.0)
        # One address each at the same company: rather two people of one name.
        .when(mail_differs & same_place)
        .then(-1.5)
        .when(mail_differs)
        .then(-1.0)
        .otherwise(0.0)
    )
    return {"name": pl.when("swapped").then(swapped).otherwise(first_bits + last_bits), "email": email, **_office(n)}


def _company_bits(n: int) -> dict[str, pl.Expr]:
    like = pl.col("last_like").fill_null(0.0)
    name = (
        pl.when(_same("last", "last_b"))
        .then(_bits("last", 0.9, n))
        .when(like >= 0.95)
        .then(_bits("last", 0.9, n) - 4.0)
        .when(like >= 0.9)
        .then(_bits("last", 0.9, n) - 6.0)
        .otherwise(-9.0)
    )
    domains_differ = pl.col("domain").is_not_null() & pl.col("domain_b").is_not_null() & ~_same("domain", "domain_b")
    return {"name": name, "email": pl.when(domains_differ).then(-4.0).otherwise(0.0), **_office(n)}


def _office(n: int) -> dict[str, pl.Expr]:
    def place(name: str, agree: float, differ: float) -> pl.Expr:
        known = pl.col(name).is_not_null() & pl.col(f"{name}_b").is_not_null()
        return pl.when(_same(name, f"{name}_b")).then(_bits(name, agree, n)).when(known).then(differ).otherwise(0.0)

    numbers = pl.col("has_phone") & pl.col("has_phone_b")
    phone = pl.when(pl.col("phone").is_not_null()).then(_bits("phone", 0.7, n)).when(numbers).then(-1.0).otherwise(0.0)
    return {
        "phone": phone,
        "domain": place("domain", 0.7, -1.5),
        "street": place("street", 0.6, -1.0),
        "city": place("city", 0.7, -1.5),
    }


# -- what is told


def _told(kept: pl.DataFrame) -> pl.DataFrame:
    same = {c: _same(c, f"{c}_b") for c in ("email", "last", "first", "domain", "street", "city")}
    shared_phone = pl.col("phone").is_not_null()
    said = [
        pl.when(same["email"]).then(pl.lit("same e-mail")),
        pl.when(shared_phone).then(pl.format("same phone {} (held by {})", "phone", pl.col("f_phone").cast(pl.Int64))),
        pl.when("swapped").then(pl.lit("first and last name swapped")),
        pl.when(same["first"] & same["last"]).then(pl.lit("same name"))
        .when(same["last"] & pl.col("first_said")).then(pl.format("{} is short for {}", "first", "first_b"))
        .when(same["last"] & pl.col("first").is_null() & pl.col("first_b").is_null()).then(pl.lit("same name"))
        .when(same["last"]).then(pl.format("same last name {}", "last"))
        .when(~pl.col("swapped")).then(pl.format("{} reads like {}", "last", "last_b")),
        pl.when(same["domain"]).then(pl.lit("same domain")),
        pl.when(same["street"]).then(pl.lit("same street")),
        pl.when(same["city"]).then(pl.lit("same city")),
    ]  # fmt: skip
    exact = (
        (same["first"] | (pl.col("first").is_null() & pl.col("first_b").is_null()))
        & same["last"]
        & (same["email"] | shared_phone)
    )
    told = kept.with_columns(
        score=(1 / (1 + (-pl.col("bits") * math.log(2)).exp())).round(4),
        evidence=pl.concat_str(said, separator="; ", ignore_nulls=True),
        is_exact=exact,
    )
    return told.select(pl.col(c).cast(t) for c, t in PAIRS.items())


def groups(pairs: pl.DataFrame) -> pl.DataFrame:
    """The groups that pairs make: ``uid``, ``group`` (its lowest uid), ``size``, ``score`` (of its weakest pair)."""
    both = pl.concat([pairs.select("a", "b"), pairs.select(a="b", b="a")])
    label = pl.concat([both.select(uid="a"), both.select(uid="b")]).unique().with_columns(group="uid")
    while True:
        near = both.join(label, left_on="b", right_on="uid").group_by("a").agg(pl.col("group").min().alias("_near"))
        fresh = label.join(near, left_on="uid", right_on="a", how="left").select(
            "uid", group=pl.min_horizontal("group", "_near"), _old="group"
        )
        if fresh.filter(pl.col("group") != pl.col("_old")).is_empty():
            break
        label = fresh.drop("_old")
    weakest = pairs.join(label, left_on="a", right_on="uid").group_by("group").agg(pl.col("score").min())
    sized = label.with_columns(size=pl.len().over("group").cast(pl.Int64))
    return sized.join(weakest, on="group", how="left").select(list(GROUPS)).sort("group", "uid")


def bits_of(score: float) -> float:
    """The weight of evidence that a score stands for."""
    return math.log2(score / (1 - score)) if score < 1 else 60.0
