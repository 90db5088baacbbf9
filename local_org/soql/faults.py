"""The errors a query can earn, in Salesforce's layout: the echoed line, a caret, row and column, the message."""

from __future__ import annotations

from local_org.org.model import OrgFault

_ECHO_LIMIT = 200
_ECHO_SIDE = 80
_REFERENCE = "Please reference your WSDL or the describe call for the appropriate names."


def locate(text: str, pos: int) -> tuple[int, int]:
    """Row and column, both from 1, of a position in the text."""
    before = text[:pos]
    return before.count("\n") + 1, pos - (before.rfind("\n") + 1) + 1


def at(text: str, pos: int, code: str, message: str) -> OrgFault:
    """An error that points into the query text; a very long line is echoed only around the caret."""
    row, column = locate(text, pos)
    line = text.split("\n")[row - 1].rstrip("\r")
    caret = column - 1
    if len(line) > _ECHO_LIMIT:
        start = max(0, caret - _ECHO_SIDE)
        line, caret = line[start : caret + _ECHO_SIDE], caret - start
    return OrgFault(code, f"\n{line}\n{' ' * caret}^\nERROR at Row:{row}:Column:{column}\n{message}")


def malformed(text: str, pos: int, message: str) -> OrgFault:
    """A MALFORMED_QUERY that points into the text."""
    return at(text, pos, "MALFORMED_QUERY", message)


def unexpected(text: str, pos: int, token: str) -> OrgFault:
    """The parser met a token that cannot stand there."""
    return malformed(text, pos, f"unexpected token: '{token}'")


def lexical(text: str, pos: int, message: str) -> OrgFault:
    """A character or string that is no token: Salesforce answers these without echo."""
    row, column = locate(text, pos)
    return OrgFault("MALFORMED_QUERY", f"line {row}:{column - 1} {message}")


def invalid_field(text: str, pos: int, message: str) -> OrgFault:
    """An INVALID_FIELD that points into the text."""
    return at(text, pos, "INVALID_FIELD", message)


def invalid_operator(text: str, pos: int, message: str) -> OrgFault:
    """An operator or value that the field's type does not take."""
    return at(text, pos, "INVALID_QUERY_FILTER_OPERATOR", message)


def no_such_object(text: str, pos: int, name: str) -> OrgFault:
    """The object does not exist, or not for this user."""
    return at(
        text,
        pos,
        "INVALID_TYPE",
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, be sure to append "
        f"the '__c' after the entity name. {_REFERENCE}",
    )


def no_such_column(text: str, pos: int, name: str, entity: str) -> OrgFault:
    """The field does not exist, or not for this user."""
    return invalid_field(
        text,
        pos,
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom field, be sure to "
        f"append the '__c' after the custom field name. {_REFERENCE}",
    )


def no_such_parent(text: str, pos: int, name: str) -> OrgFault:
    """A field path names a parent relationship that does not exist."""
    return invalid_field(
        text,
        pos,
        f"Didn't understand relationship '{name}' in field path. If you are attempting to use a custom "
        f"relationship, be sure to append the '__r' after the custom relationship name. {_REFERENCE}",
    )


def no_such_child(text: str, pos: int, name: str) -> OrgFault:
    """A subquery names a child relationship that does not exist."""
    return at(
        text,
        pos,
        "INVALID_TYPE",
        f"Didn't understand relationship '{name}' in FROM part of query call. If you are attempting to use a custom "
        f"relationship, be sure to append the '__r' after the custom relationship name. {_REFERENCE}",
    )
