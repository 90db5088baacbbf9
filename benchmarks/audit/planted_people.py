"""Plants people with duplicates among them, and everything that makes them hard to tell: a truth to measure against.

It shares nothing with the finder: its nicknames, its slips and its rates are its own.
"""

from __future__ import annotations

import numpy as np
import polars as pl


def _words(text: str) -> list[str]:
    return text.split()


_FIRST = _words(
    "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph "
    "Jessica Thomas Sarah Charles Karen Christopher Nancy Daniel Lisa Matthew Betty Anthony Margaret Mark Sandra "
    "Donald Ashley Steven Kimberly Paul Emily Andrew Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian "
    "Melissa George Deborah Edward Stephanie Ronald Rebecca Timothy Laura Jason Sharon Jeffrey Cynthia Ryan "
    "Kathleen Jacob Amy Gary Angela Nicholas Shirley Eric Anna Jonathan Brenda Stephen Pamela Larry Emma Justin "
    "Nicole Scott Helen Brandon Samantha Benjamin Katherine Samuel Christine Gregory Debra Frank Rachel Alexander "
    "Carolyn Raymond Janet Patrick Catherine Jack Maria Dennis Heather Jerry Diane Tyler Ruth Aaron Julie Jose "
    "Olivia Adam Joyce Henry Virginia Nathan Victoria Douglas Kelly Zachary Lauren Peter Christina Kyle Joan "
    "Walter Evelyn Ethan Judith Jeremy Megan Harold Andrea Keith Cheryl Christian Hannah Roger Jacqueline Noah "
    "Martha Gerald Gloria Carl Teresa Terry Ann Sean Sara Austin Madison Arthur Frances Lawrence Kathryn Jesse "
    "Janice Dylan Jean Bryan Abigail Joe Alice Jordan Julia Billy Judy Bruce Sophia Albert Grace Willie Denise "
    "Gabriel Amber Logan Doris Alan Marilyn Juan Danielle Wayne Beverly Roy Isabella Ralph Theresa Randy Diana "
    "Eugene Natalie Vincent Brittany Russell Charlotte Elijah Marie Louis Kayla Bobby Alexis Philip Lori Johnny "
    "Søren Zoë Priya Wei Mohammed Aisha Hiroshi Yuki Ingrid Lars"
)
_CALLED = {
    "Robert": ["Bob", "Rob"], "William": ["Bill", "Will"], "James": ["Jim"], "Elizabeth": ["Liz", "Beth"],
    "Michael": ["Mike"], "Richard": ["Rick", "Dick"], "Thomas": ["Tom"], "Christopher": ["Chris"],
    "Daniel": ["Dan"], "Matthew": ["Matt"], "Anthony": ["Tony"], "Margaret": ["Peggy", "Meg"], "Joseph": ["Joe"],
    "Patricia": ["Pat", "Trish"], "Jennifer": ["Jen"], "Katherine": ["Kate", "Kathy"], "Steven": ["Steve"],
    "Andrew": ["Drew"], "Edward": ["Ted", "Ed"], "Timothy": ["Tim"], "Jeffrey": ["Jeff"], "Nicholas": ["Nick"],
    "Benjamin": ["Ben"], "Samuel": ["Sam"], "Gregory": ["Greg"], "Rebecca": ["Becca"], "Deborah": ["Debbie"],
    "Alexander": ["Alex"], "Zachary": ["Zack"], "Susan": ["Sue"], "Victoria": ["Tori"], "Charles": ["Chuck"],
}  # fmt: skip
_ONSETS = _words("B Br C Ch Cl D Dr F Fr G Gr H J K Kl L M N P Pr R S Sch Sh St T Tr V W Z")
_MIDDLES = _words("a e i o u ai ea ou au an en in on ar er or al el il")
_ENDS = _words("ll n r s t ck der ler man mann son ton berg feld ley ford well wood ski sen ez o a er ing ham")
_CITIES = _words(
    "Austin Boston Chicago Dallas Denver Houston Miami Portland Seattle Tampa Omaha Reno Tulsa Fresno Mesa"
)
_STREETS = _words("Oak Elm Main Market Pine Cedar Lake Hill Park Mill River Spring Church High Union")


def plant(n: int, seed: int) -> pl.DataFrame:
    """About ``n`` records of fewer people.

    Returns:
        ``uid``, ``person`` (the truth), ``first_name``, ``last_name``, ``email``, ``phones`` (list), ``company``,
        ``domain``, ``street``, ``city``; uids are in random order.
    """
    rng = np.random.default_rng(seed)
    base = _people(int(n / 1.17), rng)
    base = _households(base, rng)
    copies = [base]
    for share in (0.15, 0.02):
        chosen = base.sample(int(base.height * share), seed=int(rng.integers(1 << 31)))
        copies.append(_second_time(chosen, rng))
    whole = pl.concat(copies)
    order = rng.permutation(whole.height)
    return (
        whole.with_columns(uid=pl.Series(order + 1, dtype=pl.Int64))
        .sort("uid")
        .select("uid", "person", "first_name", "last_name", "email", "phones", "company", "domain", "street", "city")
    )


def _pick(rng: np.random.Generator, values: list[str], n: int, skew: float) -> np.ndarray:
    """Values as they are spread in life: few of them common, many rare."""
    weights = 1.0 / np.arange(1, len(values) + 1) ** skew
    return np.asarray(values, dtype=object)[rng.choice(len(values), n, p=weights / weights.sum())]


def _people(n: int, rng: np.random.Generator) -> pl.DataFrame:
    surnames = sorted({a + m + e for a in _ONSETS for m in _MIDDLES for e in _ENDS})
    rng.shuffle(surnames)
    firms = max(n // 14, 3)
    firm = np.minimum((rng.pareto(1.1, n) * firms / 30).astype(int), firms - 1)
    spread = rng.integers(0, firms, n)
    firm = np.where(rng.random(n) < 0.35, firm, spread)
    first, last = _pick(rng, _FIRST, n, 0.6), _pick(rng, surnames, n, 0.75)
    firm_city = rng.integers(0, len(_CITIES), firms)
    firm_street = rng.integers(1, 9_999, firms)
    frame = pl.DataFrame({
        "person": np.arange(n), "first_name": pl.Series(first, dtype=pl.String),
        "last_name": pl.Series(last, dtype=pl.String), "firm": firm,
        "own": rng.integers(2_000_000, 9_999_999, n), "area": rng.integers(201, 989, n),
        "dial": rng.random(n), "mail": rng.random(n), "number": rng.integers(2, 99, n),
        "city_n": firm_city[firm], "street_n": firm_street[firm],
    })  # fmt: skip
    low = pl.col("first_name").str.to_lowercase() + pl.lit(".") + pl.col("last_name").str.to_lowercase()
    board = pl.format("+1{}55{}", pl.col("firm") % 788 + 201, (pl.col("firm") + 10_000).cast(pl.String).str.tail(5))
    own = pl.format("+1{}{}", "area", "own")
    same = pl.len().over("firm", "first_name", "last_name") > 1
    address = pl.when(same).then(low + pl.col("number").cast(pl.String)).otherwise(low)
    return frame.with_columns(
        company=pl.format("Firm {} Partners", "firm"), domain=pl.format("firm{}.example", "firm"),
    ).with_columns(
        email=pl.when(pl.col("mail") < 0.8).then(address + pl.lit("@") + pl.col("domain"))
        .when(pl.col("mail") < 0.9).then(low.str.replace(".", "", literal=True) + pl.col("number").cast(pl.String)
                                         + pl.lit("@gmail.com")),
        # One in three carries the number of the front desk.
        phones=pl.when(pl.col("dial") < 0.33).then(pl.concat_list(board)).when(pl.col("dial") < 0.45)
        .then(pl.concat_list(board, own)).when(pl.col("dial") < 0.88).then(pl.concat_list(own))
        .otherwise(pl.lit([], dtype=pl.List(pl.String))),
        street=pl.format("{} {} St", "street_n", pl.Series(_STREETS).gather((firm % len(_STREETS)).tolist())),
        city=pl.Series([_CITIES[i] for i in firm_city[firm]]),
    ).select("person", "first_name", "last_name", "email", "phones", "company", "domain", "street", "city")  # fmt: skip


def _households(base: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Some share last name, home number and street with somebody else: another first name, another person."""
    pairs = base.height // 25
    rows = rng.permutation(base.height)[: 2 * pairs]
    left, right = base[rows[:pairs]], base[rows[pairs:]]
    moved = right.with_columns(
        last_name=left["last_name"], street=left["street"], city=left["city"],
        phones=left["phones"], email=pl.lit(None, dtype=pl.String),
    ).filter(pl.col("first_name") != left["first_name"])  # fmt: skip
    rest = base.filter(~pl.col("person").is_in(moved["person"].to_list()))
    return pl.concat([rest, moved])


def _second_time(rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The same people as somebody else enters them."""
    out = []
    for row in rows.iter_rows(named=True):
        roll = rng.random(10)
        first, last, email, phones = row["first_name"], row["last_name"], row["email"], list(row["phones"])
        if roll[0] < 0.22 and first in _CALLED:
            first = _CALLED[first][int(rng.integers(len(_CALLED[first])))]
        elif roll[0] > 0.95:
            first = first[0]
        elif roll[0] > 0.90:
            first = _slip(first, rng)
        if roll[1] < 0.14:
            last = _slip(last, rng)
        if roll[2] < 0.25:
            email = None
        elif roll[2] < 0.40:
            email = f"{first.lower()}{last.lower()}{int(rng.integers(99))}@gmail.com"
        elif roll[2] < 0.48:
            email = f"{first[0].lower()}{last.lower()}@{row['domain']}"
        if roll[3] < 0.25:
            phones = []
        elif roll[3] < 0.42:
            phones = [f"+1{int(rng.integers(201, 989))}{int(rng.integers(2_000_000, 9_999_999))}"]
        place = {c: row[c] for c in ("company", "domain", "street", "city")}
        if roll[4] < 0.08:
            # Moved on to another company; half keep their mobile.
            other = int(rng.integers(1 << 20))
            place = {"company": f"Firm {other} Partners", "domain": f"firm{other}.example",
                     "street": f"{int(rng.integers(9_999))} Oak St",
                     "city": _CITIES[int(rng.integers(len(_CITIES)))]}  # fmt: skip
            email = f"{first.lower()}.{last.lower()}@{place['domain']}"
        elif roll[4] < 0.25:
            place["street"] = None
        if roll[5] < 0.01:
            first, last = last, first
        if roll[6] < 0.1:
            first, last = first.upper(), last.upper()
        out.append({"person": row["person"], "first_name": first, "last_name": last, "email": email, "phones": phones,
                    **place})  # fmt: skip
    return pl.DataFrame(out, schema=rows.schema)


def _slip(word: str, rng: np.random.Generator) -> str:
    """One slip of the finger: two letters swapped, one left out, one doubled, one hit beside."""
    if len(word) < 4:
        return word
    at, kind = int(rng.integers(1, len(word) - 1)), int(rng.integers(4))
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + "etaoinsrhl"[int(rng.integers(10))] + word[at + 1 :]


def truth(planted: pl.DataFrame) -> pl.DataFrame:
    """The pairs that are one person: ``a`` < ``b``."""
    own = planted.select("uid", "person")
    return own.join(own, on="person", suffix="_b").filter(pl.col("uid") < pl.col("uid_b")).select(a="uid", b="uid_b")


def measured(found: pl.DataFrame, planted: pl.DataFrame) -> tuple[float, float]:
    """Precision and recall of pairs ``a`` < ``b``."""
    wanted = truth(planted)
    hits = found.select("a", "b").join(wanted, on=["a", "b"], how="semi").height
    return hits / max(found.height, 1), hits / max(wanted.height, 1)
