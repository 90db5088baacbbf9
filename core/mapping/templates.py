"""Text templates such as ``Call: {{Contact Name}}``: checked, rendered for one record, compiled for whole frames.

A template is text with placeholders and a few filters; there are no blocks, no arithmetic and no attributes, so that
the compiled form and jinja's own rendering always agree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import polars as pl
from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.mapping import canonical
from core.mapping.canonical import Place
from core.records import ACTIVITY_KINDS, Kind, workspace_fields

_BLANKS = " \t\r\n"
_PLACEHOLDER = re.compile(r"\{\{-?\s*([^{}|]*?)\s*(\|[^{}]*?)?\s*-?\}\}")
_RELATED = {
    "contact name": "person_name",
    "contact email": "person_email",
    "contact e-mail": "person_email",
    "account name": "account_name",
    "caller": "user",
}


class TemplateProblem(ValueError):
    """The template cannot be used: says why."""


def _filled(value: Any, fallback: str = "") -> Any:
    return fallback if value is None or value == "" else value


_FILTERS = {
    "default": _filled,
    "lower": lambda v: _filled(v).lower(),
    "upper": lambda v: _filled(v).upper(),
    "trim": lambda v: _filled(v).strip(_BLANKS),
}


def _environment() -> ImmutableSandboxedEnvironment:
    # Nothing is escaped: the text goes into a field of an org, never into HTML.
    env = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        finalize=_filled,
    )
    env.filters.clear()
    env.filters.update(_FILTERS)
    env.globals.clear()
    return env


_ENV = _environment()


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder of a template: what was written, and the column it stands for (None where there is none)."""

    text: str
    column: str | None


def choices(kind: Kind) -> dict[str, str]:
    """What may stand in a placeholder: label to column, in the order they are offered."""
    out = {f.label: f.name for f in workspace_fields(kind)}
    if kind in ACTIVITY_KINDS:
        out |= {"Contact Name": "person_name", "Contact Email": "person_email", "Account Name": "account_name"}
        out |= {"Caller": "user"}
    return out


def column_of(name: str, kind: Kind) -> str | None:
    """The column a placeholder stands for, by label or field name in any case; None where there is none."""
    low = " ".join(name.lower().split())
    by_name = {f.name.lower(): f.name for f in workspace_fields(kind)}
    by_label = {f.label.lower(): f.name for f in reversed(workspace_fields(kind))}
    if low in by_label:
        return by_label[low]
    if low in by_name:
        return by_name[low]
    if low.startswith("fields.") and re.fullmatch(r"fields\.[A-Za-z_]\w*", name.strip(), re.IGNORECASE):
        return "fields." + name.strip()[len("fields.") :]
    if kind in ACTIVITY_KINDS:
        return _RELATED.get(low) or (low if low in _RELATED.values() else None)
    return None


def placeholders(template: str, kind: Kind) -> list[Placeholder]:
    """All placeholders of a template, in order, known or not."""
    return [Placeholder(m.group(1), column_of(m.group(1), kind)) for m in _PLACEHOLDER.finditer(template)]


def problems(template: str, kind: Kind) -> list[str]:
    """Why a template cannot be used, in plain sentences; empty where it can."""
    unknown = [p.text for p in placeholders(template, kind) if p.column is None]
    if unknown:
        return [f"{{{{{name}}}}} is not a field of a {kind.value.replace('_', ' ')}." for name in unknown]
    try:
        _pieces(template, kind)
    except TemplateProblem as problem:
        return [str(problem)]
    return []


def sources(template: str, kind: Kind) -> list[str]:
    """The columns a template reads."""
    return list(dict.fromkeys(p.column for p in placeholders(template, kind) if p.column is not None))


def render(template: str, kind: Kind, values: Mapping[str, str | None]) -> str:
    """One record's text, by jinja; ``values`` are display texts by column, an empty one renders as nothing.

    Raises:
        TemplateProblem: the template has an unknown placeholder or is not well formed.
    """
    _pieces(template, kind)
    source, names = _rewrite(template, kind)
    bound = {name: values.get(column) for name, column in names.items()}
    text: str = _jinja(source).render(bound)
    return text.rstrip(_BLANKS)


def compile_template(template: str, kind: Kind, place: Place) -> pl.Expr:
    """The template as an expression over a frame; a column the frame does not have renders as nothing.

    Raises:
        TemplateProblem: the template has an unknown placeholder or is not well formed.
    """
    parts = [p if isinstance(p, str) else _piece(p, place) for p in _pieces(template, kind)]
    exprs = [pl.lit(p) if isinstance(p, str) else p for p in parts]
    return canonical.tidy(pl.concat_str(exprs)) if exprs else pl.lit(None, dtype=pl.String)


@dataclass(frozen=True, slots=True)
class _Slot:
    column: str
    filters: tuple[tuple[str, str], ...]


def _piece(slot: _Slot, place: Place) -> pl.Expr:
    value = display(slot.column, place)
    for name, argument in slot.filters:
        if name == "default":
            value = pl.when(value.str.len_bytes() > 0).then(value).otherwise(pl.lit(argument))
        elif name == "lower":
            value = value.str.to_lowercase()
        elif name == "upper":
            value = value.str.to_uppercase()
        else:
            value = value.str.strip_chars(_BLANKS)
    return value


def display(column: str, place: Place) -> pl.Expr:
    """A column as people read it in a text: instants on the clock of the zone; nothing where it is null."""
    if column == "user" and place.has("user_name"):
        column = "user_name"
    if not place.has(column):
        return pl.lit("")
    dtype = place.schema[column]
    value = pl.col(column)
    if isinstance(dtype, pl.Datetime):
        shown = place.local(canonical.utc(value, dtype), lambda e: e.dt.strftime("%Y-%m-%d %H:%M"))
    else:
        shown = value if dtype == pl.String else canonical.text_of(value, dtype)
    return shown.fill_null("")


def _rewrite(template: str, kind: Kind) -> tuple[str, dict[str, str]]:
    """The template with plain names in place of labels, and the column of each name."""
    names: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        column = column_of(match.group(1), kind)
        if column is None:
            raise TemplateProblem(f"{{{{{match.group(1)}}}}} is not a field of a {kind.value.replace('_', ' ')}.")
        name = next((n for n, c in names.items() if c == column), f"v{len(names)}")
        names[name] = column
        return "{{ " + name + " " + (match.group(2) or "") + " }}"

    return _PLACEHOLDER.sub(plain, template), names


@lru_cache(maxsize=256)
def _jinja(source: str) -> Any:
    try:
        return _ENV.from_string(source)
    except TemplateSyntaxError as error:
        raise TemplateProblem(f"The template is not well formed: {error.message}") from None


@lru_cache(maxsize=256)
def _pieces(template: str, kind: Kind) -> tuple[str | _Slot, ...]:
    source, names = _rewrite(template, kind)
    _jinja(source)
    out: list[str | _Slot] = []
    for node in _ENV.parse(source).body:
        if not isinstance(node, nodes.Output):
            raise TemplateProblem("A template holds only text and placeholders such as {{Subject}}.")
        out.extend(_slot(part, names) for part in node.nodes)
    return tuple(out)


def _slot(node: nodes.Expr, names: Mapping[str, str]) -> str | _Slot:
    if isinstance(node, nodes.TemplateData):
        return node.data
    filters: list[tuple[str, str]] = []
    while isinstance(node, nodes.Filter) and node.node is not None:
        filters.append((node.name, _argument(node)))
        node = node.node
    if not isinstance(node, nodes.Name) or node.name not in names:
        raise TemplateProblem("A placeholder holds one field, and filters such as | upper.")
    return _Slot(names[node.name], tuple(reversed(filters)))


def _argument(node: nodes.Filter) -> str:
    if node.name not in _FILTERS:
        raise TemplateProblem(f"There is no filter {node.name}; use one of {', '.join(sorted(_FILTERS))}.")
    wanted = 1 if node.name == "default" else 0
    if len(node.args) != wanted or node.kwargs or node.dyn_args or node.dyn_kwargs:
        raise TemplateProblem(f"The filter {node.name} takes {'one text' if wanted else 'nothing'}.")
    if not wanted:
        return ""
    value = node.args[0]
    if not isinstance(value, nodes.Const) or not isinstance(value.value, str):
        raise TemplateProblem("default takes a text in quotes.")
    return value.value
