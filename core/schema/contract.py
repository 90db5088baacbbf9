"""What a mapping relies on of an object's fields, kept as a value and checked against what the org describes now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.schema.describe import OrgField, OrgObject
from core.schema.types import form_of


@dataclass(frozen=True, slots=True)
class Need:
    """What is relied on of one field."""

    field: str
    type: str = ""
    length: int = 0
    """The field took this many characters when the contract was made; 0 where length means nothing."""
    read: bool = True
    create: bool = False
    update: bool = False
    values: tuple[str, ...] = ()
    """Values that are written to it and must stay valid."""
    external_id: bool = False

    @classmethod
    def of(
        cls,
        found: OrgField,
        *,
        create: bool = False,
        update: bool = False,
        values: Iterable[str] = (),
        external_id: bool = False,
    ) -> Need:
        """The need for a field as it is described now."""
        return cls(
            field=found.name,
            type=found.type,
            length=found.length if found.type in ("string", "textarea", "email", "phone", "url", "combobox") else 0,
            create=create and found.createable,
            update=update and found.updateable,
            values=tuple(values) if found.restricted else (),
            external_id=external_id,
        )


@dataclass(frozen=True, slots=True)
class Breach:
    """One broken promise, with the sentence for the org's admin."""

    sobject: str
    field: str
    code: str
    message: str
    ask: str


@dataclass(frozen=True)
class Contract:
    """All that is relied on of one object by one job."""

    sobject: str
    needs: tuple[Need, ...]
    create: bool = False
    update: bool = False
    filled: tuple[str, ...] = ()
    """Fields that are filled on create; any other field that becomes required breaks the contract."""

    def to_dict(self) -> dict[str, Any]:
        """A plain form that can be stored."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Contract:
        """The contract of its plain form."""
        needs = tuple(Need(**{**n, "values": tuple(n.get("values", ()))}) for n in raw["needs"])
        return cls(
            raw["sobject"], needs, raw.get("create", False), raw.get("update", False), tuple(raw.get("filled", ()))
        )

    def breaches(self, org: OrgObject | None) -> list[Breach]:
        """What the org no longer keeps, in the order of the needs."""
        if org is None:
            text = f"{self.sobject} is gone, or hidden from the connected user."
            return [Breach(self.sobject, "", "object_gone", text, f"Please grant read access to {self.sobject}.")]
        out = self._object(org)
        for need in self.needs:
            found = org.field(need.field)
            out += [_gone(self.sobject, need)] if found is None else _broken(self.sobject, need, found)
        return out + self._required(org)

    def _object(self, org: OrgObject) -> list[Breach]:
        out = []
        for wanted, allowed, verb in ((self.create, org.createable, "create"), (self.update, org.updateable, "edit")):
            if wanted and not allowed:
                text = f"The connected user may no longer {verb} {org.name} records."
                out.append(Breach(org.name, "", f"object_no_{verb}", text, f"Please grant '{verb}' on {org.label}."))
        return out

    def _required(self, org: OrgObject) -> list[Breach]:
        if not self.create:
            return []
        known = {f.lower() for f in self.filled}
        return [
            Breach(
                org.name,
                f.name,
                "required_unfilled",
                f"{org.name}.{f.name} is required when a record is created, and nothing fills it.",
                f"Please make {f.label} ({f.name}) optional, or give it a default value.",
            )
            for f in org.required_on_create
            if f.name.lower() not in known
        ]


def _gone(sobject: str, need: Need) -> Breach:
    access = "edit" if need.create or need.update else "read"
    text = f"{sobject}.{need.field} is gone, or hidden from the connected user by field-level security."
    return Breach(sobject, need.field, "field_gone", text, f"Please grant {access} access to {sobject}.{need.field}.")


def _broken(sobject: str, need: Need, found: OrgField) -> list[Breach]:
    out: list[Breach] = []
    name = f"{sobject}.{found.name}"

    def say(code: str, text: str, ask: str) -> None:
        out.append(Breach(sobject, found.name, code, f"{name} {text}", ask))

    if need.type and found.type != need.type and form_of(found) is not form_of(OrgField("", "", need.type)):
        say(
            "type",
            f"is now of type {found.type}; the mapping was made for {need.type}.",
            f"Please check why the type of {name} changed.",
        )
    if need.length and 0 < found.length < need.length:
        say(
            "shorter",
            f"takes {found.length} characters now; it took {need.length}.",
            f"Please give {name} a length of {need.length} again.",
        )
    if (need.create and not found.createable) or (need.update and not found.updateable):
        say("read_only", "can no longer be written by the connected user.", f"Please grant edit access to {name}.")
    if need.external_id and not found.external_id:
        say("no_external_id", "is no longer an External ID.", f"Please mark {name} as External ID again.")
    lost = _lost(need, found)
    if lost:
        say(
            "values_gone",
            f"no longer takes {', '.join(lost)}.",
            f"Please activate {', '.join(lost)} in the picklist of {name} again.",
        )
    return out


def _lost(need: Need, found: OrgField) -> list[str]:
    if not found.restricted:
        return []
    active = {v.lower() for v in found.active_values}
    return [v for v in need.values if v.lower() not in active]
