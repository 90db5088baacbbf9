"""One record on its way into the org, and the errors that every kind of record shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from local_org.org.model import Field, OrgFault, SaveResult, SObject


class Known(NamedTuple):
    """What was found out about a record that a lookup names."""

    sobject: str
    deleted: bool
    extra: Any
    seen: bool = True
    """Whether the user may read it."""


class Row:
    """One record on its way into the org."""

    __slots__ = ("created", "errors", "id", "index", "old", "record", "values", "whos")

    def __init__(self, index: int, record: Mapping[str, Any]) -> None:
        """Start with what the request said."""
        self.index = index
        self.record = record
        self.id: str | None = None
        self.old: dict[str, Any] | None = None
        self.values: dict[str, Any] = {}
        self.errors: list[OrgFault] = []
        self.created = False
        self.whos: list[str] | None = None
        """Whom an activity is about, where the request lists them."""

    def get(self, name: str) -> Any:
        """The value after this save."""
        if name in self.values:
            return self.values[name]
        return self.old.get(name) if self.old else None

    def changes(self, *names: str) -> bool:
        """Whether the save gives one of the fields another value (on create: any value)."""
        values, old = self.values, self.old or {}
        for name in names:  # noqa: SIM110 - asked many times for every row, and a generator costs more than the question
            if name in values and values[name] != old.get(name):
                return True
        return False

    def result(self) -> SaveResult:
        """What the caller is told."""
        if self.errors:
            return SaveResult(id=None, success=False, errors=self.errors)
        return SaveResult(id=self.id, success=True, created=self.created)

    def fail(self, code: str, message: str, fields: list[str] | None = None, *, status: int = 400) -> None:
        """Add an error: the row will not be written."""
        self.errors.append(OrgFault(code, message, fields=[] if fields is None else fields, status=status))


def folded(f: Field, value: Any) -> Any:
    """A value as the field compares it: texts without case unless the field is case sensitive."""
    return value.lower() if isinstance(value, str) and not f.case_sensitive else value


def no_such_column(name: str, sobject: SObject) -> OrgFault:
    """The error for a field that does not exist for this user."""
    return OrgFault("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")


def not_writable(names: list[str]) -> OrgFault:
    """The error for fields that the user, or anybody, cannot write."""
    return OrgFault(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of this field and "
        "verify that it is read/write for your profile or permission set.",
        fields=names,
    )
