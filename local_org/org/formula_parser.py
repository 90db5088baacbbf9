"""Reads one formula by recursive descent and compiles it to SQL as it goes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from local_org.org.activities import local_day
from local_org.org.formula_functions import FUNCTIONS, Term
from local_org.org.model import Field, Schema, SObject
from local_org.org.store import quoted

MOST_PARENTS = 10
"""Parents that a path may climb."""
KINDS = {
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    **dict.fromkeys(("int", "long", "double", "currency", "percent"), "number"),
}
"""Kinds of values by field type; all others are texts."""
COMPARE = {"=": "IS", "==": "IS", "<>": "IS NOT", "!=": "IS NOT", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
"""Comparisons, in SQL."""
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<name>[A-Za-z_$][\w.]*)"""
    r"""|(?P<symbol><=|>=|<>|!=|==|&&|\|\||[-+*/^&=<>(),!]))""",
    re.X,
)

Nested = Callable[[SObject, Field, str], str]
"""Compiles a formula or roll-up that a formula names, for the row of an alias."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What TODAY and NOW mean: seconds since 1970, seen in a time zone."""

    now: int
    time_zone: str = "UTC"

    @property
    def today(self) -> str:
        """The calendar date."""
        return local_day(self.now, self.time_zone)


class Place(NamedTuple):
    """Where a formula stands: its field, and the names of the rows that it reads."""

    schema: Schema
    sobject: SObject
    field: Field
    alias: str
    moment: Moment
    prior: str = ""
    """The row as it was before the save, for a rule."""


def text_literal(value: str) -> str:
    """A text as SQL."""
    return "'" + value.replace("'", "''") + "'"


class Parser:
    """One formula on its way to SQL."""

    def __init__(self, place: Place, nested: Nested) -> None:
        self.place, self.nested = place, nested
        self.tokens = self._tokens(place.field.formula or "")
        self.at = 0

    def _tokens(self, text: str) -> list[tuple[str, str]]:
        made, at, end = [], 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.wrong(f"cannot be read at {text[at : at + 20]!r}")
            made.append((match.lastgroup or "", match[match.lastgroup or 0]))
            at = match.end()
        return made

    def wrong(self, why: str) -> ValueError:
        """An error that names the field."""
        return ValueError(f"{self.place.sobject.name}.{self.place.field.name}: the formula {why}")

    def whole(self) -> Term:
        """The whole formula."""
        term = self.choice()
        if self.at < len(self.tokens):
            raise self.wrong(f"goes on at {self.tokens[self.at][1]!r}")
        return term

    def accept(self, *symbols: str) -> str:
        """Take the next token when it is one of these symbols."""
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        if kind != "symbol" or text not in symbols:
            return ""
        self.at += 1
        return text

    def expect(self, symbol: str) -> None:
        """Take a symbol that must stand here."""
        if not self.accept(symbol):
            raise self.wrong(f"wants {symbol!r}")

    def typed(self, term: Term, kind: str) -> str:
        """The SQL of a value that must be of this kind."""
        if term.kind != kind:
            raise self.wrong(f"has a {term.kind} where a {kind} is wanted")
        return term.sql

    def choice(self) -> Term:
        """Conditions of which one must hold."""
        left = self.both()
        while self.accept("||"):
            left = Term(f"({self.typed(left, 'boolean')} OR {self.typed(self.both(), 'boolean')})", "boolean")
        return left

    def both(self) -> Term:
        """Conditions that all must hold."""
        left = self.comparison()
        while self.accept("&&"):
            left = Term(f"({self.typed(left, 'boolean')} AND {self.typed(self.comparison(), 'boolean')})", "boolean")
        return left

    def comparison(self) -> Term:
        """Two values compared."""
        left = self.joined()
        while operator := self.accept(*COMPARE):
            right = self.joined()
            if left.kind != right.kind:
                raise self.wrong(f"compares a {left.kind} with a {right.kind}")
            left = Term(f"({left.sql} {COMPARE[operator]} {right.sql})", "boolean")
        return left

    def joined(self) -> Term:
        """Texts put together."""
        left = self.total()
        while self.accept("&"):
            left = Term(f"({self.typed(left, 'text')} || {self.typed(self.total(), 'text')})", "text")
        return left

    def total(self) -> Term:
        """Sums and differences."""
        left = self.product()
        while operator := self.accept("+", "-"):
            left = self.add(left, operator, self.product())
        return left

    def add(self, left: Term, operator: str, right: Term) -> Term:
        """Sums of numbers, texts put together, days added to dates, spans between dates."""
        if (left.kind, right.kind) == ("text", "text") and operator == "+":
            return Term(f"({left.sql} || {right.sql})", "text")
        if left.kind == "date" and right.kind == "number":
            return Term(f"date({left.sql}, '{operator}' || CAST({right.sql} AS INTEGER) || ' days')", "date")
        if left.kind == "datetime" and right.kind == "number":
            return Term(f"CAST({left.sql} {operator} ({right.sql}) * 86400 AS INTEGER)", "datetime")
        if left.kind == right.kind == "date" and operator == "-":
            return Term(f"(julianday({left.sql}) - julianday({right.sql}))", "number")
        if left.kind == right.kind == "datetime" and operator == "-":
            return Term(f"(({left.sql} - {right.sql}) / 86400.0)", "number")
        return Term(f"({self.typed(left, 'number')} {operator} {self.typed(right, 'number')})", "number")

    def product(self) -> Term:
        """Products and quotients."""
        left = self.unary()
        while operator := self.accept("*", "/"):
            right = self.typed(self.unary(), "number")
            divided = f"NULLIF({right}, 0)" if operator == "/" else right
            left = Term(f"({self.typed(left, 'number')} * 1.0 {operator} {divided})", "number")
        return left

    def unary(self) -> Term:
        """A sign, or a not."""
        if self.accept("-"):
            return Term(f"(-{self.typed(self.unary(), 'number')})", "number")
        if self.accept("!"):
            return Term(f"(NOT {self.typed(self.unary(), 'boolean')})", "boolean")
        return self.primary()

    def primary(self) -> Term:
        """A value, a function, or an expression in brackets."""
        if self.accept("("):
            inner = self.choice()
            self.expect(")")
            return inner
        if self.at >= len(self.tokens):
            raise self.wrong("ends too early")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return Term(text, "number")
        if kind == "text":
            return Term(text_literal(re.sub(r"\\(.)", r"\1", text[1:-1])), "text")
        if kind != "name":
            raise self.wrong(f"has {text!r} where a value is wanted")
        if text.upper() in ("TRUE", "FALSE"):
            return Term("1" if text.upper() == "TRUE" else "0", "boolean")
        return self.call(text.upper()) if self.accept("(") else self.column(text)

    def call(self, name: str) -> Term:
        """A function with its values."""
        if self.place.prior and name in ("ISNEW", "ISCHANGED", "PRIORVALUE"):
            return self.compared(name)
        args: list[Term] = []
        if not self.accept(")"):
            args.append(self.choice())
            while self.accept(","):
                args.append(self.choice())
            self.expect(")")
        if name in ("TODAY", "NOW"):
            return (
                Term(text_literal(self.place.moment.today), "date")
                if name == "TODAY"
                else Term(str(self.place.moment.now), "datetime")
            )
        if name not in FUNCTIONS:
            raise self.wrong(f"calls {name}, which is not known here")
        try:
            return FUNCTIONS[name](self, args)
        except (IndexError, TypeError) as few:
            raise self.wrong(f"calls {name} with the wrong number of values") from few

    def compared(self, name: str) -> Term:
        """What a rule asks about the record as it was before the save."""
        if name == "ISNEW":
            self.expect(")")
            return Term(f'({self.place.prior}."Id" IS NULL)', "boolean")
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        if kind != "name" or "." in text:
            raise self.wrong(f"calls {name} with something else than a field")
        self.at += 1
        self.expect(")")
        before, after = self.column(text, self.place.prior), self.column(text)
        if name == "PRIORVALUE":
            return before
        return Term(f'({self.place.prior}."Id" IS NOT NULL AND {before.sql} IS NOT {after.sql})', "boolean")

    def column(self, path: str, of: str = "") -> Term:
        """A field of the record, or of a parent by way of its relationship name."""
        sobject, alias = self.place.sobject, of or self.place.alias
        *parents, name = path.split(".")
        if len(parents) > MOST_PARENTS:
            raise self.wrong(f"climbs too far: {path}")
        opened: list[str] = []
        for step, relation in enumerate(parents):
            link = next((f for f in sobject.fields if (f.relationship_name or "").lower() == relation.lower()), None)
            target = self.place.schema.get(link.reference_to[0]) if link and len(link.reference_to) == 1 else None
            if link is None or target is None:
                raise self.wrong(f"names {path}, and {sobject.name} has no parent {relation}")
            inner = f"{alias}_{step}"
            opened.append(f'FROM {quoted(target.name)} {inner} WHERE {inner}."Id" = {alias}.{quoted(link.name)}')
            sobject, alias = target, inner
        f = sobject.field(name)
        if f is None or f.type in ("address", "location"):
            raise self.wrong(f"names {path}, and {sobject.name} has no such field")
        value = self.nested(sobject, f, alias) if f.worked_out else f"{alias}.{quoted(f.name)}"
        for source in reversed(opened):
            value = f"(SELECT {value} {source})"
        return _filled(value, KINDS.get(f.type, "text"))


def _filled(sql: str, kind: str) -> Term:
    """Missing numbers are zero, missing texts empty, missing booleans false."""
    blank = {"number": "0", "boolean": "0", "text": "''"}.get(kind)
    return Term(f"COALESCE({sql}, {blank})" if blank else sql, kind)
