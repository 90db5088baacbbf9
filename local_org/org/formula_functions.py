"""The functions that formulas know: how each is compiled from its compiled values."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol


class Term(NamedTuple):
    """A compiled expression: its SQL, and whether it is a number, text, boolean, date or datetime."""

    sql: str
    kind: str


class Reader(Protocol):
    """What a function asks of the parser that met it."""

    def typed(self, term: Term, kind: str) -> str:
        """The SQL of a value that must be of this kind."""
        ...

    def wrong(self, why: str) -> ValueError:
        """An error that names the field."""
        ...


def _blank(p: Reader, args: list[Term]) -> Term:
    (one,) = _exactly(args, 1)
    return Term(f"({one.sql} IS '')" if one.kind == "text" else f"({_unfilled(one)} IS NULL)", "boolean")


def _unfilled(one: Term) -> str:
    """A number as the record holds it, without the zero that stands for a missing one."""
    return one.sql[9:-4] if one.sql.startswith("COALESCE(") and one.sql.endswith(", 0)") else one.sql


def _exactly(args: list[Term], count: int) -> list[Term]:
    if len(args) != count:
        raise TypeError
    return args


def _if(p: Reader, args: list[Term]) -> Term:
    test, yes, no = _exactly(args, 3)
    if yes.kind != no.kind:
        raise p.wrong(f"may give a {yes.kind} or a {no.kind}")
    return Term(f"(CASE WHEN {p.typed(test, 'boolean')} THEN {yes.sql} ELSE {no.sql} END)", yes.kind)


def _case(p: Reader, args: list[Term]) -> Term:
    subject, *rest = args
    if len(rest) < 3 or len(rest) % 2 == 0 or len({t.kind for t in [*rest[1:-1:2], rest[-1]]}) != 1:
        raise p.wrong("has a CASE whose values do not fit together")
    whens = " ".join(f"WHEN {rest[i].sql} THEN {rest[i + 1].sql}" for i in range(0, len(rest) - 1, 2))
    return Term(f"(CASE {subject.sql} {whens} ELSE {rest[-1].sql} END)", rest[-1].kind)


def _blank_value(p: Reader, args: list[Term]) -> Term:
    one, other = _exactly(args, 2)
    filled = f"NULLIF({one.sql}, '')" if one.kind == "text" else one.sql
    return Term(f"COALESCE({filled}, {p.typed(other, one.kind)})", one.kind)


def _to_text(p: Reader, args: list[Term]) -> Term:
    (one,) = _exactly(args, 1)
    if one.kind == "number":
        return Term(f"rtrim(rtrim(printf('%.10f', {one.sql}), '0'), '.')", "text")
    if one.kind == "datetime":
        return Term(f"strftime('%Y-%m-%d %H:%M:%SZ', {one.sql}, 'unixepoch')", "text")
    return Term(f"COALESCE({one.sql}, '')", "text")


def _date_value(p: Reader, args: list[Term]) -> Term:
    (one,) = _exactly(args, 1)
    return Term(f"date({one.sql}, 'unixepoch')" if one.kind == "datetime" else f"date({one.sql})", "date")


def _logic(word: str) -> Callable[[Reader, list[Term]], Term]:
    def made(p: Reader, args: list[Term]) -> Term:
        return Term(f"({f' {word} '.join([p.typed(each, 'boolean') for each in args] or ['0'])})", "boolean")

    return made


def _plain(form: str, given: str, gives: str) -> Callable[[Reader, list[Term]], Term]:
    """A function of fixed kinds: letters ``n t b d`` for number, text, boolean, date."""
    kinds = {"n": "number", "t": "text", "b": "boolean", "d": "date"}

    def made(p: Reader, args: list[Term]) -> Term:
        values = [p.typed(arg, kinds[letter]) for arg, letter in zip(_exactly(args, len(given)), given, strict=True)]
        return Term(form.format(*values), gives)

    return made


FUNCTIONS: dict[str, Callable[[Reader, list[Term]], Term]] = {
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
