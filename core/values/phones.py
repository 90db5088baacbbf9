"""Gives phone numbers one spelling: E.164, with an extension kept behind ``;ext=``.

Numbers of the North American plan, nearly all of a typical column, are read by polars with the very patterns that
`phonenumbers` carries; everything else goes to `phonenumbers` itself, once per distinct value.
"""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
import polars as pl
from phonenumbers import PhoneMetadata, PhoneNumberFormat

_NANP = frozenset(phonenumbers.region_codes_for_country_code(1))
# The punctuation people really use; anything odder is left to the library.
_LOCAL = r"\(?([2-9][0-9]{2})\)?[ .\-/]{0,2}([2-9][0-9]{2})[ .\-]{0,2}([0-9]{4})"
_AT_HOME = rf"^ *(?:\+?1[ .\-]{{0,2}})?{_LOCAL} *$"
_ABROAD = rf"^ *\+1[ .\-]{{0,2}}{_LOCAL} *$"

# The kinds that make a number valid for `phonenumbers`.
_KINDS = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
)


def normalize_one(text: str | None, region: str = "US") -> str | None:
    """One number as ``+14155550100`` or ``+14155550100;ext=12``; None for what is no valid phone number.

    Args:
        text: What a person typed.
        region: Two letters of the country whose numbers are written without a country code.
    """
    if text is None or not text.strip():
        return None
    try:
        number = phonenumbers.parse(text.strip(), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    plain: str = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{plain};ext={number.extension}" if number.extension else plain


def normalize(series: pl.Series, region: str = "US") -> pl.Series:
    """`normalize_one` for a whole text column, in its order; junk becomes null."""
    text = series.cast(pl.String).alias("text")
    form = _AT_HOME if region in _NANP else _ABROAD
    parts = pl.col("text").str.extract_groups(form)
    frame = text.to_frame().with_columns(
        pl.concat_str(*(parts.struct.field(str(n)) for n in (1, 2, 3))).alias("national")
    )
    valid = pl.col("national").str.contains(_nanp_pattern())
    frame = frame.with_columns(
        pl.when(valid).then(pl.concat_str(pl.lit("+1"), pl.col("national"))).alias("phone"),
    )
    rest = frame.filter(pl.col("national").is_null() & pl.col("text").is_not_null())["text"].unique()
    slow = {value: normalize_one(value, region) for value in rest}
    slow = {value: phone for value, phone in slow.items() if phone is not None}
    if not slow:
        return frame["phone"].alias(series.name)
    second = frame["text"].replace_strict(list(slow), list(slow.values()), default=None, return_dtype=pl.String)
    return frame.select(pl.coalesce(pl.col("phone"), second)).to_series().alias(series.name)


def plain(phone: str | None) -> str | None:
    """The number without its extension: what two people at one switchboard share."""
    return phone.partition(";")[0] if phone else None


def plain_expr(column: str | pl.Expr) -> pl.Expr:
    """`plain` for a column of normalized numbers."""
    text = pl.col(column) if isinstance(column, str) else column
    return text.str.split(";").list.first()


def show(phone: str | None) -> str:
    """A normalized number as people read it: national form at home in +1, else international, with the extension."""
    if not phone:
        return ""
    number, _, extension = phone.partition(";ext=")
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return phone
    form = PhoneNumberFormat.NATIONAL if parsed.country_code == 1 else PhoneNumberFormat.INTERNATIONAL
    text: str = phonenumbers.format_number(parsed, form)
    return f"{text} ext. {extension}" if extension else text


@lru_cache(maxsize=1)
def _nanp_pattern() -> str:
    """Every valid ten-digit number of country code 1, as one expression made from the library's own metadata."""
    patterns: set[str] = set()
    for region in _NANP:
        metadata = PhoneMetadata.metadata_for_region(region)
        kinds = [getattr(metadata, name) for name in _KINDS] if metadata else []
        patterns |= {kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern}
    return "^(?:" + "|".join(sorted(patterns)).replace(r"\d", "[0-9]") + ")$"
