"""The syntax tree of a SOQL query: frozen values that say what was written, before any name is looked up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal as OneOf

LiteralKind = OneOf["string", "number", "boolean", "null", "date", "datetime", "time", "range", "currency"]
"""``range`` is a date literal such as ``TODAY`` or ``LAST_N_DAYS:7``, ``currency`` an amount such as ``USD5000``."""


@dataclass(frozen=True, slots=True)
class Path:
    """A field path as written, ``Account.Owner.Name`` split at the dots."""

    parts: tuple[str, ...]
    pos: int = field(default=0, compare=False)

    @property
    def text(self) -> str:
        """The path with its dots."""
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Call:
    """A function call: an aggregate, a date function, ``toLabel``, ``FIELDS`` and their like."""

    name: str
    """Upper case."""
    args: tuple[Expr, ...]
    pos: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal; ``text`` is its source (for a string: what stands between the quotes, still escaped)."""

    kind: LiteralKind
    text: str
    pos: int = field(default=0, compare=False)


Expr = Path | Call | Literal
"""What may stand on the left of an operator or in a SELECT list; literals only as arguments of a function."""


@dataclass(frozen=True, slots=True)
class Values:
    """The bracketed list after IN, INCLUDES and EXCLUDES."""

    items: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One atom of a WHERE or HAVING clause; a ``Query`` on the right is a semi-join or anti-join."""

    left: Path | Call
    operator: str
    """One of ``= != < <= > >= LIKE IN NOT IN INCLUDES EXCLUDES``."""
    right: Literal | Values | Query
    pos: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """A negated condition."""

    item: Condition


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined by one connective."""

    connective: OneOf["AND", "OR"]
    items: tuple[Condition, ...]


Condition = Comparison | Not | Group


@dataclass(frozen=True, slots=True)
class Selected:
    """A field or function in a SELECT list, with its alias."""

    expr: Path | Call
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Subselect:
    """A child query in a SELECT list."""

    query: Query
    pos: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class When:
    """One branch of a TYPEOF."""

    sobject: str
    fields: tuple[Path, ...]
    pos: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Typeof:
    """``TYPEOF What WHEN Account THEN Phone ELSE Name END``."""

    path: Path
    whens: tuple[When, ...]
    otherwise: tuple[Path, ...] = ()


SelectItem = Selected | Subselect | Typeof


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of FROM: the object (or, after the first, a relationship path) and its alias."""

    path: Path
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One ORDER BY entry."""

    expr: Path | Call
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class GroupBy:
    """The GROUP BY clause, plain or with ROLLUP or CUBE."""

    exprs: tuple[Path | Call, ...]
    mode: OneOf["", "ROLLUP", "CUBE"] = ""


@dataclass(frozen=True, slots=True)
class Category:
    """One condition of WITH DATA CATEGORY: ``Geography__c ABOVE_OR_BELOW (usa__c, uk__c)``."""

    group: str
    selector: str
    """One of ``AT ABOVE BELOW ABOVE_OR_BELOW``."""
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A whole SELECT."""

    select: tuple[SelectItem, ...]
    sources: tuple[Source, ...]
    scope: str | None = None
    where: Condition | None = None
    security: str | None = None
    """The word after WITH: SECURITY_ENFORCED, USER_MODE or SYSTEM_MODE."""
    group_by: GroupBy | None = None
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int | None = None
    purposes: tuple[str, ...] = ()
    """The words after FOR: VIEW, REFERENCE, UPDATE."""
    updates: tuple[str, ...] = ()
    """The words after UPDATE: TRACKING, VIEWSTAT."""
    all_rows: bool = False
    categories: tuple[Category, ...] = ()
    """The conditions of WITH DATA CATEGORY."""
    pos: int = field(default=0, compare=False)
    marks: tuple[tuple[str, int], ...] = field(default=(), compare=False)
    """Where clauses began, for messages that point at one."""

    def mark(self, clause: str) -> int:
        """The position of a clause, or of the query when it has none."""
        return dict(self.marks).get(clause, self.pos)
