"""Tells the fields of a mapping that cannot be carried: hidden from our user, or computed by the org."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from core.mapping.spec import PairSpec, Role
from core.schema.describe import OrgField, OrgObject, resolve
from core.syncing.mismatch import FORMULA, HIDDEN


def targets(pair: PairSpec, org: OrgObject) -> dict[str, str]:
    """Of an outbound pair: org field -> `HIDDEN` or `FORMULA`; what the engine fills by itself is left out."""
    named = [m.target for m in pair.mappings if not m.engine and m.role is Role.VALUE]
    found = {(f.name if f else name): _why(f) for name in named for f in [org.field(name)]}
    return {name: why for name, why in found.items() if why}


def sources(pair: PairSpec, org: OrgObject) -> dict[str, str]:
    """Of an inbound pair: workspace field -> `HIDDEN` or `FORMULA`, by what the org shows of its source."""
    out = {}
    for m in pair.mappings:
        if not m.source or m.role is not Role.VALUE:
            continue
        path = resolve(m.source, org)
        why = HIDDEN if not path.exists else FORMULA if path.field is not None and path.field.calculated else ""
        if why:
            out[m.target] = why
    return out


def _why(found: OrgField | None) -> str:
    if found is None:
        return HIDDEN
    return FORMULA if found.calculated else ""


def as_if_open(pair: PairSpec, org: OrgObject, names: dict[str, str]) -> tuple[PairSpec, OrgObject]:
    """The pair with these fields alone, and the org as it would be if they could be written: what we would send."""
    low = {n.lower() for n in names}
    only = tuple(m for m in pair.mappings if m.target.lower() in low)
    hidden = [OrgField(n, n, "string") for n, why in names.items() if why == HIDDEN]
    opened = [
        replace(f, calculated=False, createable=True, updateable=True) if f.name.lower() in low else f
        for f in org.fields
    ]
    return pair.model_copy(update={"mappings": only}), replace(org, fields=(*opened, *hidden))


def marked(long: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    """Rows by field with ``barred``."""
    if not names:
        return long.with_columns(barred=pl.lit(None, dtype=pl.String))
    return long.with_columns(barred=pl.col("field").replace_strict(names, default=None, return_dtype=pl.String))
