"""What each org field type means for us: its text form, whether values compare, and what goes into a JSON body."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from core.schema.describe import OrgField


class Form(StrEnum):
    """The family of canonical text that a type uses."""

    TEXT = "text"
    """As it is, without trailing blanks; empty is null."""
    BOOLEAN = "boolean"
    """``true`` or ``false``."""
    INTEGER = "integer"
    NUMBER = "number"
    """Plain digits, no exponent, no trailing zeros."""
    DATE = "date"
    """``YYYY-MM-DD``; never moved between zones."""
    DATETIME = "datetime"
    """``YYYY-MM-DDTHH:MM:SSZ``: an instant in UTC, whole seconds."""
    TIME = "time"
    MULTI = "multi"
    """Values joined by semicolons; their order means nothing."""
    REFERENCE = "reference"
    """An 18 character Id."""
    COMPOUND = "compound"
    """Address and location: read through their parts, never written as a whole."""
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """What we do with a type."""

    form: Form
    comparable: bool = True
    """Whether equal text means equal values, so that a change can be told."""
    mappable: bool = True
    """Whether a person may map it."""


_TYPES: dict[str, TypeInfo] = {
    "id": TypeInfo(Form.REFERENCE),
    "reference": TypeInfo(Form.REFERENCE),
    "string": TypeInfo(Form.TEXT),
    "textarea": TypeInfo(Form.TEXT),
    "phone": TypeInfo(Form.TEXT),
    "email": TypeInfo(Form.TEXT),
    "url": TypeInfo(Form.TEXT),
    "picklist": TypeInfo(Form.TEXT),
    "combobox": TypeInfo(Form.TEXT),
    "multipicklist": TypeInfo(Form.MULTI),
    "boolean": TypeInfo(Form.BOOLEAN),
    "int": TypeInfo(Form.INTEGER),
    "long": TypeInfo(Form.INTEGER),
    "double": TypeInfo(Form.NUMBER),
    "currency": TypeInfo(Form.NUMBER),
    "percent": TypeInfo(Form.NUMBER),
    "date": TypeInfo(Form.DATE),
    "datetime": TypeInfo(Form.DATETIME),
    "time": TypeInfo(Form.TIME),
    "anyType": TypeInfo(Form.TEXT, comparable=False),
    "encryptedstring": TypeInfo(Form.TEXT, comparable=False),
    "address": TypeInfo(Form.COMPOUND, comparable=False, mappable=False),
    "location": TypeInfo(Form.COMPOUND, comparable=False, mappable=False),
    "complexvalue": TypeInfo(Form.COMPOUND, comparable=False, mappable=False),
    "json": TypeInfo(Form.COMPOUND, comparable=False, mappable=False),
    "base64": TypeInfo(Form.BINARY, comparable=False, mappable=False),
}
UNKNOWN = TypeInfo(Form.TEXT, comparable=False, mappable=False)


def type_info(org_type: str) -> TypeInfo:
    """What a type means; a type never heard of is text that is neither compared nor mapped."""
    return _TYPES.get(org_type, UNKNOWN)


def form_of(field: OrgField) -> Form:
    """The text form of a field's values."""
    return type_info(field.type).form


def to_json(field: OrgField, text: str | None) -> str | int | float | bool | None:
    """Canonical text as the JSON value that the org expects.

    Raises:
        ValueError: the text is not canonical for the type.
    """
    if text is None:
        return None
    form = form_of(field)
    if form is Form.BOOLEAN:
        if text not in ("true", "false"):
            raise ValueError(f"{field.name}: {text!r} is neither true nor false")
        return text == "true"
    if form is Form.INTEGER:
        return int(text)
    if form is Form.NUMBER:
        number = _decimal(field, text)
        return int(number) if number == number.to_integral_value() else float(number)
    return text


def from_json(field: OrgField, value: object) -> str | None:
    """A JSON value of the org as canonical text; empty text is null, as it is in the org."""
    if value is None or value == "":
        return None
    form = form_of(field)
    if form is Form.BOOLEAN or isinstance(value, bool):
        return "true" if value in (True, "true") else "false"
    if form in (Form.INTEGER, Form.NUMBER):
        return plain_number(_decimal(field, str(value)))
    if form is Form.DATETIME:
        return canonical_instant(str(value))
    return str(value)


def plain_number(number: Decimal) -> str:
    """A number without exponent and without trailing zeros."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def canonical_instant(text: str) -> str:
    """Any instant that the org spells in UTC as ``YYYY-MM-DDTHH:MM:SSZ``; other text is returned as it is."""
    head, zone = text[:19], text[19:]
    if zone.startswith("."):
        zone = zone.lstrip(".0123456789")
    return head + "Z" if len(head) == 19 and zone in ("Z", "+0000", "+00:00", "-0000", "-00:00") else text


def _decimal(field: OrgField, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{field.name}: {text!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{field.name}: {text!r} is not a number")
    return number
