"""Turns one value of a row into what the store keeps, or says in one sentence why it cannot be taken."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from core.connections.intake.shapes import FIELDS_LIMIT, NOTES_LIMIT, TEXT_LIMIT, Key
from core.values import emails, times

_EXAMPLE = "2026-11-21T14:05:00Z"
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?(Z|[+-]\d{2}:?\d{2}))?", re.ASCII | re.I
)
_PLAIN_EMAIL = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}")
_YEARS = range(1700, 4001)
_INTEGER_LIMIT = 2_000_000_000
_PEOPLE_LIMIT = 1_000
_REPEATING = frozenset({"text", "choice", "email", "user", "zone"})
_SHORT = 64
_SMALL = FIELDS_LIMIT // 8
_NAME_LIMIT = 100
_LARGEST = 10**300
"""Beyond it a whole number has no place among the others."""


class Refused(Exception):
    """A value that cannot be taken; the message is the reason, beginning with the key."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def check(key: Key, name: str, value: Any) -> Any:
    """The value as stored; None clears.

    Args:
        key: What the row's key takes.
        name: How the row names it.
        value: What the row gives.

    Raises:
        Refused: it cannot be taken.
    """
    if value is None or (isinstance(value, str) and (not value or value.isspace())):
        if not key.may_clear:
            raise Refused(name, f"{name} cannot be empty")
        return None
    if key.type in _REPEATING and isinstance(value, str) and len(value) <= _SHORT:
        return _check_again(key, name, value)
    return _CHECKS[key.type](key, name, value)


@lru_cache(maxsize=65_536)
def _check_again(key: Key, name: str, value: str) -> Any:
    """Values that come over and over in a file, as outcomes and users do, are looked at once."""
    return _CHECKS[key.type](key, name, value)


def printable(text: str) -> str:
    """Text that every encoding can carry: half characters become question marks."""
    return text.encode("utf-8", "replace").decode()


def shown(value: Any) -> str:
    """A value as a reason quotes it: short, on one line."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    except (RecursionError, ValueError):
        text = "something nested beyond reason"
    text = " ".join(printable(text).split())
    return f"'{text[:57]}...'" if len(text) > 60 else f"'{text}'"


def clean(name: str, value: Any, limit: int) -> str:
    """A text that both databases keep as it is.

    Raises:
        Refused: not a text, too long, or with characters that are none.
    """
    if type(value) is not str and (isinstance(value, bool) or not isinstance(value, str | int | float)):
        raise Refused(name, f"{name} is to be a text, not {_kind_of(value)}")
    text = str(value)
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise Refused(name, f"{name} has half a character (a lone surrogate)") from None
    if "\x00" in text:
        raise Refused(name, f"{name} has a null character")
    if size > limit:
        raise Refused(name, f"{name} has {size:,} bytes; at most {limit:,} are taken")
    return text


def _text(_key: Key, name: str, value: Any) -> str:
    return clean(name, value, TEXT_LIMIT).strip()


def _longtext(_key: Key, name: str, value: Any) -> str:
    return clean(name, value, NOTES_LIMIT)


def _external_key(_key: Key, name: str, value: Any) -> str:
    return clean(name, value, 255).strip().lower()


def _reference(_key: Key, name: str, value: Any) -> str:
    # An org Id lives by its case, so a reference is kept as given and folded only where it is looked up.
    return clean(name, value, 255).strip()


def _integer(_key: Key, name: str, value: Any) -> int:
    number = _number(_key, name, value)
    if number != int(number):
        raise Refused(name, f"{name} {shown(value)} is not a whole number")
    if not 0 <= number <= _INTEGER_LIMIT:
        raise Refused(name, f"{name} {shown(value)} is out of range; write 0 or more")
    return int(number)


def _number(_key: Key, name: str, value: Any) -> int | float:
    if isinstance(value, str):
        try:
            value = int(value) if re.fullmatch(r"\s*[+-]?\d{1,18}\s*", value, re.ASCII) else float(value)
        except ValueError:
            raise Refused(name, f"{name} {shown(value)} is not a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(name, f"{name} {shown(value)} is not a number")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise Refused(name, f"{name} is too large a number")
    if not math.isfinite(value):
        raise Refused(name, f"{name} {shown(value)} is not a number")
    return value


def _boolean(_key: Key, name: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str) else ""
    if word in ("true", "false"):
        return word == "true"
    raise Refused(name, f"{name} {shown(value)} is neither true nor false")


def _date(_key: Key, name: str, value: Any) -> str:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    found = times.parse_date(value) if isinstance(value, str) else None
    if found is None or found.year not in _YEARS:
        raise Refused(name, f"{name} {shown(value)} is not a date; write it like 2026-11-21")
    return found.isoformat()


def _instant(_key: Key, name: str, value: Any) -> datetime:
    found = value if isinstance(value, datetime) else _read_instant(value) if isinstance(value, str) else None
    if found is None or found.year not in _YEARS:
        raise Refused(name, f"{name} {shown(value)} is not a date and time; write it like {_EXAMPLE}")
    if found.tzinfo is None:
        raise Refused(name, f"{name} {shown(value)} has no offset from UTC; write it like {_EXAMPLE}")
    return found.astimezone(UTC)


def _read_instant(text: str) -> datetime | None:
    """The moment with its fractions: two changes within one second still have an order."""
    text = text.strip()
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", "").upper())
    except ValueError:
        return None


@lru_cache(maxsize=65_536)
def _is_email(text: str) -> bool:
    return bool(_PLAIN_EMAIL.fullmatch(text)) or emails.is_email(text)


def _email(_key: Key, name: str, value: Any) -> str:
    text = clean(name, value, 320).strip()
    if not _is_email(text):
        raise Refused(name, f"{name} {shown(text)} is not an e-mail address")
    return text


def _user(_key: Key, name: str, value: Any) -> str:
    text = clean(name, value, 320).strip()
    if not _is_email(text):
        raise Refused(name, f"{name} {shown(text)} is not the e-mail address of a user")
    return text.lower()


def _choice(key: Key, name: str, value: Any) -> str:
    word = value.strip().lower() if isinstance(value, str) else value
    if word not in key.choices:
        raise Refused(name, f"{name} {shown(value)} is unknown; it is one of {', '.join(key.choices)}")
    return str(word)


@lru_cache(maxsize=1_024)
def _is_zone(text: str) -> bool:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):  # odd paths, folders, names that are none
        return False
    return True


def _zone(_key: Key, name: str, value: Any) -> str:
    text = clean(name, value, 64).strip()
    if not _is_zone(text):
        raise Refused(name, f"{name} {shown(text)} is not a time zone; write it like America/Chicago")
    return text


def _people(_key: Key, name: str, value: Any) -> str | None:
    """Participants as JSON text: e-mails, or objects of texts that say more about each."""
    if isinstance(value, str):
        value = _from_json(value) if value.lstrip().startswith("[") else [p.strip() for p in value.split(";")]
    if not isinstance(value, list):
        raise Refused(name, f"{name} is to be a list of e-mail addresses")
    if len(value) > _PEOPLE_LIMIT:
        raise Refused(name, f"{name} has {len(value):,} people; at most {_PEOPLE_LIMIT:,} are taken")
    kept = [_participant(name, each) for each in value if each not in (None, "")]
    return dumped(name, kept) if kept else None


def _participant(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        if value and all(isinstance(k, str) and isinstance(v, str | None) for k, v in value.items()):
            return {k: None if v is None else clean(name, v, TEXT_LIMIT) for k, v in value.items()}
        raise Refused(name, f"{name} holds {shown(value)}; write e-mail addresses")
    text = clean(name, value, 320).strip()
    if not _is_email(text):
        raise Refused(name, f"{name} holds {shown(text)}, which is not an e-mail address")
    return text


def custom(name: str, value: Any) -> Any:
    """The value of one custom field; None clears it.

    Raises:
        Refused: a name without letters or too long, an object, a number that is none.
    """
    inner = name.removeprefix("fields.")
    if not inner.strip() or len(inner) > _NAME_LIMIT or "\x00" in inner or printable(inner) != inner:
        raise Refused(name, f"{shown(name)} is not a name for a custom field")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean(name, value, FIELDS_LIMIT) if value.strip() else None
    if isinstance(value, int | float):
        return _number(Key(name), name, value)
    if isinstance(value, date):
        return (
            times.instant_text(_instant(Key(name), name, value)) if isinstance(value, datetime) else value.isoformat()
        )
    if isinstance(value, list) and all(isinstance(v, str | int | float | bool | None) for v in value):
        return [custom(name, v) for v in value]
    raise Refused(name, f"{name} holds {_kind_of(value)}; write a text, number, true, false or a list of them")


def limit_fields(fields: dict[str, Any]) -> None:
    """Refuse custom fields that are too much together.

    Raises:
        Refused: their JSON text is beyond the limit.
    """
    # Their text is only made where it could be too long.
    if (
        sum(
            len(k) + (len(v) if isinstance(v, str) else 1_000 if isinstance(v, list) else 32) for k, v in fields.items()
        )
        > _SMALL
    ):
        dumped("fields", fields)


def dumped(name: str, value: Any) -> str:
    """Compact JSON text within the limit of custom fields.

    Raises:
        Refused: too much.
    """
    return clean(name, json.dumps(value, ensure_ascii=False, separators=(",", ":")), FIELDS_LIMIT)


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _kind_of(value: Any) -> str:
    return {dict: "an object", list: "a list", bool: "true or false"}.get(type(value), "that")


_CHECKS: dict[str, Callable[[Key, str, Any], Any]] = {
    "text": _text,
    "longtext": _longtext,
    "key": _external_key,
    "reference": _reference,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "instant": _instant,
    "email": _email,
    "user": _user,
    "choice": _choice,
    "zone": _zone,
    "people": _people,
}
