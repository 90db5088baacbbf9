"""The ways in which the practice org's parser and soql-parser-js are known to differ, each with its examples.

A difference is told by who took the query and by what the other said about it; one that is told by nothing here is
of a new kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from local_org.org.model import OrgFault
from local_org.soql import parse
from tests.local_org.soql import neutral
from tests.local_org.soql.writer import DATE_PARTS

_KEYWORDS = frozenset(
    {"ABOVE", "ABOVE_OR_BELOW", "ALL", "AND", "AS", "ASC", "AT", "AVG", "BELOW", "BY", "CATEGORY", "COUNT",
     "COUNT_DISTINCT", "CUBE", "DATA", "DESC", "DISTANCE", "ELSE", "END", "EXCLUDES", "FALSE", "FIRST", "FOR",
     "FROM", "GEOLOCATION", "GROUP", "HAVING", "IN", "INCLUDES", "LAST", "LIKE", "LIMIT", "MAX", "MIN", "NOT",
     "NULL", "NULLS", "OFFSET", "OR", "ORDER", "ROLLUP", "ROWS", "SCOPE", "SELECT", "SUM", "THEN", "TODAY", "TRUE",
     "TYPEOF", "UPDATE", "USING", "VIEW", "WHEN", "WHERE", "WITH", "GROUP BY", "ORDER BY"}
)  # fmt: skip

_CLAUSES = frozenset({"AND", "OR", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "UPDATE", "ALL"})
_AGGREGATES = frozenset({"AVG", "COUNT", "COUNT_DISTINCT", "GROUPING", "MAX", "MIN", "SUM"})
_INNER = frozenset({*_AGGREGATES, "CONVERTCURRENCY", "CONVERTTIMEZONE"})
_FUNCTIONS = frozenset({*_INNER, *DATE_PARTS, "FORMAT", "TOLABEL"})


@dataclass(frozen=True)
class Reading:
    """What both made of one query."""

    text: str
    ours: dict[str, Any] | None
    fault: str
    theirs: dict[str, Any] | None
    error: str

    @property
    def alike(self) -> bool:
        """Whether both took it for the same, or neither took it."""
        return self.ours == self.theirs

    @property
    def token(self) -> str:
        """What we did not expect."""
        found = re.search(r"unexpected token: '(.*)'$", self.fault)
        return found.group(1) if found else ""

    @property
    def before(self) -> str:
        """The text before the place that our fault points at."""
        place = re.search(r"ERROR at Row:(\d+):Column:(\d+)", self.fault)
        if not place:
            return self.text
        rows = self.text.split("\n")
        row, column = int(place.group(1)), int(place.group(2))
        return "\n".join([*rows[: row - 1], rows[row - 1][: column - 1]]).rstrip()

    @property
    def found(self) -> str:
        """What they did not expect."""
        words = re.findall(r"(?:found -->|found:) '?(.+?)'?(?: <--|$)", self.error)
        return words[-1] if words else ""


def reading(text: str, answer: dict[str, Any]) -> Reading:
    """Both readings of a query, the other parser's from its answer."""
    ours: dict[str, Any] | None = None
    theirs: dict[str, Any] | None = None
    fault = ""
    try:
        ours = neutral.ours(parse(text))
    except OrgFault as caught:
        fault = f"{caught.code} {caught.message}"
    try:
        theirs = neutral.theirs(answer["tree"]) if "tree" in answer else None
    except (AssertionError, IndexError):
        theirs = {"torn": True}  # its tree does not hold together: brackets without their pair, or a lost operand
    return Reading(text, ours, fault, theirs, answer.get("error", ""))


@dataclass(frozen=True)
class Kind:
    """One kind of difference: its name, how to tell it, and queries that show it."""

    name: str
    tells: Callable[[Reading], Any]
    examples: tuple[str, ...]


_SELECT = "SELECT Id FROM Account"

WE_REFUSE: tuple[Kind, ...] = (
    Kind(
        "AND beside OR needs brackets",
        lambda r: r.token.upper() in ("AND", "OR"),
        (f"{_SELECT} WHERE A = 1 AND B = 2 OR C = 3", f"{_SELECT} WHERE A = 1 OR (B = 2) AND C = 3"),
    ),
    Kind(
        "an escape that SOQL does not know",
        lambda r: "Illegal character sequence" in r.fault,
        (f"{_SELECT} WHERE Name = 'a\\qb'", f"{_SELECT} WHERE Name LIKE '\\u00g1'"),
    ),
    Kind(
        "a day or an hour that no calendar has",
        lambda r: "Invalid date" in r.fault,
        (f"{_SELECT} WHERE A = 2026-02-30", f"{_SELECT} WHERE A = 2026-01-01T25:00:00Z"),
    ),
    Kind(
        "a path as an alias",
        lambda r: "." in r.token and re.search(r"[\w)]$", r.before) and not re.search(r"(?i)\bwhere\b", r.before),
        ("SELECT Name Owner.Name FROM Account", "SELECT Id FROM Account a.b"),
    ),
    Kind(
        "LIKE of what is no text",
        lambda r: re.search(r"(?i)\blike$", r.before),
        (f"{_SELECT} WHERE Name LIKE 5", f"{_SELECT} WHERE Name LIKE null"),
    ),
    Kind(
        "conditions with neither AND nor OR between them",
        lambda r: re.search(r"(?is)\b(where|having)\b.*[\w')]$", r.before)
        and (r.token == "(" or (r.token.replace(".", "").isidentifier() and r.token.upper() not in _CLAUSES)),
        (f"{_SELECT} WHERE A = 1 B = 2", f"{_SELECT} WHERE A IN (1) (B = 2)", f"{_SELECT} WHERE A = 1 NOT B = 2"),
    ),
    Kind(
        "IN without brackets",
        lambda r: re.search(r"(?i)\bin$", r.before),
        (f"{_SELECT} WHERE A IN 5",),
    ),
    Kind(
        "half the brackets around data categories",
        lambda r: re.search(r"(?is)\bdata\s+category\b[^=<>]*\w$", r.before),
        (f"{_SELECT} WITH DATA CATEGORY A__c AT (b__c, c__c", f"{_SELECT} WITH DATA CATEGORY A__c AT b__c, c__c)"),
    ),
    Kind(
        "a reserved word as an alias",
        lambda r: r.token.upper() in ("GROUP", "ORDER") or re.search(r"(?i)\boffset$", r.before),
        ("SELECT COUNT(Id) group FROM Account GROUP BY Name", "SELECT Id FROM Account order ORDER BY Id",
         "SELECT Id FROM Account offset WHERE A = 1"),
    ),
    Kind(
        "a function of nothing",
        lambda r: r.token == ")" and r.before.endswith("("),
        ("SELECT MAX() FROM Account", "SELECT Id FROM Account GROUP BY ROLLUP()"),
    ),
    Kind(
        "more keys beside ROLLUP or CUBE",
        lambda r: r.token == "," and re.search(r"(?is)\b(rollup|cube)\s*\([^()]*\)$", r.before),
        ("SELECT Name FROM Account GROUP BY ROLLUP(Name), Type",),
    ),
    Kind(
        "a number as a key of ROLLUP or CUBE",
        lambda r: re.search(r"(?is)\b(rollup|cube)\s*\([^()]*$", r.before) and re.fullmatch(r"[-+]?[\d.]+", r.token),
        ("SELECT Name FROM Account GROUP BY ROLLUP(5, Name)",),
    ),
    Kind(
        "TYPEOF without a WHEN",
        lambda r: re.search(r"(?is)\btypeof\s+[\w.]+$", r.before),
        ("SELECT TYPEOF What FROM Task",),
    ),
    Kind(
        "more than 100,000 characters",
        lambda r: "cannot be longer" in r.fault,
        (f"{_SELECT} WHERE A = '{'x' * 100_000}'",),
    ),
)  # fmt: skip

THEY_REFUSE = (
    Kind(
        "ALL ROWS",
        lambda r: any("all_rows" in part for part in _parts(r.ours)),
        (f"{_SELECT} ALL ROWS", f"{_SELECT} WHERE A = 1 LIMIT 5 ALL ROWS"),
    ),
    Kind(
        "several sources",
        lambda r: any("others" in part for part in _parts(r.ours)),
        ("SELECT a.Id FROM Contact c, c.Account a",),
    ),
    Kind("AS before an alias", lambda r: r.found.upper() == "AS", ("SELECT Id FROM Account AS a",)),
    Kind(
        "more purposes and trackers than one",
        lambda r: r.ours and len(r.ours.get("purposes", []) + r.ours.get("updates", [])) > 1,
        (f"{_SELECT} FOR VIEW, REFERENCE", f"{_SELECT} FOR VIEW FOR REFERENCE", f"{_SELECT} UPDATE TRACKING, VIEWSTAT"),
    ),
    Kind(
        "a time of day",
        lambda r: re.search(r"\b\d\d:\d\d:\d\d(\.\d+)?[zZ]?", r.text) and r.found == ":",
        (f"{_SELECT} WHERE Opens__c = 10:30:00.000Z",),
    ),
    Kind(
        "a number as a scientist writes it, or with a bare point",
        lambda r: re.search(r"\d[eE][+-]?\d|\d\.(?!\d)", r.text),
        (f"{_SELECT} WHERE A = 1.5e3", f"{_SELECT} WHERE A = 5."),
    ),
    Kind(
        "OFFSET without LIMIT after WHERE",
        lambda r: r.found.upper() == "OFFSET" or re.search(r"(?is)\bwhere\b(?!.*\blimit\b).*\boffset\s+\d+", r.text),
        (f"{_SELECT} WHERE A = 1 OFFSET 5",),
    ),
    Kind(
        "other white space inside GROUP BY, ORDER BY and DATA CATEGORY",
        lambda r: re.search(r"(?i)\b(group|order)(\s{2,}|[^\S ])by\b|\bdata(\s{2,}|[^\S ])category\b", r.text),
        (f"{_SELECT} GROUP  BY Id", f"{_SELECT} ORDER\nBY Id", f"{_SELECT} WITH DATA\tCATEGORY A__c AT b__c"),
    ),
    Kind(
        "ROLLUP and CUBE of functions",
        lambda r: re.search(r"(?is)\b(rollup|cube)\s*\([^()]*\(", r.text),
        ("SELECT COUNT(Id) FROM Account GROUP BY ROLLUP(CALENDAR_YEAR(CreatedDate))",),
    ),
    Kind(
        "a scope that is no scope, which we refuse when the query runs",
        lambda r: "UsingScopeEnumeration" in r.error,
        (f"{_SELECT} USING SCOPE nobody",),
    ),
    Kind(
        "a keyword as a name, which we refuse when there is no such field or object",
        lambda r: r.found.upper() in _KEYWORDS,
        ("SELECT Else FROM Account", "SELECT Id FROM Group WHERE Else = 1"),
    ),
    Kind(
        "a function or an argument that we refuse when the query runs",
        lambda r: any(_odd(name, args) for part in _parts(r.ours) for name, args in part.items() if name.isupper()),
        ("SELECT FIELDS(5) FROM Account", "SELECT NOSUCH(Name, 5) FROM Account",
         f"{_SELECT} WHERE DISTANCE('x', GEOLOCATION(1, 2), 'km') < 5"),
    ),
)  # fmt: skip

BOTH_TAKE = (
    Kind(
        "it loses what HAVING negates",
        lambda r: re.search(r"(?is)\bhaving\b.*\bnot\b", r.text),
        ("SELECT Name FROM Account GROUP BY Name HAVING NOT MAX(A) = 2 AND MIN(A) = 1",
         "SELECT Name FROM Account GROUP BY Name HAVING COUNT(Id) > 1 AND NOT (MAX(A) = 2 OR MIN(A) = 3)"),
    ),
    Kind(
        "it loses a bracket of three NOTs in a row",
        lambda r: re.search(r"(?is)(\bnot\b[\s(]*){3}", r.text),
        (f"{_SELECT} WHERE NOT (NOT (NOT (A = 1))) OR B = 1",),
    ),
    Kind(
        "it keeps only the last part of an object's path",
        lambda r: re.search(r"(?i)\bfrom\s+\w+\.\w", r.text),
        ("SELECT Id FROM Owner.Name",),
    ),
)  # fmt: skip


def _parts(tree: Any) -> Iterator[dict[str, Any]]:
    """Every dict of a neutral form: queries, comparisons, calls."""
    if isinstance(tree, dict):
        yield tree
    for value in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _parts(value)


def _odd(name: str, args: list[Any]) -> bool:
    """Whether a call has a name or arguments that no function has."""
    if name == "FIELDS":
        return args not in (["ALL"], ["STANDARD"], ["CUSTOM"])
    if name == "DISTANCE":
        field, unit = isinstance(args[0], str) and not args[0].startswith("'"), args[-1] in ("'mi'", "'km'")
        return not (len(args) == 3 and field and unit)
    if name == "GEOLOCATION":
        return len(args) != 2 or not all(isinstance(a, str) and re.fullmatch(r"[-+]?[\d.]+", a) for a in args)
    nested = [inner for a in args if isinstance(a, dict) for inner in a]
    return name not in _FUNCTIONS or any(inner not in _INNER or name in _AGGREGATES for inner in nested)


def kind_of(r: Reading) -> str | None:
    """The name of the kind that a difference is of; `None` for a new one."""
    if r.ours is None:
        kinds = WE_REFUSE
    elif r.theirs is None:
        kinds = THEY_REFUSE
    else:
        kinds = BOTH_TAKE
    return next((k.name for k in kinds if k.tells(r)), None)
