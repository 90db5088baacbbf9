"""Reads the text of a query into its syntax tree, by recursive descent, and says where it stopped making sense."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from local_org.soql import faults
from local_org.soql.lexer import Token, date_value, datetime_value, is_currency, tokenize
from local_org.soql.nodes import (
    Call,
    Category,
    Comparison,
    Condition,
    Expr,
    Group,
    GroupBy,
    Literal,
    LiteralKind,
    Not,
    Order,
    Path,
    Query,
    Selected,
    SelectItem,
    Source,
    Subselect,
    Typeof,
    Values,
    When,
)
from local_org.soql.periods import RANGE_NAMES, RANGE_NAMES_N

MAX_LENGTH = 100_000
"""Characters that a statement may have."""
MAX_DEPTH = 100
"""Brackets and NOTs that may be open at once."""
MAX_DIGITS = 18
"""Digits of a LIMIT, an OFFSET and the number of a date literal."""

_RESERVED = frozenset(
    {"AND", "ASC", "DESC", "EXCLUDES", "FROM", "HAVING", "IN", "INCLUDES", "LIKE", "LIMIT", "NOT", "NULL", "NULLS",
     "OR", "SELECT", "USING", "WHERE", "WITH"}
)  # fmt: skip
"""Words that name neither field nor object."""
_NO_ALIAS = _RESERVED | {"FIRST", "GROUP", "LAST"}
"""The words that Salesforce reserves; objects and fields are called Group, Order and the like, aliases are not."""
_AFTER_SOURCE = _NO_ALIAS | {"ORDER", "OFFSET", "FOR", "UPDATE", "ALL"}
"""Words that begin a clause where an alias might stand."""
_COMPARE = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})
_PURPOSES = frozenset({"VIEW", "REFERENCE", "UPDATE"})
_TRACKERS = frozenset({"TRACKING", "VIEWSTAT"})
_SECURITY = frozenset({"SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"})
_SELECTORS = frozenset({"AT", "ABOVE", "BELOW", "ABOVE_OR_BELOW"})

T = TypeVar("T")


def parse(text: str) -> Query:
    """The syntax tree of a query.

    Raises:
        OrgFault: MALFORMED_QUERY in Salesforce's layout, pointing at the first token that cannot stand there.
    """
    if len(text) > MAX_LENGTH:
        raise faults.malformed(text, 0, f"SOQL statements cannot be longer than {MAX_LENGTH} characters.")
    parser = _Parser(text)
    query = parser.query()
    parser.expect_end()
    return query


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0
        self.depth = 0

    # Moving through the tokens.

    @property
    def here(self) -> Token:
        return self.tokens[self.index]

    def peek(self, ahead: int = 1) -> Token:
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.here
        if token.kind != "end":
            self.index += 1
        return token

    def accept(self, *words: str) -> bool:
        """Takes the next tokens when they are exactly these words or symbols."""
        if any(self.peek(i).upper != word for i, word in enumerate(words)):
            return False
        self.index += len(words)
        return True

    def expect(self, word: str) -> Token:
        if self.here.upper != word:
            raise self.unexpected()
        return self.take()

    def expect_end(self) -> None:
        if self.here.kind != "end":
            raise self.unexpected()

    def unexpected(self) -> Exception:
        token = self.here
        return faults.unexpected(self.text, token.pos, token.text)

    def word(self) -> Token:
        """A word without a dot."""
        if self.here.kind != "word" or "." in self.here.text:
            raise self.unexpected()
        return self.take()

    def listed(self, item: Callable[[], T]) -> tuple[T, ...]:
        """One or more items between commas."""
        items = [item()]
        while self.accept(","):
            items.append(item())
        return tuple(items)

    # The clauses.

    def query(self) -> Query:
        start = self.expect("SELECT").pos
        marks: dict[str, int] = {}
        select = self.listed(self.select_item)
        self.expect("FROM")
        sources = self.listed(self.source)
        scope = self.word().text if self.accept("USING", "SCOPE") else None
        where = self.condition() if self.accept("WHERE") else None
        marks["WITH"] = self.here.pos
        categories = self.categories() if self.accept("WITH", "DATA", "CATEGORY") else ()
        security = self.one_of(_SECURITY) if not categories and self.accept("WITH") else None
        marks["GROUP"] = self.here.pos
        group_by = self.group_by() if self.accept("GROUP", "BY") else None
        having = self.condition() if group_by and self.accept("HAVING") else None
        order_by = self.listed(self.order) if self.accept("ORDER", "BY") else ()
        marks["LIMIT"] = self.here.pos
        limit = self.count() if self.accept("LIMIT") else None
        marks["OFFSET"] = self.here.pos
        offset = self.count() if self.accept("OFFSET") else None
        purposes = self.purposes()
        updates = self.listed(lambda: self.one_of(_TRACKERS)) if self.accept("UPDATE") else ()
        marks["ALL"] = self.here.pos
        return Query(
            select,
            sources,
            scope,
            where,
            security,
            group_by,
            having,
            order_by,
            limit,
            offset,
            purposes,
            updates,
            all_rows=self.accept("ALL", "ROWS"),
            categories=categories,
            pos=start,
            marks=tuple(marks.items()),
        )

    def one_of(self, words: frozenset[str]) -> str:
        if self.here.upper not in words:
            raise self.unexpected()
        return self.take().upper

    def categories(self) -> tuple[Category, ...]:
        found = [self.category()]
        while self.accept("AND"):
            found.append(self.category())
        return tuple(found)

    def category(self) -> Category:
        group, selector = self.word().text, self.one_of(_SELECTORS)
        if not self.accept("("):
            return Category(group, selector, (self.word().text,))
        names = self.listed(lambda: self.word().text)
        self.expect(")")
        return Category(group, selector, names)

    def purposes(self) -> tuple[str, ...]:
        found: list[str] = []
        while self.accept("FOR"):
            found.extend(self.listed(lambda: self.one_of(_PURPOSES)))
        return tuple(found)

    def count(self) -> int:
        if self.here.kind != "number" or not self.here.text.isdigit() or len(self.here.text) > MAX_DIGITS:
            raise self.unexpected()
        return int(self.take().text)

    def source(self) -> Source:
        if self.here.kind != "word":
            raise self.unexpected()
        path = self.path()
        if self.accept("AS") or (self.here.kind == "word" and self.here.upper not in _AFTER_SOURCE):
            return Source(path, self.alias())
        return Source(path)

    def alias(self) -> str:
        if self.here.upper in _NO_ALIAS:
            raise self.unexpected()
        return self.word().text

    def group_by(self) -> GroupBy:
        for mode in ("ROLLUP", "CUBE"):
            if self.here.upper == mode and self.peek().text == "(":
                self.take()
                self.expect("(")
                exprs = self.listed(self.operand)
                self.expect(")")
                return GroupBy(exprs, "ROLLUP" if mode == "ROLLUP" else "CUBE")
        return GroupBy(self.listed(self.operand))

    def order(self) -> Order:
        expr = self.operand()
        descending = self.accept("DESC")
        if not descending:
            self.accept("ASC")
        nulls_last = False
        if self.accept("NULLS"):
            nulls_last = self.one_of(frozenset({"FIRST", "LAST"})) == "LAST"
        return Order(expr, descending, nulls_last)

    # SELECT items and expressions.

    def select_item(self) -> SelectItem:
        if self.here.text == "(" and self.here.kind == "symbol":
            return self.subselect()
        if self.here.upper == "TYPEOF" and self.peek().kind == "word" and self.peek().upper != "FROM":
            return self.typeof()
        expr = self.operand()
        if self.here.kind == "word" and self.here.upper != "FROM":
            return Selected(expr, self.alias())
        return Selected(expr)

    def subselect(self) -> Subselect:
        start = self.take().pos
        with self.nested():
            query = self.query()
        self.expect(")")
        return Subselect(query, start)

    def typeof(self) -> Typeof:
        self.expect("TYPEOF")
        path = self.path()
        whens: list[When] = []
        while self.here.upper == "WHEN" or not whens:
            self.expect("WHEN")
            sobject = self.word()
            self.expect("THEN")
            whens.append(When(sobject.text, self.listed(self.path), sobject.pos))
        otherwise = self.listed(self.path) if self.accept("ELSE") else ()
        self.expect("END")
        return Typeof(path, tuple(whens), otherwise)

    def path(self) -> Path:
        token = self.here
        if token.kind != "word" or token.upper in _RESERVED:
            raise self.unexpected()
        self.take()
        return Path(tuple(token.text.split(".")), token.pos)

    def operand(self) -> Path | Call:
        """A field path or a function call."""
        if self.here.kind == "word" and self.peek().text == "(" and self.peek().kind == "symbol":
            return self.call()
        return self.path()

    def call(self) -> Call:
        name = self.word()
        if name.upper in _RESERVED:
            raise faults.unexpected(self.text, name.pos, name.text)
        self.expect("(")
        args: tuple[Expr, ...] = ()
        with self.nested():
            if self.here.text != ")" or self.here.kind != "symbol":
                args = self.listed(self.argument)
        if not args and name.upper != "COUNT":
            raise self.unexpected()
        self.expect(")")
        return Call(name.upper, args, name.pos)

    def argument(self) -> Expr:
        if self.here.kind in ("string", "number"):
            return self.literal()
        return self.operand()

    # Conditions.

    def condition(self) -> Condition:
        items = [self.simple()]
        connective = self.here.upper
        if connective not in ("AND", "OR"):
            return items[0]
        while self.here.upper == connective:
            self.take()
            items.append(self.simple())
        if self.here.upper in ("AND", "OR"):
            # Salesforce gives AND and OR no order of precedence: mixing them asks for parentheses.
            raise self.unexpected()
        return Group("AND" if connective == "AND" else "OR", tuple(items))

    def simple(self) -> Condition:
        if self.here.upper == "NOT":
            self.take()
            with self.nested():
                return Not(self.simple())
        if self.here.text == "(" and self.here.kind == "symbol":
            self.take()
            with self.nested():
                inner = self.condition()
            self.expect(")")
            return inner
        return self.comparison()

    def comparison(self) -> Comparison:
        left = self.operand()
        pos = left.pos
        operator = self.here.upper
        if operator in _COMPARE:
            self.take()
            return Comparison(left, "!=" if operator == "<>" else operator, self.literal(), pos)
        if operator == "LIKE":
            self.take()
            if self.here.kind != "string":
                raise self.unexpected()
            return Comparison(left, "LIKE", self.literal(), pos)
        if operator in ("INCLUDES", "EXCLUDES"):
            self.take()
            return Comparison(left, operator, self.values(), pos)
        if self.accept("NOT", "IN"):
            return Comparison(left, "NOT IN", self.set_operand(), pos)
        if self.accept("IN"):
            return Comparison(left, "IN", self.set_operand(), pos)
        raise self.unexpected()

    def set_operand(self) -> Values | Query:
        if self.here.text == "(" and self.peek().upper == "SELECT":
            return self.subselect().query
        return self.values()

    def values(self) -> Values:
        self.expect("(")
        items = self.listed(self.literal)
        self.expect(")")
        return Values(items)

    def literal(self) -> Literal:
        token = self.here
        kind: LiteralKind | None = _plain_kind(token)
        if kind is None:
            raise self.unexpected()
        self.take()
        if kind == "range" and token.upper in RANGE_NAMES_N:
            self.expect(":")
            return Literal(kind, f"{token.upper}:{self.count()}", token.pos)
        if kind in ("date", "datetime"):
            self.check_calendar(token)
        text = token.text if kind in ("string", "number", "date", "datetime", "time") else token.upper
        return Literal(kind, text, token.pos)

    def check_calendar(self, token: Token) -> None:
        """A day or an hour that no calendar has is malformed."""
        try:
            if token.kind == "date":
                date_value(token.text)
            else:
                datetime_value(token.text)
        except ValueError:
            message = f"Invalid {'date' if token.kind == 'date' else 'dateTime'}: {token.text}"
            raise faults.malformed(self.text, token.pos, message) from None

    def nested(self) -> _Nesting:
        return _Nesting(self)


class _Nesting:
    """Counts open brackets, so that a hostile query meets an error and not the end of the stack."""

    def __init__(self, parser: _Parser) -> None:
        self.parser = parser

    def __enter__(self) -> None:
        self.parser.depth += 1
        if self.parser.depth > MAX_DEPTH:
            raise faults.malformed(self.parser.text, self.parser.here.pos, "Too many nested parentheses.")

    def __exit__(self, *_: object) -> None:
        self.parser.depth -= 1


def _plain_kind(token: Token) -> LiteralKind | None:
    """What kind of literal a token begins; ``None`` when it begins none."""
    if token.kind == "string":
        return "string"
    if token.kind == "number":
        return "number"
    if token.kind == "date":
        return "date"
    if token.kind == "datetime":
        return "datetime"
    if token.kind == "time":
        return "time"
    if token.upper in ("TRUE", "FALSE"):
        return "boolean"
    if token.upper == "NULL":
        return "null"
    if token.upper in RANGE_NAMES or token.upper in RANGE_NAMES_N:
        return "range"
    return "currency" if is_currency(token) else None
