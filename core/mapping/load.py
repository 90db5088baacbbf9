"""Loads the packaged job templates and makes jobs from them, fitted to what an org has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

from core.errors import NotFound
from core.mapping.spec import FieldMapping, JobSpec, PairSpec
from core.records import Direction, Kind, workspace_fields
from core.schema.describe import OrgObject, resolve

CHOOSE_FIELD = "Campaign Touch ID"
"""Target of a row whose org field a person has still to choose."""
_OWN_KEYS = ("optional", "instead")
_KEYS_OF_PAIR = ("rows", "attributes", "details", "engine", "mappings", "custom_phones")
_ROLES = {"AccountId": "account", "Id": "key", CHOOSE_FIELD: "key", "OwnerId": "owner"}

Row = tuple[str, str, str, str]
"""A row of a default mapping table: org field, its type, workspace attribute, its type."""


@dataclass(frozen=True)
class TemplateInfo:
    """One default job: what it is for, and its mapping tables as people know them."""

    name: str
    title: str
    summary: str
    direction: Direction
    kind: Kind
    sobjects: tuple[str, ...]
    rows: tuple[Row, ...]
    """The rows of its default table, where it has one."""
    after: tuple[str, ...] = ()


@cache
def _read(name: str) -> dict[str, Any]:
    file = resources.files("core.mapping").joinpath("templates", f"{name}.yaml")
    if not re.fullmatch(r"[a-z_]+", name) or not file.is_file():
        raise NotFound(f"There is no job template {name}.", hint="`syncline jobs create --help` lists them.")
    data: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return data


@cache
def templates() -> tuple[TemplateInfo, ...]:
    """All job templates: inbound before outbound, accounts before people before activities."""
    folder = resources.files("core.mapping").joinpath("templates")
    names = sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
    order = list(Kind)
    return tuple(sorted((template(n) for n in names), key=lambda t: (t.direction.value, order.index(t.kind), t.name)))


@cache
def template(name: str) -> TemplateInfo:
    """A job template.

    Raises:
        NotFound: there is none of that name.
    """
    data = _read(name)
    return TemplateInfo(
        name=name,
        title=data["title"],
        summary=data["summary"],
        direction=Direction(data["direction"]),
        kind=Kind(data["kind"]),
        sobjects=tuple(p["sobject"] for p in data["pairs"]),
        rows=tuple((r[0], r[1], r[2], r[3]) for p in data["pairs"] for r in p.get("rows", ())),
        after=tuple(data.get("job", {}).get("after", ())),
    )


def make_job(name: str, *, job_name: str | None = None, orgs: Mapping[str, OrgObject] | None = None) -> JobSpec:
    """A job made from a template, ready to be edited.

    Args:
        name: the template.
        job_name: the job's name, the template's where None.
        orgs: what is known of the org, by object name; optional rows whose field it lacks are left out, and fields
            that it has beyond the standard ones are used where the template says so.

    Raises:
        NotFound: there is no such template.
    """
    data = _read(name)
    pairs = [_pair(raw, data, _object(raw["sobject"], orgs), orgs) for raw in data["pairs"]]
    present = [p for p in pairs if orgs is None or _object(p.sobject, orgs) is not None]
    return JobSpec(
        name=job_name or name,
        title=data["title"],
        direction=Direction(data["direction"]),
        kind=Kind(data["kind"]),
        template=name,
        pairs=tuple(present or pairs),
        **data.get("job", {}),
    )


def _object(name: str, orgs: Mapping[str, OrgObject] | None) -> OrgObject | None:
    return next((o for o in (orgs or {}).values() if o.name.lower() == name.lower()), None)


def _pair(
    raw: Mapping[str, Any], data: Mapping[str, Any], org: OrgObject | None, orgs: Mapping[str, OrgObject] | None
) -> PairSpec:
    inbound = data["direction"] == "inbound"
    rows = [_from_row(row, raw, Kind(data["kind"]), inbound=inbound) for row in raw.get("rows", ())]
    rows += [{**extra, "engine": True} for extra in raw.get("engine", ())]
    rows += raw.get("mappings", ())
    mappings = [m for row in rows if (m := _fitted(row, org, orgs, inbound=inbound)) is not None]
    if raw.get("custom_phones") and org is not None:
        mappings += _custom_phones(org)
    settings = {k: v for k, v in raw.items() if k not in _KEYS_OF_PAIR}
    return PairSpec(mappings=tuple(mappings), **settings)


def _from_row(row: list[str], raw: Mapping[str, Any], kind: Kind, *, inbound: bool) -> dict[str, Any]:
    """The field mapping of a row of a default table."""
    org_field, _, label, _ = row
    named = {f.label.lower(): f.name for f in reversed(workspace_fields(kind))}
    named |= {k.lower(): v for k, v in raw.get("attributes", {}).items()}
    attribute = named[label.lower()]
    source, target = (org_field, attribute) if inbound else (attribute, org_field)
    out: dict[str, Any] = {"source": source, "target": target}
    if org_field in _ROLES:
        out["role"] = _ROLES[org_field]
    details: dict[str, Any] = raw.get("details", {}).get(org_field, {})
    if "template" in details or "constant" in details:
        del out["source"]
    return out | details


def _fitted(
    row: Mapping[str, Any], org: OrgObject | None, orgs: Mapping[str, OrgObject] | None, *, inbound: bool
) -> FieldMapping | None:
    """The mapping of a template row as the org has it; None for an optional row the org has no field for."""
    side = "source" if inbound else "target"
    out = {k: v for k, v in row.items() if k not in _OWN_KEYS}
    if org is not None and row.get("instead") and org.field(row["instead"]) is not None:
        out[side] = row["instead"]
    path = out.get(side)
    if row.get("optional") and org is not None and path is not None and not resolve(path, org, orgs).exists:
        return None
    return FieldMapping(**out)


def _custom_phones(org: OrgObject) -> list[FieldMapping]:
    """Every phone field that the org has added, so that people can be found by all their numbers."""
    phones = [f for f in org.fields if f.custom and f.type == "phone"]
    return [FieldMapping(source=f.name, target=f"fields.{_plain(f.name)}") for f in phones]


def _plain(name: str) -> str:
    return re.sub(r"__c$", "", name, flags=re.IGNORECASE).lower()
