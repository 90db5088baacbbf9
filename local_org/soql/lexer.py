"""Cuts the text of a query into tokens that remember where they stood, and reads its literals."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from local_org.soql import faults

_DATE = r"\d{4}-\d\d-\d\d"
_CLOCK = r"\d\d:\d\d:\d\d(?:\.\d+)?"
_TOKEN = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<datetime>{_DATE}T{_CLOCK}(?:[zZ]|[+-]\d\d:?\d\d))
    | (?P<date>{_DATE}(?![\w:]))
    | (?P<time>{_CLOCK}[zZ]?)
    | (?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
    | (?P<currency>[A-Za-z]{{3}}\d+\.\d+(?!\w))
    | (?P<word>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
    | (?P<symbol><=|>=|!=|<>|[=<>(),:])
    """,
    re.VERBOSE | re.ASCII,
)
_WHOLE_AMOUNT = re.compile(r"[A-Za-z]{3}\d+", re.ASCII)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "_": "_", "%": "%"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token; ``text`` is its source, for a string what stands between the quotes."""

    kind: str
    text: str
    pos: int

    @property
    def upper(self) -> str:
        """The source in upper case, to compare with keywords; a string is never a keyword."""
        return "" if self.kind == "string" else self.text.upper()


def tokenize(text: str) -> list[Token]:
    """All tokens of the text, closed by one of kind ``end``.

    Raises:
        OrgFault: MALFORMED_QUERY for a character that begins no token or a string that does not end.
    """
    tokens: list[Token] = []
    pos = 0
    while pos < len(text):
        if text[pos] == "'":
            end = _string_end(text, pos)
            tokens.append(Token("string", text[pos + 1 : end], pos))
            pos = end + 1
            continue
        match = _TOKEN.match(text, pos)
        if match is None:
            raise faults.lexical(text, pos, f"no viable alternative at character '{text[pos]}'")
        if match.lastgroup != "space":
            tokens.append(Token(match.lastgroup or "", match.group(), pos))
        pos = match.end()
    tokens.append(Token("end", "<EOF>", len(text)))
    return tokens


def _string_end(text: str, start: int) -> int:
    """The position of the closing quote; escapes are checked on the way."""
    pos = start + 1
    while pos < len(text) and text[pos] != "'":
        if text[pos] != "\\":
            pos += 1
            continue
        mark = text[pos + 1 : pos + 2]
        if mark == "u" and re.fullmatch(r"[0-9A-Fa-f]{4}", text[pos + 2 : pos + 6]):
            pos += 6
        elif mark in _ESCAPES and mark:
            pos += 2
        else:
            literal = text[start + 1 : text.find("'", pos) if "'" in text[pos:] else len(text)]
            raise faults.malformed(
                text,
                pos,
                f"Invalid string literal '{literal}'. Illegal character sequence '\\{mark}' in string literal.",
            )
    if pos >= len(text):
        raise faults.lexical(text, pos, "mismatched character '<EOF>' expecting '''")
    return pos


def string_value(raw: str) -> str:
    """The text that an escaped literal stands for."""
    return _paired("".join(char for char, _ in _characters(raw)))


def like_pattern(raw: str) -> tuple[str, bool]:
    r"""The SQL LIKE pattern of a literal, and whether it needs ``ESCAPE '\\'``.

    An escaped ``%`` or ``_`` (and any backslash) stands for itself; plain ones are wildcards.
    """
    out: list[str] = []
    escaped = False
    for char, literal in _characters(raw):
        if char == "\\" or (literal and char in "%_"):
            out.append("\\")
            escaped = True
        out.append(char)
    return _paired("".join(out)), escaped


def _paired(text: str) -> str:
    r"""The text with two halves of a character, ``\ud83d\ude00``, made one; a half alone is none and is replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _characters(raw: str) -> list[tuple[str, bool]]:
    """Each character of a literal, with whether it was written as an escape."""
    out: list[tuple[str, bool]] = []
    pos = 0
    while pos < len(raw):
        if raw[pos] != "\\":
            out.append((raw[pos], False))
            pos += 1
        elif raw[pos + 1] == "u":
            out.append((chr(int(raw[pos + 2 : pos + 6], 16)), True))
            pos += 6
        else:
            out.append((_ESCAPES[raw[pos + 1]], True))
            pos += 2
    return out


def quote(value: str) -> str:
    """A SOQL string literal, quotes included, that stands for the value."""
    for char, mark in (("\\", "\\\\"), ("'", "\\'"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        value = value.replace(char, mark)
    return f"'{value}'"


def is_currency(token: Token) -> bool:
    """Whether a token may stand for an amount with its currency, ``USD5000`` or ``eur9.50``.

    Without a decimal point it looks like a name, ``sum1``; only where a value is due is it an amount.
    """
    return token.kind == "currency" or (token.kind == "word" and _WHOLE_AMOUNT.fullmatch(token.text) is not None)


def date_value(raw: str) -> date:
    """The day of a date literal; ``ValueError`` when the calendar has no such day."""
    return date.fromisoformat(raw)


def datetime_value(raw: str) -> datetime:
    """The instant of a datetime literal; ``ValueError`` when there is none."""
    return datetime.fromisoformat(raw.upper())
