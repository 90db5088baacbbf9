"""Names the cause for which a field differs between workspace and org: who changed it, or how it was carried over."""

from __future__ import annotations

import polars as pl

from core.schema.types import Form

NOT_YET_SYNCED = "not yet synced"
CONFLICT = "conflict"
ORG_CHANGED = "changed in the org"
WORKSPACE_CHANGED = "changed in the workspace"
TIME_ZONE = "time zone"
TEXT_CUT = "text cut"
FORMAT = "case or format only"
MAPPING = "mapping"
MISSING = "missing in org"
HIDDEN = "hidden field"
FORMULA = "formula"
CAUSES = (
    CONFLICT,
    ORG_CHANGED,
    WORKSPACE_CHANGED,
    NOT_YET_SYNCED,
    MISSING,
    HIDDEN,
    FORMULA,
    TIME_ZONE,
    TEXT_CUT,
    FORMAT,
    MAPPING,
)
"""In the order people want to see them: what somebody changed, what is not there, how values were carried over."""
SHORTEST_CUT = 20
"""A text that short was not cut but changed."""
FARTHEST_ZONE_S = 14 * 3600
QUARTER_S = 15 * 60
_PHONE = r"^[+(]?[\d][\d\s().\-/]{5,}$"
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


def differing(long: pl.DataFrame) -> pl.DataFrame:
    """The rows whose sides differ, with their ``cause``.

    Args:
        long: one row per record and field with ``workspace``, ``org``, ``baseline`` String (canonical text),
            ``has_base`` Boolean, ``form`` String (`core.schema.types.Form`), ``length`` Int64 (of the target, 0 where
            it has none), ``is_touched`` Boolean (the workspace record changed since both sides last agreed), ``barred``
            String (`HIDDEN` or `FORMULA` where the org's field is one, else null); further columns pass through.
    """
    ours, theirs = _text("workspace"), _text("org")
    return long.filter(ours.ne_missing(theirs)).with_columns(cause=_cause())


def _cause() -> pl.Expr:
    ours, theirs, base = _text("workspace"), _text("org"), _text("baseline")
    has_base = pl.col("has_base").fill_null(value=False)
    touched = pl.col("is_touched").fill_null(value=False)
    org_changed = has_base & theirs.ne_missing(base)
    ours_changed = has_base & ours.ne_missing(base)
    # A formula moves without anybody's edit and without a stamp, so no run sees it; what only we changed is ours.
    computed = (pl.col("barred") == FORMULA) & ~(has_base & theirs.eq_missing(base))
    return (
        pl.when((pl.col("barred") == HIDDEN).fill_null(value=False))
        .then(pl.lit(HIDDEN))
        .when(_is_format().fill_null(value=False))
        .then(pl.lit(FORMAT))
        .when(computed.fill_null(value=False))
        .then(pl.lit(FORMULA))
        .when(_is_cut().fill_null(value=False))
        .then(pl.lit(TEXT_CUT))
        .when(org_changed & ours_changed & touched)
        .then(pl.lit(CONFLICT))
        .when(org_changed)
        .then(pl.lit(ORG_CHANGED))
        .when(touched & ours_changed)
        .then(pl.lit(WORKSPACE_CHANGED))
        .when(_is_zone().fill_null(value=False))
        .then(pl.lit(TIME_ZONE))
        .otherwise(pl.lit(MAPPING))
    )


def _text(name: str) -> pl.Expr:
    # As the planner compares: one line end, no trailing blanks, empty is null.
    plain = pl.col(name).str.replace_all("\r\n", "\n", literal=True).str.strip_chars_end()
    return pl.when(plain == "").then(None).otherwise(plain)


def _is_format() -> pl.Expr:
    """Same but for case, spacing, the dress of an address, the writing of a number, or the order of several values."""
    number = pl.col("form").is_in([Form.INTEGER.value, Form.NUMBER.value])
    same_number = _number("workspace") == _number("org")
    several = pl.col("form") == Form.MULTI.value
    same_set = _parts("workspace") == _parts("org")
    phones = pl.col("workspace").str.contains(_PHONE) & pl.col("org").str.contains(_PHONE)
    same_phone = _digits("workspace") == _digits("org")
    plain = _bare("workspace") == _bare("org")
    return plain | (number & same_number) | (several & same_set) | (phones & same_phone)


def _bare(name: str) -> pl.Expr:
    text = pl.col(name).str.to_lowercase().str.strip_chars().str.replace_all(r"\s+", " ")
    return text.str.replace(r"^https?://", "").str.replace(r"^www\.", "").str.strip_suffix("/")


def _number(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Float64, strict=False)


def _parts(name: str) -> pl.Expr:
    return pl.col(name).str.to_lowercase().str.split(";").list.sort().list.join(";")


def _digits(name: str) -> pl.Expr:
    return pl.col(name).str.replace_all(r"\D", "").str.tail(10)


def _is_cut() -> pl.Expr:
    ours, theirs = pl.col("workspace"), pl.col("org")
    return _cut_of(theirs, ours) | _cut_of(ours, theirs)


def _cut_of(short: pl.Expr, long: pl.Expr) -> pl.Expr:
    stem = short.str.replace(r"\s*(?:…|\.\.\.)$", "")
    full = (pl.col("length") > 0) & (short.str.len_chars() >= pl.col("length") - 1)
    marked = stem.str.len_chars() < short.str.len_chars()
    longer = long.str.len_chars() > short.str.len_chars()
    return longer & (stem.str.len_chars() >= SHORTEST_CUT) & long.str.starts_with(stem) & (full | marked)


def _is_zone() -> pl.Expr:
    """A day apart, or whole quarters of an hour as zones lie apart."""
    days = (_day("workspace") - _day("org")).dt.total_days().abs()
    seconds = (_instant("workspace") - _instant("org")).dt.total_seconds().abs()
    near = (seconds > 0) & (seconds <= FARTHEST_ZONE_S) & (seconds % QUARTER_S == 0)
    date, instant = (pl.col("form") == f.value for f in (Form.DATE, Form.DATETIME))
    return (date & (days == 1)) | (instant & near)


def _day(name: str) -> pl.Expr:
    return pl.col(name).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)


def _instant(name: str) -> pl.Expr:
    return pl.col(name).str.to_datetime(_INSTANT, time_unit="us", strict=False)
