"""Writes down what a job's mapping relies on of an org object, as a contract that is tested before each run."""

from __future__ import annotations

from core.mapping.compile import external_id_field
from core.mapping.spec import FieldMapping, JobSpec, PairSpec, Role
from core.records import Direction
from core.schema.contract import Contract, Need
from core.schema.describe import OrgField, OrgObject


def contract(spec: JobSpec, pair: PairSpec, org: OrgObject) -> Contract:
    """The contract of one pair, made from the object as it is described now.

    Fields that are missing now are promised all the same, so that a job saved with findings stays in breach until
    they are mended. Paths into other objects are promised by their first lookup.
    """
    outbound = spec.direction is Direction.OUTBOUND
    needs: dict[str, Need] = {}
    for mapping in pair.mappings:
        name = mapping.target if outbound else (mapping.source or "").split(".")[0]
        found = org.field(name) if outbound or "." not in (mapping.source or "") else org.reference(name)
        if found is not None:
            needs.setdefault(found.name, _need(spec, mapping, found, outbound=outbound))
        elif name and mapping.role is not Role.KEY:
            needs.setdefault(name, Need(name))
    key = external_id_field(pair, org)
    if outbound and key is not None:
        needs[key.name] = Need.of(key, create=spec.create, external_id=True)
    filled = _filled(pair) if outbound else ()
    return Contract(
        org.name,
        tuple(needs.values()),
        create=outbound and spec.create,
        update=outbound and spec.update,
        filled=filled,
    )


def _need(spec: JobSpec, mapping: FieldMapping, found: OrgField, *, outbound: bool) -> Need:
    if not outbound or not found.writable or found.name == "Id":
        return Need.of(found)
    return Need.of(
        found,
        create=spec.create,
        update=spec.update and not mapping.create_only,
        values=values_written(mapping),
    )


def _filled(pair: PairSpec) -> tuple[str, ...]:
    """The fields that a create fills."""
    names = [m.target for m in pair.mappings]
    names += [n for n in (pair.parent_field, pair.external_id_field) if n]
    return tuple(dict.fromkeys(names))


def values_written(mapping: FieldMapping) -> tuple[str, ...]:
    """The fixed values that a field mapping may write: its constant, default and value map targets."""
    fixed = (mapping.constant, mapping.default, *(mapping.value_map or {}).values())
    return tuple(dict.fromkeys(v for v in fixed if v))
