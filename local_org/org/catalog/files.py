"""Reads a schema from a file: objects, fields, record types, sharing and rules, in YAML or JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from local_org.org.catalog.custom import ACTIVITY, custom_field, custom_object, extend, with_fields
from local_org.org.catalog.declare import (
    Spec,
    field_type,
    flags,
    named_values,
    picklist,
    spelled_out,
    standard_field,
)
from local_org.org.catalog.shares import share_object
from local_org.org.model import Field, Rollup, Schema, Sharing, SObject

FOLDER = Path(__file__).resolve().parent.parent.parent / "schemas"
"""Where the schemas that come along lie, one file per name."""
STANDARD = "standard"
_FIELD_WORDS = ("name", "type", "label", "length", "scale", "values", "required", "to", "child", "may", "rollup")
_OBJECT_WORDS = frozenset(
    {"label", "plural", "prefix", "fields", "activities", "name_label", "auto_number", "createable", "updateable",
     "deletable", "queryable", "replicateable", "searchable", "mergeable", "layoutable", "sharing"}
)  # fmt: skip
_TOP = frozenset(
    {"label", "objects", "fields", "picklists", "record_types", "sharing", "validation_rules", "duplicate_rules",
     "automations"}
)  # fmt: skip
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Declared:
    """What a schema file says."""

    label: str
    objects: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fields: Mapping[str, tuple[Spec, ...]] = field(default_factory=dict)
    """New fields of objects that are there, or (without ``type``) changes of theirs; ``Activity`` is Task and Event."""
    picklists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    record_types: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    sharing: Mapping[str, Sharing] = field(default_factory=dict)
    rules: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    """``validation_rules``, ``duplicate_rules`` and ``automations`` as `validation` reads them."""

    @property
    def touched(self) -> list[str]:
        """The objects that it makes or changes."""
        named = [*self.objects, *self.fields, *self.record_types, *self.sharing]
        return list(dict.fromkeys(each for name in named for each in (ACTIVITY if name == "Activity" else (name,))))


def names() -> list[str]:
    """The schemas that come along and may be added to the standard one."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem != STANDARD)


@lru_cache
def named(name: str) -> Declared:
    """A schema that comes along.

    Raises:
        ValueError: None has that name.
    """
    path = FOLDER / f"{name}.yaml"
    if name != STANDARD and name not in names():
        raise ValueError(f"no schema is named {name!r}; known: {', '.join(names())}")
    return read(path)


@lru_cache
def standard_schema() -> Schema:
    """The schema of a new org: standard objects only."""
    return grown(Schema(()), named(STANDARD))


def read(path: Path) -> Declared:
    """What a file declares.

    Raises:
        ValueError: The file cannot be read, is not YAML or JSON, or says something that no schema knows.
    """
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  # nosec B506 - both are safe
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as broken:
        raise ValueError(f"the schema file {path} cannot be read: {broken}") from broken
    return declared(found, path.stem)


def declared(found: Any, name: str) -> Declared:
    """What the content of a schema file declares.

    Raises:
        ValueError: It is no mapping, or says something that no schema knows.
    """
    if not isinstance(found, dict) or not found:
        raise ValueError(f"the schema {name} is empty: it wants objects, fields, record_types or rules")
    unknown = sorted(map(str, found.keys() - _TOP))
    if unknown:
        raise ValueError(f"the schema {name} has unknown parts: {', '.join(unknown)}; known: {', '.join(sorted(_TOP))}")
    _check_shape(found, name)
    rules = {word: tuple(found.get(word) or ()) for word in ("validation_rules", "duplicate_rules", "automations")}
    return Declared(
        label=str(found.get("label", name)),
        objects={key: value or {} for key, value in (found.get("objects") or {}).items()},
        fields={key: tuple(value or ()) for key, value in (found.get("fields") or {}).items()},
        picklists={key: tuple(map(str, value or ())) for key, value in (found.get("picklists") or {}).items()},
        record_types={key: tuple(value or ()) for key, value in (found.get("record_types") or {}).items()},
        sharing=dict(found.get("sharing") or {}),
        rules=rules,
    )


def _check_shape(found: dict[str, Any], name: str) -> None:
    """Refuse parts of another shape than a schema's: mappings by object, lists of mappings."""
    rules = ("validation_rules", "duplicate_rules", "automations")
    for part in rules:
        _each(found.get(part), list, dict, f"{name}: {part}")
    for part, inner in (("objects", dict), ("fields", list), ("picklists", list), ("record_types", list)):
        _each(found.get(part), dict, inner, f"{name}: {part}")
    for part in ("fields", "record_types"):
        for key, specs in (found.get(part) or {}).items():
            _each(specs, list, dict, f"{name}: {part} of {key}")
    for key, spec in (found.get("objects") or {}).items():
        _each((spec or {}).get("fields"), list, dict, f"{name}: fields of {key}")
    _each(found.get("sharing"), dict, str, f"{name}: sharing")


def _each(part: Any, outer: Any, inner: Any, where: str) -> None:
    words: dict[Any, str] = {dict: "a mapping", list: "a list", str: "a text"}
    if part is None:
        return
    if not isinstance(part, outer):
        raise ValueError(f"the schema {where} wants {words[outer]}")
    for each in part.values() if isinstance(part, dict) else part:
        if (each is not None or isinstance(part, list)) and not isinstance(each, inner):
            raise ValueError(f"the schema {where} wants {words[inner]} in each place")


def grown(schema: Schema, more: Declared) -> Schema:
    """A schema with what a file declares about objects, fields and sharing; on top of itself it changes nothing.

    Raises:
        ValueError: An object or field that does not exist, or a declaration that makes no sense.
    """
    objects: list[SObject] = []
    for name, spec in more.objects.items():
        held = schema.get(name)
        if held is not None and not custom(name):
            raise ValueError(f"{name} is there already: what is to be added or changed goes under fields")
        wish = str(spec.get("prefix") or "")
        prefix = (held.key_prefix if held else None) or (_free_prefix(schema, objects, wish) if custom(name) else wish)
        objects.append(_object(name, spec, prefix, more.picklists))
    result = extend(schema, objects=objects)
    for name, specs in more.fields.items():
        result = _with_fields(result, name, specs, more.picklists)
    return shared(_mirrored(result), more.sharing)


def _mirrored(schema: Schema) -> Schema:
    """With person accounts, each custom field of Contact is on Account too: ``Score__c`` as ``Score__pc``."""
    account, contact = schema.get("Account"), schema.get("Contact")
    if account is None or contact is None or account.field("IsPersonAccount") is None:
        return schema
    own = [f for f in contact.fields if f.custom and f.stored and not account.field(f.name[:-1] + "pc")]
    if not own:
        return schema
    made = [_mirror(f) for f in own]
    return extend(schema, fields={"Account": made})


def _mirror(f: Field) -> Field:
    name = f.name[:-1] + "pc"
    relation = f.relationship_name[:-1] + "pr" if f.relationship_name else None
    return replace(f, name=name, relationship_name=relation, child_relationship=None, unique=False)


def shared(schema: Schema, sharing: Mapping[str, Sharing]) -> Schema:
    """A schema in which objects have other organization-wide defaults.

    Raises:
        ValueError: An object that does not exist, or no such default.
    """
    for name, model in sharing.items():
        if schema.get(name) is None or model not in get_args(Sharing):
            raise ValueError(f"sharing of {name}: {model!r}; wants an object and one of {', '.join(get_args(Sharing))}")
    by_lower = {name.lower(): model for name, model in sharing.items()}
    objects = [replace(o, sharing=by_lower.get(o.name.lower(), o.sharing), _by_lower={}) for o in schema.objects]
    shares = [share for share in map(share_object, objects) if share is not None]
    return extend(Schema(tuple(objects)), objects=shares) if sharing else schema


def _object(name: str, spec: Mapping[str, Any], prefix: str, picklists: Mapping[str, Iterable[str]]) -> SObject:
    unknown = sorted(spec.keys() - _OBJECT_WORDS)
    if unknown:
        raise ValueError(f"{name}: unknown words in an object's declaration: {', '.join(unknown)}")
    label = str(spec.get("label", name.removesuffix("__c").rpartition("__")[2].replace("_", " ")))
    plural = str(spec.get("plural", f"{label}s"))
    own = _fields(spec.get("fields") or (), picklists)
    settings = {word: spec[word] for word in spec.keys() - {"label", "plural", "prefix", "fields"}}
    if not custom(name):
        if not own or own[0].type != "id":
            raise ValueError(f"{name}: an object whose name does not end in __c wants an Id as its first field")
        return SObject(name, label, plural, prefix or None, tuple(own), **settings)
    words: tuple[Literal["activities", "name_label", "auto_number"], ...] = ("activities", "name_label", "auto_number")
    made = custom_object(name, label, plural, prefix, own, **{w: settings.pop(w) for w in words if w in settings})
    return replace(made, **settings, _by_lower={})


def _fields(specs: Iterable[Spec], picklists: Mapping[str, Iterable[str]]) -> list[Field]:
    """The fields of declarations; a custom location brings its latitude and longitude along."""
    made = []
    for spec in spelled_out(specs):
        f = _field(spec, picklists)
        made.append(f)
        if f.custom and f.type == "location":
            made += [_coordinate(f, part) for part in ("Latitude", "Longitude")]
            made[-3] = replace(f, compound_of=(made[-2].name, made[-1].name), createable=False, updateable=False)
    return made


def _coordinate(f: Field, part: str) -> Field:
    name, label = f"{f.name.removesuffix('__c')}__{part}__s", f"{f.label} ({part})"
    plain = custom_field("Part__c", "double", label, length=18, scale=f.scale or 15)
    return replace(plain, name=name, compound=f.name)


def _field(spec: Spec, picklists: Mapping[str, Iterable[str]]) -> Field:
    name = str(spec.get("name", ""))
    if not custom(name):
        return standard_field(spec, picklists)
    kind = field_type(spec)
    settings = {word: spec[word] for word in _FIELD_WORDS[2:] if word in spec and word not in ("may", "rollup")}
    if "values" in settings:
        settings["values"] = named_values(settings["values"], picklists)
    more = flags(spec, _FIELD_WORDS)
    if "rollup" in spec:
        more["rollup"] = _rollup(name, spec["rollup"])
    if "may" in spec:
        may = str(spec["may"])
        more |= {"createable": "C" in may, "updateable": "U" in may, "nillable": "N" in may}
        more["defaulted_on_create"] = "D" in may
    return custom_field(name, kind, **settings, **more)


def _rollup(name: str, spec: Mapping[str, Any]) -> Rollup:
    try:
        return Rollup(**{**spec, "when": tuple((field, word, value) for field, word, value in spec.get("when", ()))})
    except (TypeError, ValueError, AttributeError) as wrong:
        raise ValueError(f"{name}: a roll-up wants child, reference, function, field and when: {wrong}") from wrong


def _with_fields(schema: Schema, name: str, specs: Iterable[Spec], picklists: Mapping[str, Iterable[str]]) -> Schema:
    specs = list(specs)
    for spec in specs:
        if "type" not in spec and "use" not in spec:
            schema = _changed(schema, name, spec, picklists)
    new = _fields((spec for spec in specs if "type" in spec or "use" in spec), picklists)
    return extend(schema, fields={name: new}) if new else schema


def _changed(schema: Schema, name: str, spec: Spec, picklists: Mapping[str, Iterable[str]]) -> Schema:
    """The schema with a field changed that is there: other values, another label, required, restricted."""
    changes = flags(spec, ("name", "values"))
    if "values" in spec:
        changes["picklist"], default = picklist(named_values(spec["values"], picklists))
        changes |= {"default": default} if default is not None else {}
    made = {o.name: o for o in schema.objects}
    for target in ACTIVITY if name == "Activity" else (name,):
        held = schema.get(target)
        f = held.field(str(spec.get("name", ""))) if held else None
        if held is None or f is None:
            raise ValueError(f"no such field: {name}.{spec.get('name')} (a new one wants a type)")
        made[held.name] = with_fields(held, [replace(f, **changes)])
    return Schema(tuple(made.values()))


def custom(name: str) -> bool:
    """Whether an object or field of that name is a custom one."""
    return name.endswith("__c")


def _free_prefix(schema: Schema, more: Iterable[SObject], wish: str) -> str:
    """The key prefix wished for, or the next of custom objects (they begin with ``a``) where another object has it."""
    taken = {o.key_prefix for o in (*schema.objects, *more)}
    return wish if wish and wish not in taken else next(prefix for prefix in _CUSTOM if prefix not in taken)


_CUSTOM = tuple(f"a{number:02d}" for number in range(100))
