"""Turns a value from a request into the value stored in SQLite, or says in Salesforce's words why not."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from local_org.org.ids import full_id
from local_org.org.model import Field, OrgFault

Check = Callable[[Any], Any]
"""From a request's value (never ``None``) to the stored value; raises `OrgFault`."""

_EMAIL = re.compile(r"[^\s@,;<>()\"]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*\.[A-Za-z0-9-]{2,}\Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)\Z", re.ASCII)
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?Z?\Z", re.ASCII)
_INT_MAX = 2**31 - 1


def _token(value: Any) -> str:
    """What the JSON parser calls the value."""
    if isinstance(value, bool):
        return "VALUE_TRUE" if value else "VALUE_FALSE"
    names = {str: "VALUE_STRING", int: "VALUE_NUMBER_INT", float: "VALUE_NUMBER_FLOAT", list: "START_ARRAY"}
    return names.get(type(value), "START_OBJECT")


class TypeFault(OrgFault):
    """A value of the wrong JSON type: the caller adds the place in the request's text."""

    def __init__(self, f: Field, value: Any) -> None:
        """Say what could not be read."""
        token = _token(value)
        kind = "double" if f.type in ("currency", "percent") else f.type
        super().__init__(
            "JSON_PARSER_ERROR",
            f"Cannot deserialize instance of {kind} from {token} value {value} "
            "or request may be missing a required field",
        )


def check_for(f: Field) -> Check:
    """The check of a field, with everything that depends on the field alone worked out beforehand."""
    maker = _MAKERS.get(f.type, _text)
    return maker(f)


def _encodable(f: Field, value: str) -> None:
    """Half of a surrogate pair is no character: JSON can spell it, UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise TypeFault(f, ascii(value)) from None


def _text(f: Field) -> Check:
    limit, name, label = f.length, f.name, f.label

    def check(value: Any) -> Any:
        if value.__class__ is not str:
            if isinstance(value, dict | list | bool):
                raise TypeFault(f, value)
            value = str(value)
        value = value.rstrip()
        if not value.isascii():
            _encodable(f, value)
        if limit and len(value) > limit:
            raise OrgFault(
                "STRING_TOO_LONG", f"{label}: data value too large: {value} (max length={limit})", fields=[name]
            )
        return value or None

    return check


def _email(f: Field) -> Check:
    text = _text(f)

    def check(value: Any) -> Any:
        value = text(value)
        if value is not None and not _EMAIL.match(value):
            raise OrgFault("INVALID_EMAIL_ADDRESS", f"{f.label}: invalid email address: {value}", fields=[f.name])
        return value

    return check


def _bad_value(f: Field, value: str) -> OrgFault:
    return OrgFault(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        f"{f.label}: bad value for restricted picklist field: {value}",
        fields=[f.name],
    )


def _picklist(f: Field) -> Check:
    text = _text(f)
    if not f.restricted:
        return text
    known = {v.value.lower(): v.value for v in f.picklist if v.active}

    def check(value: Any) -> Any:
        value = text(value)
        if value is None:
            return None
        found = known.get(value.lower())
        if found is None:
            raise _bad_value(f, value)
        return found

    return check


def _multipicklist(f: Field) -> Check:
    order = {v.value.lower(): (i, v.value) for i, v in enumerate(f.picklist) if v.active}

    def check(value: Any) -> Any:
        if not isinstance(value, str):
            raise TypeFault(f, value)
        parts = [part.strip() for part in value.split(";") if part.strip()]
        if f.restricted:
            for part in parts:
                if part.lower() not in order:
                    raise _bad_value(f, part)
        placed = [order.get(part.lower(), (len(order), part)) for part in parts]
        return ";".join(text for _, text in sorted(placed, key=lambda pair: pair[0])) or None

    return check


def _boolean(f: Field) -> Check:
    known = {True: 1, False: 0, "true": 1, "false": 0, "1": 1, "0": 0}

    def check(value: Any) -> Any:
        if isinstance(value, str):
            value = value.strip().lower()
            if not value:
                return 0
        if not isinstance(value, bool | str) and value not in (0, 1):
            raise TypeFault(f, value)
        found = known.get(value)
        if found is None:
            raise TypeFault(f, value)
        return found

    return check


def _number(f: Field) -> Check:
    if f.type in ("int", "long"):
        scale, bound = 0, min(10**f.digits - 1, _INT_MAX) if f.digits else _INT_MAX
    else:
        scale, bound = f.scale, 10 ** (f.precision - f.scale) if f.precision else 10**18
    whole = f.type in ("int", "long")
    quantum = Decimal(1).scaleb(-scale)

    def check(value: Any) -> Any:
        if isinstance(value, str) and not value.strip():
            return None
        number = _decimal(f, value)
        if whole and number != number.to_integral_value():
            raise TypeFault(f, value)
        number = number.quantize(quantum, ROUND_HALF_UP) if abs(number) < 10**20 else number
        if abs(number) > bound or (not whole and abs(number) == bound):
            raise OrgFault(
                "NUMBER_OUTSIDE_VALID_RANGE",
                f"{f.label}: value outside of valid range on numeric field: {value}",
                fields=[f.name],
            )
        return int(number) if whole else float(number)

    return check


def _decimal(f: Field, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeFault(f, value)
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise TypeFault(f, value) from None
    if not number.is_finite():
        raise TypeFault(f, value)
    return number


def _date(f: Field) -> Check:
    def check(value: Any) -> Any:
        if value.__class__ is str:
            if not value.strip():
                return None
            if _DATE.match(value):
                try:
                    date.fromisoformat(value)
                except ValueError:
                    raise TypeFault(f, value) from None
                return value
        raise TypeFault(f, value)

    return check


def _datetime(f: Field) -> Check:
    def check(value: Any) -> Any:
        if value.__class__ is str:
            if not value.strip():
                return None
            if _DATETIME.match(value):
                try:
                    return int(datetime.fromisoformat(value).timestamp())
                except ValueError:
                    raise TypeFault(f, value) from None
        raise TypeFault(f, value)

    return check


def _time(f: Field) -> Check:
    def check(value: Any) -> Any:
        match = _TIME.match(value) if isinstance(value, str) else None
        if match is None or int(match[1]) > 23 or int(match[2]) > 59 or int(match[3]) > 59:
            raise TypeFault(f, value)
        return f"{match[1]}:{match[2]}:{match[3]}.{(match[4] or '').ljust(3, '0')}Z"

    return check


def _reference(f: Field) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, str):
            value = value.strip()
            if not value:
                return None
            found = full_id(value)
            if found is not None:
                return found
        raise OrgFault("MALFORMED_ID", f"{f.label}: id value of incorrect type: {value}", fields=[f.name])

    return check


def _base64(f: Field) -> Check:
    def check(value: Any) -> Any:
        if not isinstance(value, str):
            raise TypeFault(f, value)
        try:
            content = base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError):
            raise TypeFault(f, ascii(value[:40])) from None
        return base64.b64encode(content).decode()

    return check


def content_length(stored: str) -> int:
    """How many bytes a stored base64 value stands for."""
    return len(stored) * 3 // 4 - stored[-2:].count("=")


_MAKERS: dict[str, Callable[[Field], Check]] = {
    "email": _email,
    "picklist": _picklist,
    "multipicklist": _multipicklist,
    "boolean": _boolean,
    "int": _number,
    "long": _number,
    "double": _number,
    "currency": _number,
    "percent": _number,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "reference": _reference,
    "id": _reference,
    "base64": _base64,
}


def datetime_text(seconds: int) -> str:
    """A stored datetime as REST prints it: ``2026-01-02T03:04:05.000+0000``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def shown(f: Field, value: Any) -> Any:
    """A stored value as REST's JSON shows it."""
    if value is None:
        return None
    if f.type == "boolean":
        return bool(value)
    if f.type == "datetime":
        return datetime_text(value)
    return value


def part_key(name: str, f: Field) -> str:
    """``MailingPostalCode`` is ``postalCode`` in its address; ``Spot__Latitude__s`` is ``latitude``."""
    bare = name.removesuffix("__s").rsplit("__", 1)[-1]
    for suffix in ("Street", "City", "StateCode", "State", "PostalCode", "CountryCode", "Country", "Latitude",
                   "Longitude", "GeocodeAccuracy"):  # fmt: skip
        if bare.endswith(suffix):
            return suffix[0].lower() + suffix[1:]
    return bare
