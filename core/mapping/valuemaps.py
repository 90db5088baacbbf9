"""Compares a value map with the picklist it leads to and the values that really occur, and proposes entries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+")
_FILLERS = frozenset({"a", "an", "the", "left", "requested", "was", "is", "to", "of"})
_SAME = {
    "vm": "voicemail",
    "voice": "voicemail",
    "mail": "",
    "unanswered": "no answer",
    "noanswer": "no answer",
    "callback": "callback",
    "call": "call",
    "answered": "connected",
    "done": "completed",
    "complete": "completed",
    "closed": "completed",
    "open": "not started",
    "todo": "not started",
    "new": "not started",
    "started": "in progress",
    "medium": "normal",
    "urgent": "high",
}


@dataclass(frozen=True, slots=True)
class MapState:
    """How a value map stands."""

    missing: tuple[str, ...] = ()
    """Values that occur and have no entry."""
    doubled: tuple[str, ...] = ()
    """Source values that stand in it more than once, when case and blanks are left aside."""
    unused: tuple[str, ...] = ()
    """Source values that do not occur."""
    invalid: tuple[tuple[str, str], ...] = ()
    """Entries whose target is not in the picklist."""
    suggestions: tuple[tuple[str, str], ...] = ()
    """A picklist value for each missing or invalid one, where one fits."""

    @property
    def complete(self) -> bool:
        """Whether every value that occurs leads to a valid one."""
        return not (self.missing or self.doubled or self.invalid)


def map_state(
    value_map: Mapping[str, str] | None, picklist: Iterable[str], seen: Iterable[str] | None = None
) -> MapState:
    """How a value map stands against a picklist and the values seen.

    Args:
        value_map: source value to target value; None is an empty map.
        picklist: the values that the target takes; empty means any.
        seen: the source values that occur; None where that is not known.
    """
    entries = list((value_map or {}).items())
    choices = list(picklist)
    allowed = {c.strip().lower() for c in choices}
    keys = [_key(k) for k, _ in entries]
    values = list(dict.fromkeys(v for v in seen if v and v.strip())) if seen is not None else None
    missing = tuple(v for v in values or () if _key(v) not in keys)
    doubled = tuple(dict.fromkeys(k for k, _ in entries if keys.count(_key(k)) > 1))
    occurring = {_key(v) for v in values or ()}
    unused = tuple(k for k, _ in entries if _key(k) not in occurring) if values is not None else ()
    invalid = tuple((k, v) for k, v in entries if allowed and v and _key(v) not in allowed)
    open_values = dict.fromkeys([*missing, *(k for k, _ in invalid)])
    offered = [(v, s) for v in open_values if (s := suggest(v, choices)) is not None]
    return MapState(missing, doubled, unused, invalid, tuple(offered))


def doubled_targets(value_map: Mapping[str, str]) -> dict[str, list[str]]:
    """Targets that more than one source value leads to; an error where the map must be one-to-one."""
    out: dict[str, list[str]] = {}
    for source, target in value_map.items():
        out.setdefault(_key(target), []).append(source)
    return {t: s for t, s in out.items() if len(s) > 1}


def suggest(value: str, picklist: Iterable[str]) -> str | None:
    """The picklist value that a source value most likely means, None where none stands out."""
    choices = list(picklist)
    plain = [c for c in choices if _plain(c) == _plain(value)]
    if plain:
        return plain[0]
    scored = sorted(((_likeness(value, c), -i, c) for i, c in enumerate(choices)), reverse=True)
    if not scored or scored[0][0] < 0.5 or (len(scored) > 1 and scored[1][0] == scored[0][0]):
        return None
    return scored[0][2]


def suggest_map(values: Iterable[str], picklist: Iterable[str]) -> dict[str, str]:
    """A value map for all values that have a likely counterpart."""
    choices = list(picklist)
    return {v: s for v in values if (s := suggest(v, choices)) is not None}


def invert(value_map: Mapping[str, str]) -> dict[str, str]:
    """The map for the way back; where several lead to one target, the first of them is meant."""
    out: dict[str, str] = {}
    for source, target in value_map.items():
        out.setdefault(target, source)
    return out


def _key(text: str) -> str:
    return text.strip().lower()


def _plain(text: str) -> str:
    return "".join(_WORD.findall(text.lower()))


def _words(text: str) -> set[str]:
    joined = re.sub(r"([a-z])([A-Z])", r"\1 \2", text)
    words = [w.lower() for w in _WORD.findall(joined)]
    meant = " ".join(_SAME.get(w, w) for w in words).split()
    return {w for w in meant if w not in _FILLERS} or set(meant)


def _likeness(left: str, right: str) -> float:
    """Share of words in common, zero to one."""
    a, b = _words(left), _words(right)
    return len(a & b) / len(a | b) if a | b else 0.0
