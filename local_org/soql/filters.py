"""Compiles WHERE and HAVING to SQL that is never in doubt: SOQL knows true and false, not unknown.

A comparison with a missing value is false, ``!= 'x'`` and ``NOT IN`` also return rows without a value, and NOT is
everything that its condition leaves out. Each compiled condition may be NULL where it does not hold (which keeps
comparisons bare, so that SQLite finds its indexes); a NOT turns that NULL into true.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import product
from math import prod

from local_org.org.ids import is_id, to18
from local_org.soql import faults
from local_org.soql.formats import ORG_CURRENCY
from local_org.soql.functions import uses
from local_org.soql.functions import value as compile_value
from local_org.soql.lexer import datetime_value, like_pattern, string_value
from local_org.soql.nodes import Call, Comparison, Condition, Group, Literal, Not, Path, Query, Values
from local_org.soql.periods import day_range, local_day, midnight
from local_org.soql.scope import Scope, Sql, Value

_IDS = frozenset({"id", "reference"})
_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_TEXTS = frozenset(
    {"string", "picklist", "multipicklist", "combobox", "textarea", "phone", "email", "url", "encryptedstring",
     "anyType"}
)  # fmt: skip
_COMPOUND = frozenset({"address", "location", "base64"})
_QUOTED = _IDS | _TEXTS
_LITERAL_NAMES = {"datetime": "dateTime", "currency": "double", "percent": "double", "long": "int"}
_LONG_TEXT = 255
_MAX_STRING = 4_000
_MAX_VARIANTS = 16
_WHOLE_DIGITS = 18
"""Longer numbers are compared as floats: SQLite's integers end there."""
_DISTANCE = frozenset({"DISTANCE"})
_TRUE, _FALSE = Sql("1"), Sql("0")

JoinCompiler = Callable[[Scope, Value, Query], Sql]
"""Compiles the query of a semi-join to a SELECT of one column."""


class Filter:
    """Compiles conditions against one scope."""

    def __init__(self, scope: Scope, join: JoinCompiler, *, aggregates: bool = False) -> None:
        """Compile against ``scope``; ``aggregates`` are for HAVING."""
        self.scope = scope
        self.context = scope.context
        self.join = join
        self.aggregates = aggregates

    def compile(self, condition: Condition) -> Sql:
        """The condition as an SQL expression that is true exactly where it holds (and false or NULL elsewhere).

        Raises:
            OrgFault: INVALID_FIELD or INVALID_QUERY_FILTER_OPERATOR where a field, operator and value do not go
                together.
        """
        if isinstance(condition, Not):
            if isinstance(condition.item, Not):
                return self.compile(condition.item.item)
            inner = self.compile(condition.item)
            return Sql(f"({inner.text}) IS NOT 1", inner.params)
        if isinstance(condition, Group):
            return joined([self.compile(item) for item in condition.items], condition.connective)
        return self._comparison(condition)

    def _comparison(self, atom: Comparison) -> Sql:
        left = self._left(atom)
        operator = atom.operator
        if isinstance(atom.right, Query):
            return self._semi_join(left, operator, atom.right)
        self._check_operator(left, atom)
        items = atom.right.items if isinstance(atom.right, Values) else (atom.right,)
        if operator in ("INCLUDES", "EXCLUDES"):
            return self._multi(left, operator, items)
        if operator in ("IN", "NOT IN"):
            return self._members(left, operator == "NOT IN", items)
        return self._one(left, operator, items[0])

    def _left(self, atom: Comparison) -> Value:
        if uses(atom.left, frozenset({"FORMAT"})):
            raise faults.malformed(self.context.text, atom.pos, "FORMAT function is not allowed in a filter")
        value = compile_value(self.scope, atom.left)
        if value.aggregate and not self.aggregates:
            raise faults.malformed(self.context.text, atom.pos, "Aggregate functions are not allowed in a WHERE clause")
        f = value.field
        long_text = f is not None and f.type == "textarea" and f.length > _LONG_TEXT
        if f is not None and not value.aggregate and (value.type in _COMPOUND or long_text or not f.filterable):
            message = f"field '{f.name}' can not be filtered in a query call"
            raise faults.invalid_field(self.context.text, atom.pos, message)
        if value.type == "boolean" and value.joined:
            # A missing parent counts as unticked.
            return Value(Sql(f"COALESCE({value.sql.text}, 0)", value.sql.params), "boolean", value.path, f)
        return value

    def _check_operator(self, left: Value, atom: Comparison) -> None:
        operator = atom.operator
        wrong = (
            (left.type == "boolean" and operator not in ("=", "!=", "IN", "NOT IN"))
            or (uses(atom.left, _DISTANCE) and operator not in ("<", ">"))
            or (operator == "LIKE" and left.type not in _TEXTS)
            or (operator in ("INCLUDES", "EXCLUDES") and left.type != "multipicklist")
            or (left.type == "multipicklist" and operator in ("<", "<=", ">", ">="))
        )
        if wrong:
            kind = "id" if left.type in _IDS else left.type
            raise faults.invalid_operator(self.context.text, atom.pos, f"invalid operator on {kind} field")

    # One value.

    def _one(self, left: Value, operator: str, literal: Literal) -> Sql:
        if literal.kind == "null" or (literal.kind == "string" and not literal.text and left.type in _QUOTED):
            return self._null(left, operator)
        if operator == "LIKE":
            return self._like(left, literal)
        if literal.kind == "range":
            return self._range(left, operator, literal)
        value = self.bind(left, literal)
        if left.type == "boolean":
            return _flag(left, operator, value)
        if operator in ("=", "!=") and len(self._spellings(left, literal)) > 1:
            return self._members(left, operator == "!=", (literal,))
        return _compare(left, operator, value)

    def _null(self, left: Value, operator: str) -> Sql:
        if operator == "=":
            return Sql(f"{left.sql.text} IS NULL", left.sql.params)
        if operator == "!=":
            return Sql(f"{left.sql.text} IS NOT NULL", left.sql.params)
        return _FALSE

    def _like(self, left: Value, literal: Literal) -> Sql:
        pattern, escaped = like_pattern(literal.text)
        escape = " ESCAPE '\\'" if escaped else ""
        form = f"{left.sql.text} LIKE ?{escape}"
        return joined([Sql(form, (*left.sql.params, p)) for p in case_variants(pattern)], "OR")

    def _range(self, left: Value, operator: str, literal: Literal) -> Sql:
        if left.type not in ("date", "datetime"):
            raise self._wrong_type(left, literal)
        zone = self.context.access.time_zone
        days = day_range(literal.text, local_day(self.context.now, zone), self.context.access.first_weekday)
        start, end = (midnight(d, zone) for d in days) if left.type == "datetime" else (d.isoformat() for d in days)
        text, params = left.sql.text, left.sql.params
        if operator == "=":
            return Sql(f"({text} >= ? AND {text} < ?)", (*params, start, *params, end))
        if operator == "!=":
            return Sql(f"({text} < ? OR {text} >= ? OR {text} IS NULL)", (*params, start, *params, end, *params))
        edge = start if operator in ("<", ">=") else end
        form = {"<": "<", ">=": ">=", "<=": "<", ">": ">="}[operator]
        return Sql(f"{text} {form} ?", (*params, edge))

    # Several values.

    def _members(self, left: Value, outside: bool, items: tuple[Literal, ...]) -> Sql:
        ranges = [i for i in items if i.kind == "range"]
        empty = [i for i in items if i.kind == "null" or (i.kind == "string" and not i.text and left.type in _QUOTED)]
        plain = [v for i in items if i not in ranges and i not in empty for v in self._spellings(left, i)]
        text, params = left.sql.text, left.sql.params
        parts = [self._one(left, "!=" if outside else "=", i) for i in ranges]
        marks = ", ".join("?" for _ in plain)
        if not outside:
            if plain:
                parts.append(Sql(f"{text} IN ({marks})", (*params, *plain)))
            if empty:
                parts.append(Sql(f"{text} IS NULL", params))
            return joined(parts, "OR")
        if plain:
            sql = Sql(f"{text} NOT IN ({marks})", (*params, *plain))
            parts.append(_or_null(left, sql))
        if empty:
            parts.append(Sql(f"{text} IS NOT NULL", params))
        return joined(parts, "AND")

    def _multi(self, left: Value, operator: str, items: tuple[Literal, ...]) -> Sql:
        """INCLUDES: one of the items, each of which may ask for several values at once with ``;``."""
        options: list[Sql] = []
        for item in items:
            if item.kind == "null" or not item.text:
                options.append(self._null(left, "="))
                continue
            if item.kind != "string":
                raise self._wrong_type(left, item)
            values = [v for v in string_value(item.text).split(";") if v]
            options.append(joined([_value_of_list(left, v) for v in values], "AND"))
        found = joined(options, "OR")
        return found if operator == "INCLUDES" else Sql(f"({found.text}) IS NOT 1", found.params)

    # Semi-joins.

    def _semi_join(self, left: Value, operator: str, query: Query) -> Sql:
        inner = self.join(self.scope, left, query)
        text, params = left.sql.text, left.sql.params
        if operator == "IN":
            return Sql(f"{text} IN ({inner.text})", (*params, *inner.params))
        return Sql(f"({text} NOT IN ({inner.text}) OR {text} IS NULL)", (*params, *inner.params, *params))

    # Values.

    def bind(self, left: Value, literal: Literal) -> object:
        """The SQLite value of a literal that is compared with a field.

        Raises:
            OrgFault: INVALID_FIELD when the literal is not of the field's type, INVALID_QUERY_FILTER_OPERATOR for
                what should be an Id and is none.
        """
        kind, text = literal.kind, literal.text
        if left.type in _IDS and kind == "string":
            return self._id(literal)
        if left.type in _TEXTS and kind == "string":
            return self._text(literal)
        if left.type == "boolean" and kind == "boolean":
            return int(text == "TRUE")
        if left.type in _NUMBERS and kind == "number":
            return int(text) if text.lstrip("+-").isdigit() and len(text) <= _WHOLE_DIGITS else float(text)
        if left.type == "currency" and kind == "currency":
            return self._amount(literal)
        if left.type == "date" and kind == "date":
            return text
        if left.type == "datetime" and kind == "datetime":
            return _seconds(datetime_value(text))
        if left.type == "time" and kind == "time":
            return _clock(text)
        raise self._wrong_type(left, literal)

    def _spellings(self, left: Value, literal: Literal) -> list[object]:
        """The values that count as equal to a literal."""
        value = self.bind(left, literal)
        folded = left.type in _TEXTS and not (left.field is not None and left.field.case_sensitive)
        return list(case_variants(value)) if folded and isinstance(value, str) else [value]

    def _id(self, literal: Literal) -> str:
        text = string_value(literal.text)
        if not is_id(text):
            raise faults.invalid_operator(self.context.text, literal.pos, f"invalid ID field: {text}")
        return to18(text)

    def _amount(self, literal: Literal) -> float:
        """An amount with its currency: this org has one, and knows no rates for others."""
        if literal.text[:3] != ORG_CURRENCY:
            message = f"invalid currency code: {literal.text[:3]}"
            raise faults.malformed(self.context.text, literal.pos, message)
        return float(literal.text[3:])

    def _text(self, literal: Literal) -> str:
        text = string_value(literal.text)
        if len(text) > _MAX_STRING:
            message = f"string literal is longer than {_MAX_STRING} characters"
            raise faults.malformed(self.context.text, literal.pos, message)
        return text

    def _wrong_type(self, left: Value, literal: Literal) -> Exception:
        wanted = _LITERAL_NAMES.get(left.type, "string" if left.type in _TEXTS else left.type)
        quotes = "should be enclosed" if left.type in _QUOTED else "should not be enclosed"
        message = (
            f"value of filter criterion for field '{left.path[-1] if left.path else 'COUNT'}' must be of type "
            f"{'id' if left.type in _IDS else wanted} and {quotes} in quotes"
        )
        return faults.invalid_field(self.context.text, literal.pos, message)


def joined(parts: list[Sql], connective: str) -> Sql:
    """Parts joined as a balanced tree: SQLite bounds the depth of an expression, and long ORs are common."""
    if not parts:
        return _TRUE if connective == "AND" else _FALSE
    if len(parts) == 1:
        return parts[0]
    if len(parts) <= 8:
        text = f" {connective} ".join(p.text for p in parts)
        return Sql(f"({text})", tuple(v for p in parts for v in p.params))
    middle = len(parts) // 2
    return joined([joined(parts[:middle], connective), joined(parts[middle:], connective)], connective)


def case_variants(text: str) -> tuple[str, ...]:
    """The spellings of a text that differ in the case of letters beyond ASCII.

    SQLite's NOCASE and LIKE fold ASCII alone; naming the others keeps the comparison bare, so that indexes serve it.
    A text with many such letters is looked up as written, in lower and in upper case.
    """
    choices = [
        (char,)
        if char.isascii()
        else tuple(dict.fromkeys(c for c in (char, char.lower(), char.upper()) if len(c) == 1))
        for char in text
    ]
    if prod(len(c) for c in choices) > _MAX_VARIANTS:
        return tuple(dict.fromkeys((text, text.lower(), text.upper())))
    return tuple("".join(chars) for chars in product(*choices))


def semi_joins(condition: Condition | None) -> list[Comparison]:
    """Every semi-join and anti-join of a condition."""
    if isinstance(condition, Comparison):
        return [condition] if isinstance(condition.right, Query) else []
    if isinstance(condition, Not):
        return semi_joins(condition.item)
    return [found for item in condition.items for found in semi_joins(item)] if condition else []


def under_or(condition: Condition | None, inside: bool = False) -> list[Comparison]:
    """The semi-joins that stand inside an OR."""
    if isinstance(condition, Comparison):
        return [condition] if inside and isinstance(condition.right, Query) else []
    if isinstance(condition, Not):
        return under_or(condition.item, inside)
    if condition is None:
        return []
    return [f for item in condition.items for f in under_or(item, inside or condition.connective == "OR")]


def operands(condition: Condition) -> list[Path | Call]:
    """What stands on the left of every comparison."""
    if isinstance(condition, Comparison):
        return [condition.left]
    if isinstance(condition, Not):
        return operands(condition.item)
    return [found for item in condition.items for found in operands(item)]


def _compare(left: Value, operator: str, value: object) -> Sql:
    sql = Sql(f"{left.sql.text} {'<>' if operator == '!=' else operator} ?", (*left.sql.params, value))
    return _or_null(left, sql) if operator == "!=" else sql


def _flag(left: Value, operator: str, value: object) -> Sql:
    """A checkbox: written as a constant, so that SQLite sees which partial index holds the ticked rows.

    Nearly every row is unticked; there an index would only mislead the planner, and the plus keeps it away.
    """
    ticked = bool(value) == (operator == "=")
    return Sql(f"{left.sql.text} = 1" if ticked else f"+{left.sql.text} = 0", left.sql.params)


def _or_null(left: Value, sql: Sql) -> Sql:
    if left.field is not None and not left.field.nillable and not left.joined and not left.aggregate:
        return sql
    return Sql(f"({sql.text} OR {left.sql.text} IS NULL)", (*sql.params, *left.sql.params))


def _value_of_list(left: Value, value: str) -> Sql:
    """Whether a multi-select picklist holds the value."""
    form = f"';' || {left.sql.text} || ';' LIKE ? ESCAPE '\\'"
    return joined([Sql(form, (*left.sql.params, f"%;{_like_text(v)};%")) for v in case_variants(value)], "OR")


def _like_text(value: str) -> str:
    return value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _seconds(moment: datetime) -> int | float:
    stamp = moment.timestamp()
    return int(stamp) if stamp.is_integer() else stamp


def _clock(text: str) -> str:
    whole, _, fraction = text.rstrip("zZ").partition(".")
    return f"{whole}.{fraction[:3]:0<3}Z"
