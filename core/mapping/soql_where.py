"""Reads just enough of a SOQL filter to name the fields in it, its plain mistakes, and why it may change unseen."""

from __future__ import annotations

import re
from dataclasses import dataclass

_STRING = re.compile(r"'(?:[^'\\]|\\.)*'")
_LEFT = re.compile(
    r"\b([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*(?:\)\s*)?"
    r"(?:=|!=|<>|<=|>=|<|>|\bLIKE\b|\bIN\b|\bNOT\s+IN\b|\bINCLUDES\b|\bEXCLUDES\b)",
    re.IGNORECASE,
)
_FUNCTION = re.compile(r"\b([A-Za-z_]\w*)\s*\(\s*([A-Za-z_][\w.]*)\s*\)")
_SUBQUERY = re.compile(r"\(\s*SELECT\b", re.IGNORECASE)
_LITERAL = re.compile(
    r"\b(YESTERDAY|TODAY|TOMORROW|(?:LAST|THIS|NEXT)_(?:WEEK|MONTH|QUARTER|YEAR|FISCAL_QUARTER|FISCAL_YEAR)"
    r"|(?:LAST|NEXT)_90_DAYS|(?:LAST|NEXT)_N_[A-Z_]+:\d+|N_[A-Z_]+_AGO:\d+)\b",
    re.IGNORECASE,
)
_WORDS = frozenset({"and", "or", "not", "null", "true", "false", "in", "like", "includes", "excludes"})
_CLAUSES = re.compile(r"\b(SELECT|FROM|ORDER\s+BY|GROUP\s+BY|LIMIT|OFFSET|HAVING)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Where:
    """A filter as far as we read it."""

    fields: tuple[str, ...]
    problems: tuple[str, ...]
    date_literals: tuple[str, ...]
    """``TODAY`` and the like: rows come and go with them without being changed."""


def read(text: str) -> Where:
    """What stands in a filter (the text after WHERE)."""
    bare = _STRING.sub("''", text)
    problems = _problems(bare)
    outer, inner = _without_subqueries(bare)
    problems += _shape(outer)
    names = [m.group(2) for m in _FUNCTION.finditer(outer) if m.group(1).lower() not in _WORDS]
    names += [m.group(1) for m in _LEFT.finditer(outer) if m.group(1).lower() not in _WORDS]
    literals = [m.group(1).upper() for m in _LITERAL.finditer(outer + inner)]
    return Where(tuple(dict.fromkeys(names)), tuple(problems), tuple(dict.fromkeys(literals)))


def condition_of(query: str) -> str:
    """What stands between WHERE and the clauses after it in a whole query, as list views carry one; empty for none."""
    bare = _STRING.sub(lambda m: "'" + "x" * (len(m.group()) - 2) + "'", query)
    outer = _masked(bare)
    start = re.search(r"\bWHERE\b", outer, re.IGNORECASE)
    if start is None:
        return ""
    after = re.search(r"\b(ORDER\s+BY|LIMIT|OFFSET|WITH)\b", outer[start.end() :], re.IGNORECASE)
    end = start.end() + after.start() if after else len(query)
    return query[start.end() : end].strip()


def _masked(bare: str) -> str:
    """The text with everything in parentheses blanked out, in its length."""
    out, depth = [], 0
    for char in bare:
        depth -= char == ")"
        out.append(char if depth == 0 else " ")
        depth += char == "("
    return "".join(out)


def _problems(bare: str) -> list[str]:
    out = []
    if "'" in bare.replace("''", ""):
        out.append("A quotation mark is not closed.")
    depth = 0
    for char in bare:
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth < 0:
            break
    if depth != 0:
        out.append("The parentheses do not match.")
    if re.match(r"\s*WHERE\b", bare, re.IGNORECASE):
        out.append("Leave out the word WHERE.")
    if ";" in bare or "--" in bare:
        out.append("Only one condition text is expected: no semicolon and no comment.")
    return out


def _shape(outer: str) -> list[str]:
    out = []
    found = _CLAUSES.search(outer)
    if found:
        out.append(f"{found.group(1).upper()} does not belong into a filter.")
    if re.search(r"\b(AND|OR)\s*$|^\s*(AND|OR)\b", outer, re.IGNORECASE):
        out.append("A condition is missing beside AND or OR.")
    if _mixes(outer):
        out.append("AND and OR are mixed: say with parentheses which belong together.")
    if outer.strip() and not _LEFT.search(outer):
        out.append("There is no comparison in it.")
    return out


def _mixes(outer: str) -> bool:
    """Whether AND and OR stand side by side in one pair of parentheses, which SOQL refuses."""
    levels: list[set[str]] = [set()]
    for sign in re.findall(r"\(|\)|\bAND\b|\bOR\b", outer, re.IGNORECASE):
        if sign == "(":
            levels.append(set())
        elif sign == ")":
            if len(levels) > 1 and len(levels.pop()) > 1:
                return True
        else:
            levels[-1].add(sign.upper())
    return any(len(level) > 1 for level in levels)


def _without_subqueries(bare: str) -> tuple[str, str]:
    """The text with each ``(SELECT ...)`` cut down to ``()``, and what was cut."""
    inner = ""
    while (start := _SUBQUERY.search(bare)) is not None:
        depth, end = 0, start.start()
        for end in range(start.start(), len(bare)):
            depth += {"(": 1, ")": -1}.get(bare[end], 0)
            if depth == 0:
                break
        inner += bare[start.start() : end + 1]
        bare = bare[: start.start()] + "()" + bare[end + 1 :]
    return bare, inner
