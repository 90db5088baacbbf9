"""The workspace's own words: custom fields with their types, stages, outcomes and activity types."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from core.errors import UsageError
from core.records import Kind, WorkspaceField, workspace_fields

FieldType = Literal["text", "longtext", "number", "boolean", "date", "datetime", "email", "phone", "choice"]
TYPES: tuple[str, ...] = ("text", "longtext", "number", "boolean", "date", "datetime", "email", "phone", "choice")
LISTS = {
    "person_stages": "stage",
    "account_stages": "fields.stage",
    "outcomes": "outcome",
    "activity_types": "type",
}
"""Word list -> the workspace field that holds one of them."""


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CustomField(_Words):
    """A field that the team has added to a kind of record; mappings name it ``fields.<name>``."""

    kind: Kind
    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")
    label: str = ""
    type: FieldType = "text"
    choices: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _choices(self) -> CustomField:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError(f"{self.name}: a choice has choices, and nothing else has")
        return self

    @property
    def field(self) -> WorkspaceField:
        """As mappings and editors know it."""
        kind = {"choice": "text"}.get(self.type, self.type)
        return WorkspaceField(f"fields.{self.name}", self.label or self.name.replace("_", " ").capitalize(), kind)


class Vocabulary(_Words):
    """Everything the team calls by names of its own."""

    fields: tuple[CustomField, ...] = ()
    person_stages: tuple[str, ...] = ()
    account_stages: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    activity_types: tuple[str, ...] = ()

    @field_validator("person_stages", "account_stages", "outcomes", "activity_types")
    @classmethod
    def _once(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        doubled = [w for w, n in Counter(w.strip().lower() for w in words).items() if n > 1 or not w]
        if doubled:
            raise ValueError(f"{doubled[0] or 'an empty word'} is given more than once")
        return words

    def of(self, kind: Kind) -> dict[str, CustomField]:
        """The custom fields of a kind, by name."""
        return {f.name: f for f in self.fields if f.kind is kind}

    def words(self, kind: Kind) -> dict[str, tuple[str, ...]]:
        """The words that a kind's fields may hold, by workspace field; only lists that hold something."""
        names = {Kind.PERSON: ("person_stages",), Kind.ACCOUNT: ("account_stages",)}.get(
            kind, () if kind is Kind.RECORD else ("outcomes", "activity_types")
        )
        return {LISTS[n]: getattr(self, n) for n in names if getattr(self, n)}

    def with_field(self, added: CustomField) -> Vocabulary:
        """With a custom field added, or changed where there is one of that kind and name."""
        rest = tuple(f for f in self.fields if (f.kind, f.name) != (added.kind, added.name))
        return self.model_copy(update={"fields": (*rest, added)})

    def without_field(self, kind: Kind, name: str) -> Vocabulary:
        """Without a custom field; values that are there stay.

        Raises:
            UsageError: there is none.
        """
        if name not in self.of(kind):
            raise UsageError(f"A {kind.value} has no custom field {name}.")
        return self.model_copy(update={"fields": tuple(f for f in self.fields if (f.kind, f.name) != (kind, name))})

    def with_words(self, name: str, words: tuple[str, ...]) -> Vocabulary:
        """With a word list replaced.

        Raises:
            UsageError: there is no such list, or a word comes twice.
        """
        if name not in LISTS:
            raise UsageError(f"There is no word list {name}.", hint=f"Lists: {', '.join(LISTS)}.")
        try:
            return Vocabulary.model_validate({**self.model_dump(), name: tuple(w.strip() for w in words)})
        except ValueError:
            raise UsageError(f"A word of {name} is empty, or is there twice.", hint="Keep each of them once.") from None


def all_fields(kind: Kind, vocabulary: Vocabulary) -> tuple[WorkspaceField, ...]:
    """Every field of a kind that can be mapped: the workspace's own and the team's."""
    return (*workspace_fields(kind), *(f.field for f in vocabulary.of(kind).values()))


_FORMS: dict[str, str] = {
    "date": r"\d{4}-\d{2}-\d{2}",
    "datetime": r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})",
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "phone": r"[\d\s().+/x#-]{5,40}",
}


def fault(declared: CustomField, value: Any) -> str:
    """Why a value does not fit its custom field, in words that go on after the field's name; empty where it does."""
    if value is None:
        return ""
    text = str(value).strip()
    if declared.type == "number" and (isinstance(value, bool) or not re.fullmatch(r"[+-]?\d+(\.\d+)?", text)):
        return f"'{text[:40]}' is not a number"
    if declared.type == "boolean" and text.lower() not in ("true", "false"):
        return f"'{text[:40]}' is neither true nor false"
    if declared.type in _FORMS and not re.fullmatch(_FORMS[declared.type], text, re.IGNORECASE):
        return f"'{text[:40]}' is not {'an' if declared.type == 'email' else 'a'} {_NAMES[declared.type]}"
    if declared.type == "choice" and text.lower() not in (c.lower() for c in declared.choices):
        return f"'{text[:40]}' is not one of {', '.join(declared.choices)}"
    return ""


_NAMES = {"date": "date like 2026-11-21", "datetime": "time like 2026-11-21T14:05:00Z", "email": "e-mail address",
          "phone": "phone number"}  # fmt: skip
