"""Before and after of one planned row, with the words that change marked; values stay text."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from typing import Any

import polars as pl
import streamlit as st

from console.components.text import code, safe
from console.strings import OPEN, OUTCOMES, Sign, cause_words
from core import Outcome

_WORDS = re.compile(r"\s+|[^\s\w]|\w+")
_MOST = 400


def card(row: Mapping[str, Any]) -> None:
    """One row of a plan: what it is, why, and each field before and after."""
    sign: Sign = OUTCOMES[Outcome(row["outcome"])]
    st.markdown(f"{sign.badge()} **{safe(row['title'] or row['key'])}**")
    own = code(row["key"]) if row["key"] != row["org_id"] else ""
    where = " · ".join(part for part in (safe(row["sobject"]), code(row["org_id"]), own) if part)
    st.markdown(f":small[{where}]")
    if row["reason"]:
        words = cause_words(row["cause"], row["reason"])
        st.text(row["reason"])
        if words.do and row["outcome"] in OPEN:
            st.markdown(f":small[:gray[{safe(words.do)}]]")
    payload, before = _values(row["payload"]), _values(row["before"])
    changed = [f for f in payload if payload[f] != before.get(f)]
    if changed:
        table(payload, before, changed)
    same = len(payload) - len(changed)
    if same:
        st.markdown(f":small[:gray[{same} more fields are sent as they are.]]")


def table(after: Mapping[str, Any], before: Mapping[str, Any], fields: list[str]) -> None:
    """Field, before, after."""
    rows = []
    for field in fields:
        old, new = marked(_shown(before.get(field)), _shown(after.get(field)))
        rows.append({"Field": safe(field), ":material/remove: Now": old, ":material/add: Will become": new})
    st.table(pl.DataFrame(rows), border="horizontal", hide_index=True)


def marked(old: str, new: str) -> tuple[str, str]:
    """Both texts as Markdown, each with what the other does not have on a tint."""
    old, new = old[:_MOST], new[:_MOST]
    left, right = _WORDS.findall(old), _WORDS.findall(new)
    parts = difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    if sum(i2 - i1 for tag, i1, i2, _, _ in parts if tag == "equal") < max(len(left), len(right)) / 3:
        return _tint("red", old), _tint("green", new)
    before, after = [], []
    for tag, i1, i2, j1, j2 in parts:
        if tag == "equal":
            before.append(_kept(left[i1:i2]))
            after.append(_kept(right[j1:j2]))
        else:
            before.append(_tint("red", "".join(left[i1:i2])))
            after.append(_tint("green", "".join(right[j1:j2])))
    return "".join(before), "".join(after)


def _kept(words: list[str]) -> str:
    """Equal words with the blanks around them, which `safe` would trim."""
    text = "".join(words)
    lead, tail = (" " if text[:1].isspace() else ""), (" " if text[-1:].isspace() else "")
    return f"{lead}{safe(text, _MOST)}{tail}"


def _tint(color: str, text: str) -> str:
    return f":{color}-background[{safe(text, _MOST)}]" if text.strip() else text and " "


def _values(text: str | None) -> dict[str, Any]:
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}


def _shown(value: Any) -> str:
    return "" if value is None else str(value)
