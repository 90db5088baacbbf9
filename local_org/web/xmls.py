"""Reads and writes the XML of the older APIs, refusing document types so that no entity can grow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_BARE = {number: None for number in range(32) if number not in (9, 10, 13)} | {0xFFFE: None, 0xFFFF: None}
"""Characters that XML 1.0 cannot carry, not even escaped."""


class XmlFault(ValueError):
    """The text is no XML that is accepted here."""


def parsed(content: bytes) -> ElementTree.Element:
    """The root element.

    Raises:
        XmlFault: It is broken, or it declares a document type.
    """
    # Another encoding could hide a document type from the search below.
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as fault:
        raise XmlFault("the text is not valid UTF-8") from fault
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise XmlFault("a document type is not accepted")
    try:
        # Document types are refused above, so that no entity can grow.
        return ElementTree.fromstring(text)  # noqa: S314  # nosec B314
    except (ElementTree.ParseError, ValueError) as fault:
        raise XmlFault(f"the text is not well-formed: {fault}") from fault


def local(tag: str) -> str:
    """A name without its namespace."""
    return tag.rpartition("}")[2]


def is_nil(element: ElementTree.Element) -> bool:
    """Whether an element says `xsi:nil`."""
    return element.get(_NIL, "").strip() in ("true", "1")


def xsi_type(element: ElementTree.Element) -> str:
    """The type that an element claims, without its prefix."""
    return element.get(_TYPE, "").rpartition(":")[2]


def texts(element: ElementTree.Element) -> dict[str, str]:
    """The texts of the children by local name; of several with one name the last."""
    return {local(child.tag): (child.text or "").strip() for child in element}


def named(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    """The children of that local name."""
    return [child for child in element if local(child.tag) == name]


def word(value: Any) -> str:
    """A value as XML carries it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value).translate(_BARE))


def tag(name: str, value: Any) -> str:
    """One element with a value."""
    return f"<{name}>{word(value)}</{name}>"


def tags(pairs: Iterable[tuple[str, Any]]) -> str:
    """Elements with values; without a value an element is left out."""
    return "".join(tag(name, value) for name, value in pairs if value is not None)
