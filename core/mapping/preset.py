"""Presets for commercial real estate orgs: which objects hold properties, listings, deals, and what activities hang on.

A preset is data that an admin adapts; it is never trusted, only proposed and checked against what the org describes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import yaml

from core.errors import NotFound
from core.mapping.findings import Finding, fail, warn
from core.mapping.spec import FieldMapping, JobSpec, PairSpec, Role
from core.records import Direction, Kind
from core.schema.describe import OrgField, OrgObject

_PLURALS = {"property": "properties"}
_SOUNDS = {
    "property": ("property", "building"),
    "space": ("space", "suite", "availab", "unit"),
    "deal": ("deal", "requirement", "proposal", "pursuit"),
    "ownership": ("owner",),
}
"""Words that give an object away as one that holds a role; else the role's own."""


@dataclass(frozen=True)
class PresetObject:
    """One idea of real estate and the org object that holds it."""

    role: str
    """property, space, listing, lease, deal, sale or ownership."""
    names: tuple[str, ...]
    """API names it is known by; the first one that the org has is used."""
    parent: str | None = None
    """Lookup to the object it belongs to."""
    fields: tuple[tuple[str, str], ...] = ()
    """Custom record field to org field."""
    people: tuple[str, ...] = ()
    """Lookups to the people on it."""
    accounts: tuple[str, ...] = ()
    """Lookups to the accounts on it."""


@dataclass(frozen=True)
class Preset:
    """Which custom objects an org of some style has, and in what order activities are attached to them."""

    name: str
    title: str
    note: str
    objects: tuple[PresetObject, ...]
    attach: tuple[str, ...]

    def object(self, role: str) -> PresetObject | None:
        """The object of a role."""
        return next((o for o in self.objects if o.role == role), None)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A preset's object as the org really has it."""

    role: str
    sobject: str
    fields: dict[str, str]
    people: tuple[str, ...]
    accounts: tuple[str, ...]
    parent: str | None
    attachable: bool
    """Whether Task.WhatId may point to it."""


@cache
def presets() -> tuple[Preset, ...]:
    """All packaged presets, by name."""
    folder = resources.files("core.mapping").joinpath("presets")
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)
    return tuple(from_dict(f.name[:-5], yaml.safe_load(f.read_text(encoding="utf-8"))) for f in files)


def preset(name: str) -> Preset:
    """A packaged preset.

    Raises:
        NotFound: there is none of that name.
    """
    found = next((p for p in presets() if p.name == name), None)
    if found is None:
        raise NotFound(f"There is no preset {name}.", hint=f"There are: {', '.join(p.name for p in presets())}.")
    return found


def from_dict(name: str, raw: Mapping[str, Any]) -> Preset:
    """A preset of its plain form, as packaged or as an admin adapted it."""
    objects = tuple(
        PresetObject(
            role=o["role"],
            names=tuple(o["names"]),
            parent=o.get("parent"),
            fields=tuple((o.get("fields") or {}).items()),
            people=tuple(o.get("people", ())),
            accounts=tuple(o.get("accounts", ())),
        )
        for o in raw["objects"]
    )
    return Preset(name, raw["title"], raw["note"], objects, tuple(raw["attach"]))


def fitted(chosen: Preset, orgs: Mapping[str, OrgObject]) -> list[Fitted]:
    """The preset cut down to what the org has, in the order in which activities are attached."""
    parents = _activity_parents(orgs)
    out = []
    for idea in chosen.objects:
        org = _first(idea.names, orgs)
        if org is not None:
            out.append(_fit(idea, org, attachable=org.name in parents))
    order = {role: i for i, role in enumerate(chosen.attach)}
    return sorted(out, key=lambda f: order.get(f.role, len(order)))


def _fit(idea: PresetObject, org: OrgObject, *, attachable: bool) -> Fitted:
    fields = {ours: f.name for ours, n in idea.fields if (f := _field(org, n)) is not None}
    lookups = [f for n in (*idea.people, *idea.accounts) if (f := _field(org, n)) is not None]
    # Who stands behind a lookup is the org's to say: a landlord may be a company there, and a person elsewhere.
    people = tuple(f.name for f in lookups if set(f.reference_to) & {"Contact", "Lead"})
    accounts = tuple(f.name for f in lookups if "Account" in f.reference_to)
    parent = _field(org, idea.parent) if idea.parent else None
    return Fitted(idea.role, org.name, fields, people, accounts, parent.name if parent else None, attachable)


def _field(org: OrgObject, name: str) -> OrgField | None:
    """A field by its name, or by that name in the object's own namespace: packages come in several."""
    found = org.field(name)
    if found is not None or "__" not in org.name.removesuffix("__c"):
        return found
    plain = name.removesuffix("__c").rpartition("__")[2]
    return org.field(f"{org.name.partition('__')[0]}__{plain}__c")


def adapted(chosen: Preset, picks: Mapping[str, str]) -> Preset:
    """The preset with the objects that an admin picked for some of its roles.

    Raises:
        NotFound: the preset has no such role.
    """
    for role in picks:
        if chosen.object(role) is None:
            known = ", ".join(o.role for o in chosen.objects)
            raise NotFound(f"The preset {chosen.name} has no {role}.", hint=f"It has: {known}.")
    objects = tuple(replace(o, names=(picks[o.role],)) if o.role in picks else o for o in chosen.objects)
    return replace(chosen, objects=objects)


def suggestions(role: str, names: Iterable[tuple[str, str]]) -> list[str]:
    """Org objects, given as (name, label), that sound like a role of a preset."""
    words = _SOUNDS.get(role, (role,))
    return [n for n, label in names if n.endswith("__c") and any(w in f"{n} {label}".lower() for w in words)]


def job_of(chosen: Preset, found: Fitted, org: OrgObject) -> JobSpec:
    """The inbound job that brings a preset's objects in as custom records, with their phones, people and account."""
    label = found.role.capitalize()
    rows = [
        FieldMapping(source="Id", target="external_id", role=Role.KEY),
        FieldMapping(constant=label, target="label"),
        FieldMapping(source="Name", target="name"),
    ]
    rows += [FieldMapping(source=found.accounts[0], target="account", role=Role.ACCOUNT)] if found.accounts else []
    rows += [FieldMapping(source=found.people[0], target="person", role=Role.PERSON)] if found.people else []
    rows += [FieldMapping(source=n, target=f"fields.{_plain(n)}") for n in (*found.people[1:], *found.accounts[1:])]
    rows += [FieldMapping(source=found.parent, target="parent_ref")] if found.parent else []
    rows += [FieldMapping(source=n, target="status" if ours == "status" else f"fields.{ours}")
             for ours, n in found.fields.items()]  # fmt: skip
    phones = [f.name for f in org.fields if f.type == "phone"]
    rows += [FieldMapping(source=n, target="phone" if i == 0 else f"fields.{_plain(n)}") for i, n in enumerate(phones)]
    rows += [FieldMapping(source="Owner.Email", target="owner")] if org.field("OwnerId") else []
    rows.append(FieldMapping(source="LastModifiedDate", target="updated_at"))
    return JobSpec(
        name=f"{_plural(found.role)}_in",
        title=f"{_plural(found.role).capitalize()}, inbound",
        direction=Direction.INBOUND,
        kind=Kind.RECORD,
        template=f"preset:{chosen.name}",
        pairs=(PairSpec(sobject=found.sobject, mappings=tuple(rows)),),
        after=("accounts_in", "people_in"),
    )


def _plural(role: str) -> str:
    return _PLURALS.get(role, f"{role}s")


def _plain(name: str) -> str:
    return name.removesuffix("__c").rpartition("__")[2].lower()


def check(chosen: Preset, orgs: Mapping[str, OrgObject], known: Sequence[tuple[str, str]] = ()) -> list[Finding]:
    """What of a preset the org does not have: objects, fields, lookups, or activities on its objects.

    Args:
        chosen: the preset.
        orgs: describes of the objects it names, and Task, by name; those the org lacks are not in it.
        known: every object of the org as (name, label), to suggest one where the preset's is not there.
    """
    out = []
    parents = _activity_parents(orgs)
    for idea in chosen.objects:
        org = _first(idea.names, orgs)
        if org is None:
            text = f"The org has no object for a {idea.role} ({' or '.join(idea.names)})."
            sounding = suggestions(idea.role, known)
            mend = f"Choose the object{f', perhaps {sounding[0]}' if sounding else ''}, or leave this one out."
            out.append(warn("preset_object", idea.names[0], text, mend, "object"))
            continue
        names = [n for _, n in idea.fields] + [n for n in (idea.parent, *idea.people, *idea.accounts) if n]
        for name in names:
            if _field(org, name) is None:
                text = f"{org.name} has no field {name}, or it is hidden from the connected user."
                out.append(warn("preset_field", name, text, "Choose another field, or leave it out."))
        if idea.role in chosen.attach and org.name not in parents:
            text = f"Activities cannot be related to {org.name}: it is not among the objects of WhatId."
            mend = f"Ask the org's admin to allow activities on {org.label}."
            out.append(warn("preset_no_activities", "WhatId", text, mend, "lookup"))
    if all(_first(o.names, orgs) is None for o in chosen.objects):
        out.insert(
            0,
            fail(
                "preset_wrong",
                "",
                f"The org has none of the objects of '{chosen.title}'.",
                "Choose another preset.",
                "object",
            ),
        )
    return out


def best(orgs: Mapping[str, OrgObject]) -> Preset | None:
    """The preset of which the org has the most objects and fields; None where it has no custom object of any."""

    def score(chosen: Preset) -> int:
        found = [f for f in fitted(chosen, orgs) if f.sobject.endswith("__c")]
        return sum(10 + len(f.fields) + len(f.people) + len(f.accounts) for f in found)

    ranked = sorted(presets(), key=score, reverse=True)
    return ranked[0] if score(ranked[0]) else None


def _first(names: Iterable[str], orgs: Mapping[str, OrgObject]) -> OrgObject | None:
    known = {o.name.lower(): o for o in orgs.values()}
    return next((known[n.lower()] for n in names if n.lower() in known), None)


def _activity_parents(orgs: Mapping[str, OrgObject]) -> frozenset[str]:
    task = _first(["Task"], orgs)
    what = task.field("WhatId") if task else None
    return frozenset(what.reference_to) if what else frozenset()
