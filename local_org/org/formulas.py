"""Compiles formula fields and roll-up summaries to SQL that works them out when they are read.

What is read is never stored: when a parent, a child or the day changes, the value changes, and no stamp of the record
moves, as in Salesforce. Missing numbers count as zero, missing texts as empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from local_org.org.activities import local_day
from local_org.org.model import Field, Rollup, Schema, SObject
from local_org.org.store import quoted

DEPTH = 10
"""Formulas that may refer to one another, and parents that a path may climb."""
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<name>[A-Za-z_$][\w.]*)"""
    r"""|(?P<symbol><=|>=|<>|!=|==|&&|\|\||[-+*/^&=<>(),!]))""",
    re.X,
)
_KINDS = {
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    **dict.fromkeys(("int", "long", "double", "currency", "percent"), "number"),
}
_COMPARE = {"=": "IS", "==": "IS", "<>": "IS NOT", "!=": "IS NOT", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_ROLLUP_OPERATORS = frozenset({"=", "!=", "<", "<=", ">", ">="})


class Term(NamedTuple):
    """A compiled expression: its SQL, and whether it is a number, text, boolean, date or datetime."""

    sql: str
    kind: str


@dataclass(frozen=True, slots=True)
class Moment:
    """What TODAY and NOW mean: seconds since 1970, seen in a time zone."""

    now: int
    time_zone: str = "UTC"

    @property
    def today(self) -> str:
        """The calendar date."""
        return local_day(self.now, self.time_zone)


def worked_out(schema: Schema, sobject: SObject, f: Field, alias: str, moment: Moment, depth: int = 0) -> str:
    """The SQL of a formula or roll-up of the row that ``alias`` names.

    Raises:
        ValueError: The formula cannot be read, names what does not exist, or refers to itself.
    """
    if depth > DEPTH:
        raise ValueError(f"{sobject.name}.{f.name}: formulas refer to one another in a circle, or too deep")
    if f.rollup is not None:
        return _rolled_up(schema, sobject, f, f.rollup, alias)
    term = _Parser(schema, sobject, f, alias, moment, depth).whole()
    return _as_field(f, term)


def check(schema: Schema) -> None:
    """See that every formula and roll-up of a schema can be worked out.

    Raises:
        ValueError: One cannot; the message names the field.
    """
    for sobject in schema.objects:
        for f in sobject.fields:
            if f.worked_out:
                worked_out(schema, sobject, f, "t", Moment(0))


def _rolled_up(schema: Schema, sobject: SObject, f: Field, rollup: Rollup, alias: str) -> str:
    child = schema.get(rollup.child)
    link = child.field(rollup.reference) if child else None
    if child is None or link is None or sobject.name not in link.reference_to:
        raise ValueError(f"{sobject.name}.{f.name}: {rollup.child}.{rollup.reference} does not name {sobject.name}")
    summed = "*" if rollup.function == "count" else _child_column(child, rollup.field, f)
    kept = "".join(f" AND {_condition(child, f, *condition)}" for condition in rollup.when)
    live = ' AND c."IsDeleted" = 0' if child.field("IsDeleted") else ""
    made = (
        f"(SELECT {rollup.function.upper()}({summed}) FROM {quoted(child.name)} c "
        f'WHERE c.{quoted(link.name)} = {alias}."Id"{live}{kept})'
    )
    return f"COALESCE({made}, 0)" if rollup.function == "sum" else made


def _child_column(child: SObject, name: str | None, f: Field) -> str:
    found = child.field(name or "")
    if found is None or not found.stored:
        raise ValueError(f"{f.name}: {child.name} has no stored field {name} to sum up")
    return f"c.{quoted(found.name)}"


def _condition(child: SObject, f: Field, name: str, operator: str, value: object) -> str:
    if operator not in _ROLLUP_OPERATORS:
        raise ValueError(f"{f.name}: a roll-up compares with {', '.join(sorted(_ROLLUP_OPERATORS))}, not {operator!r}")
    literal = int(value) if isinstance(value, bool) else value if isinstance(value, int | float) else _text(str(value))
    return f"{_child_column(child, name, f)} {_COMPARE[operator]} {literal}"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _as_field(f: Field, term: Term) -> str:
    """The value in the form in which a field of this type is stored."""
    kind = _KINDS.get(f.type, "text")
    if kind != term.kind:
        raise ValueError(f"{f.name}: the formula gives a {term.kind}, the field is a {f.type}")
    if kind == "number":
        return f"CAST(ROUND({term.sql}, {f.scale}) AS {'INTEGER' if f.type in ('int', 'long') else 'REAL'})"
    if kind == "text":
        return f"NULLIF({term.sql}, '') COLLATE NOCASE"
    return term.sql


class _Parser:
    """Reads one formula by recursive descent and compiles as it goes."""

    def __init__(self, schema: Schema, sobject: SObject, f: Field, alias: str, moment: Moment, depth: int) -> None:
        self.schema, self.sobject, self.field = schema, sobject, f
        self.alias, self.moment, self.depth = alias, moment, depth
        self.tokens = self._tokens(f.formula or "")
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
        return ValueError(f"{self.sobject.name}.{self.field.name}: the formula {why}")

    def whole(self) -> Term:
        """The whole formula."""
        term = self.choice()
        if self.at < len(self.tokens):
            raise self.wrong(f"goes on at {self.tokens[self.at][1]!r}")
        return term

    def accept(self, *symbols: str) -> str:
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        if kind != "symbol" or text not in symbols:
            return ""
        self.at += 1
        return text

    def expect(self, symbol: str) -> None:
        if not self.accept(symbol):
            raise self.wrong(f"wants {symbol!r}")

    def typed(self, term: Term, kind: str) -> str:
        if term.kind != kind:
            raise self.wrong(f"has a {term.kind} where a {kind} is wanted")
        return term.sql

    def choice(self) -> Term:
        left = self.both()
        while self.accept("||"):
            left = Term(f"({self.typed(left, 'boolean')} OR {self.typed(self.both(), 'boolean')})", "boolean")
        return left

    def both(self) -> Term:
        left = self.comparison()
        while self.accept("&&"):
            left = Term(f"({self.typed(left, 'boolean')} AND {self.typed(self.comparison(), 'boolean')})", "boolean")
        return left

    def comparison(self) -> Term:
        left = self.joined()
        while operator := self.accept(*_COMPARE):
            right = self.joined()
            if left.kind != right.kind:
                raise self.wrong(f"compares a {left.kind} with a {right.kind}")
            left = Term(f"({left.sql} {_COMPARE[operator]} {right.sql})", "boolean")
        return left

    def joined(self) -> Term:
        left = self.total()
        while self.accept("&"):
            left = Term(f"({self.typed(left, 'text')} || {self.typed(self.total(), 'text')})", "text")
        return left

    def total(self) -> Term:
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
        left = self.unary()
        while operator := self.accept("*", "/"):
            right = self.typed(self.unary(), "number")
            divided = f"NULLIF({right}, 0)" if operator == "/" else right
            left = Term(f"({self.typed(left, 'number')} * 1.0 {operator} {divided})", "number")
        return left

    def unary(self) -> Term:
        if self.accept("-"):
            return Term(f"(-{self.typed(self.unary(), 'number')})", "number")
        if self.accept("!"):
            return Term(f"(NOT {self.typed(self.unary(), 'boolean')})", "boolean")
        return self.primary()

    def primary(self) -> Term:
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
            return Term(_text(re.sub(r"\\(.)", r"\1", text[1:-1])), "text")
        if kind != "name":
            raise self.wrong(f"has {text!r} where a value is wanted")
        if text.upper() in ("TRUE", "FALSE"):
            return Term("1" if text.upper() == "TRUE" else "0", "boolean")
        return self.call(text.upper()) if self.accept("(") else self.column(text)

    def call(self, name: str) -> Term:
        args: list[Term] = []
        if not self.accept(")"):
            args.append(self.choice())
            while self.accept(","):
                args.append(self.choice())
            self.expect(")")
        if name in ("TODAY", "NOW"):
            return Term(_text(self.moment.today), "date") if name == "TODAY" else Term(str(self.moment.now), "datetime")
        if name not in _FUNCTIONS:
            raise self.wrong(f"calls {name}, which is not known here")
        try:
            return _FUNCTIONS[name](self, args)
        except (IndexError, TypeError) as few:
            raise self.wrong(f"calls {name} with the wrong number of values") from few

    def column(self, path: str) -> Term:
        """A field of the record, or of a parent by way of its relationship name."""
        sobject, alias = self.sobject, self.alias
        *parents, name = path.split(".")
        if len(parents) > DEPTH:
            raise self.wrong(f"climbs too far: {path}")
        opened: list[str] = []
        for step, relation in enumerate(parents):
            link = next((f for f in sobject.fields if (f.relationship_name or "").lower() == relation.lower()), None)
            target = self.schema.get(link.reference_to[0]) if link and len(link.reference_to) == 1 else None
            if link is None or target is None:
                raise self.wrong(f"names {path}, and {sobject.name} has no parent {relation}")
            inner = f"{self.alias}_{self.depth}_{step}"
            opened.append(f'FROM {quoted(target.name)} {inner} WHERE {inner}."Id" = {alias}.{quoted(link.name)}')
            sobject, alias = target, inner
        f = sobject.field(name)
        if f is None or f.type in ("address", "location"):
            raise self.wrong(f"names {path}, and {sobject.name} has no such field")
        if f.worked_out:
            value = worked_out(self.schema, sobject, f, alias, self.moment, self.depth + 1)
        else:
            value = f"{alias}.{quoted(f.name)}"
        for source in reversed(opened):
            value = f"(SELECT {value} {source})"
        return _filled(value, _KINDS.get(f.type, "text"))


def _filled(sql: str, kind: str) -> Term:
    """Missing numbers are zero, missing texts empty, missing booleans false."""
    blank = {"number": "0", "boolean": "0", "text": "''"}.get(kind)
    return Term(f"COALESCE({sql}, {blank})" if blank else sql, kind)


def _blank(p: _Parser, args: list[Term]) -> Term:
    (one,) = _exactly(args, 1)
    return Term(f"({one.sql} IS '')" if one.kind == "text" else f"({_unfilled(one)} IS NULL)", "boolean")


def _unfilled(one: Term) -> str:
    """A number as the record holds it, without the zero that stands for a missing one."""
    return one.sql[9:-4] if one.sql.startswith("COALESCE(") and one.sql.endswith(", 0)") else one.sql


def _exactly(args: list[Term], count: int) -> list[Term]:
    if len(args) != count:
        raise TypeError
    return args


def _if(p: _Parser, args: list[Term]) -> Term:
    test, yes, no = _exactly(args, 3)
    if yes.kind != no.kind:
        raise p.wrong(f"may give a {yes.kind} or a {no.kind}")
    return Term(f"(CASE WHEN {p.typed(test, 'boolean')} THEN {yes.sql} ELSE {no.sql} END)", yes.kind)


def _case(p: _Parser, args: list[Term]) -> Term:
    subject, *rest = args
    if len(rest) < 3 or len(rest) % 2 == 0 or len({t.kind for t in [*rest[1:-1:2], rest[-1]]}) != 1:
        raise p.wrong("has a CASE whose values do not fit together")
    whens = " ".join(f"WHEN {rest[i].sql} THEN {rest[i + 1].sql}" for i in range(0, len(rest) - 1, 2))
    return Term(f"(CASE {subject.sql} {whens} ELSE {rest[-1].sql} END)", rest[-1].kind)


def _blank_value(p: _Parser, args: list[Term]) -> Term:
    one, other = _exactly(args, 2)
    filled = f"NULLIF({one.sql}, '')" if one.kind == "text" else one.sql
    return Term(f"COALESCE({filled}, {p.typed(other, one.kind)})", one.kind)


def _to_text(p: _Parser, args: list[Term]) -> Term:
    (one,) = _exactly(args, 1)
    if one.kind == "number":
        return Term(f"rtrim(rtrim(printf('%.10f', {one.sql}), '0'), '.')", "text")
    if one.kind == "datetime":
        return Term(f"strftime('%Y-%m-%d %H:%M:%SZ', {one.sql}, 'unixepoch')", "text")
    return Term(f"COALESCE({one.sql}, '')", "text")


def _date_value(p: _Parser, args: list[Term]) -> Term:
    (one,) = _exactly(args, 1)
    return Term(f"date({one.sql}, 'unixepoch')" if one.kind == "datetime" else f"date({one.sql})", "date")


def _logic(word: str) -> Callable[[_Parser, list[Term]], Term]:
    def made(p: _Parser, args: list[Term]) -> Term:
        return Term(f"({f' {word} '.join([p.typed(each, 'boolean') for each in args] or ['0'])})", "boolean")

    return made


def _plain(form: str, given: str, gives: str) -> Callable[[_Parser, list[Term]], Term]:
    """A function of fixed kinds: letters ``n t b d`` for number, text, boolean, date."""
    kinds = {"n": "number", "t": "text", "b": "boolean", "d": "date"}

    def made(p: _Parser, args: list[Term]) -> Term:
        values = [p.typed(arg, kinds[letter]) for arg, letter in zip(_exactly(args, len(given)), given, strict=True)]
        return Term(form.format(*values), gives)

    return made


_FUNCTIONS: dict[str, Callable[[_Parser, list[Term]], Term]] = {
    "IF": _if,
    "CASE": _case,
    "AND": _logic("AND"),
    "OR": _logic("OR"),
    "NOT": _plain("(NOT {0})", "b", "boolean"),
    "ISBLANK": _blank,
    "ISNULL": _blank,
    "BLANKVALUE": _blank_value,
    "ISPICKVAL": _plain("({0} IS {1})", "tt", "boolean"),
    "TEXT": _to_text,
    "DATEVALUE": _date_value,
    "VALUE": _plain("CAST({0} AS REAL)", "t", "number"),
    "LEN": _plain("length({0})", "t", "number"),
    "UPPER": _plain("upper({0})", "t", "text"),
    "LOWER": _plain("lower({0})", "t", "text"),
    "TRIM": _plain("trim({0})", "t", "text"),
    "LEFT": _plain("substr({0}, 1, {1})", "tn", "text"),
    "RIGHT": _plain("substr({0}, -({1}))", "tn", "text"),
    "CONTAINS": _plain("(instr({0}, {1}) > 0)", "tt", "boolean"),
    "BEGINS": _plain("(substr({0}, 1, length({1})) = {1})", "tt", "boolean"),
    "SUBSTITUTE": _plain("replace({0}, {1}, {2})", "ttt", "text"),
    "ROUND": _plain("ROUND({0}, CAST({1} AS INTEGER))", "nn", "number"),
    "ABS": _plain("abs({0})", "n", "number"),
    "MAX": _plain("max({0}, {1})", "nn", "number"),
    "MIN": _plain("min({0}, {1})", "nn", "number"),
    "YEAR": _plain("CAST(strftime('%Y', {0}) AS INTEGER)", "d", "number"),
    "MONTH": _plain("CAST(strftime('%m', {0}) AS INTEGER)", "d", "number"),
    "DAY": _plain("CAST(strftime('%d', {0}) AS INTEGER)", "d", "number"),
}


def moment_of(now: datetime, time_zone: str) -> Moment:
    """The moment of a query."""
    return Moment(int(now.astimezone(UTC).timestamp()), time_zone)
