"""Shows values from records, files and the org as text: the one escape for Markdown, and the one for spreadsheets."""

from __future__ import annotations

import re
from typing import Any

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$=&\"'^])")
_BREAKS = re.compile(r"[\r\n\t\x00-\x1f\x7f\u2028\u2029]+")
_JOINER = "\u2060"
# Streamlit turns these into icons, links and arrows after Markdown has been read, so a backslash does not stop it.
_LATE = re.compile(
    r"(:(?=[a-zA-Z_+/\-]|[0-9][\w+\-]*:)|@|(?<=[wW]{3})(?=\.)|(?<=-)(?=[->])|(?<=<)(?=-)|(?<=[<>])(?==))"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe(value: Any, most: int = 300) -> str:
    """A value as text that Markdown leaves alone, on one line, with an ellipsis where it is longer than ``most``."""
    text = plain(value, most)
    return _SPECIAL.sub(r"\\\1", _LATE.sub(lambda hit: f"{hit.group()}{_JOINER}", text))


def plain(value: Any, most: int = 300) -> str:
    """A value on one line and not too long, for widgets that show text as it is."""
    text = _BREAKS.sub(" ", "" if value is None else str(value)).strip()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def spoken(value: Any, most: int = 60) -> str:
    """A value for a label that is read aloud and not seen: words alone, nothing that Markdown could take for a sign."""
    return " ".join(re.findall(r"[^\W_]+", plain(value, most))) or "empty"


def code(value: Any, most: int = 120) -> str:
    """An id, an address or a code of the org in backticks; longer ones around it keep its own inside."""
    text = plain(value, most)
    if not text:
        return ""
    if "[" in text or "]" in text:
        # A bracket in backticks still ends the label of a directive around it, and what follows would be Markdown.
        return safe(text, most)
    runs = [len(run) for run in re.findall(r"`+", text)]
    fence = "`" * (max(runs, default=0) + 1)
    return f"{fence} {text} {fence}" if runs else f"{fence}{text}{fence}"


def defused(value: Any) -> Any:
    """A cell that a spreadsheet will not take for a formula."""
    if isinstance(value, str) and (value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA)):
        return f"'{value}"
    return value
