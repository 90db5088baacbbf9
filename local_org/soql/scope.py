"""Decides what a name in a query means: which column of which joined table, as this user may see it."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from local_org.org import formulas, sharing
from local_org.org.model import Access, Field, OrgFault, Schema, SObject
from local_org.soql import faults
from local_org.soql.nodes import Path, Source

MAX_PARENTS = 5
"""Levels that a field path may climb."""
MAX_RELATIONSHIPS = 55
"""Parent relationships of one query."""
_MAX_JOINS = 62
"""Tables that SQLite joins to one, a semi-join's own not counted."""

NAME_FIELDS = frozenset(
    {"id", "name", "type", "firstname", "lastname", "middlename", "suffix", "alias", "email", "phone", "title",
     "username", "isactive", "userroleid", "profileid", "lastvieweddate", "lastreferenceddate", "recordtypeid"}
)  # fmt: skip
"""Fields of the ``Name`` object: what a polymorphic parent shows without TYPEOF."""
TIMELINES = frozenset({"activityhistory", "openactivity"})
"""Objects that only a subquery reaches."""
_NAME_PARENTS = frozenset({"profile", "userrole"})
_TYPE_FIELD = Field("Type", "picklist", "Type", createable=False, updateable=False, sortable=True)


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL with the values of its placeholders, in order."""

    text: str
    params: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A compiled field or function: its SQL, and what is known about its content."""

    sql: Sql
    type: str
    path: tuple[str, ...]
    """Names in describe casing, parents first."""
    field: Field | None = None
    sobject: SObject | None = None
    joined: bool = False
    """Whether it comes from a parent, which may be missing."""
    aggregate: bool = False


@dataclass(slots=True)
class Context:
    """What is the same for a whole query: the org's schema, the user, the moment, and the text errors point into."""

    schema: Schema
    access: Access
    text: str
    now: datetime
    all_rows: bool
    api_version: str
    conn: sqlite3.Connection | None = None
    """Where other users' rights are read, which UserRecordAccess may ask for."""
    aliases: Iterator[int] = field(default_factory=itertools.count)

    def alias(self) -> str:
        """A table alias that the statement has not used."""
        return f"t{next(self.aliases)}"

    def readable(self, name: str) -> SObject | None:
        """The object, if it exists for this user."""
        sobject = self.schema.get(name)
        return sobject if sobject is not None and self.access.may(sobject, "r") else None

    def fields(self, sobject: SObject) -> Iterator[Field]:
        """The fields of an object that the user sees, in describe order."""
        return (f for f in sobject.fields if f.name == "Id" or self.access.sees(sobject, f))

    def visible(self, sobject: SObject, name: str) -> Field | None:
        """The field, if it exists for this user."""
        found = sobject.field(name)
        if found is None or (found.name != "Id" and not self.access.sees(sobject, found)):
            return None
        return found


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def parent_name(f: Field) -> str | None:
    """The name under which a path climbs a reference, ``Owner`` or ``Property__r``."""
    return _custom_relation(f, f.relationship_name)


def child_name(f: Field) -> str | None:
    """The name under which a parent's subquery reaches the children that hold this reference."""
    return _custom_relation(f, f.child_relationship)


def _custom_relation(f: Field, name: str | None) -> str | None:
    if name is None or not f.custom or name.endswith("__r"):
        return name
    return f"{name.removesuffix('__c')}__r"


@dataclass(slots=True)
class Place:
    """A record in a path: the queried row itself or one of its parents."""

    path: tuple[str, ...]
    targets: tuple[SObject, ...]
    key: str
    """SQL of the record's Id."""
    polymorphic: bool = False
    reference: Field | None = None
    tables: dict[str, str] = field(default_factory=dict)
    """Object name to table alias, for the targets that are joined."""

    @property
    def entity(self) -> str:
        """The name errors use for the record's object."""
        return "Name" if self.polymorphic else self.targets[0].name


class Scope:
    """The FROM of one query: the main table and every parent table that its paths asked for."""

    def __init__(self, context: Context, sobject: SObject, source: Source) -> None:
        """Start with the main table alone."""
        self.context = context
        self.sobject = sobject
        self.table = context.alias()
        self.source = quoted(sobject.name)
        """What FROM takes for the main table."""
        self.names = {source.path.parts[-1].lower(), *([source.alias.lower()] if source.alias else [])}
        self.prefixes: dict[str, tuple[str, ...]] = {}
        self.joins: list[str] = []
        self.root = Place((), (sobject,), f"{self.table}.{quoted('Id')}", tables={sobject.name: self.table})
        self.places: dict[tuple[str, ...], Place] = {(): self.root}

    def alias_path(self, source: Source) -> None:
        """Takes ``c.Account a`` of a FROM list: from now on ``a`` stands for the path."""
        place = self.climb(self.expand(source.path), source.path.pos)
        if source.alias:
            self.prefixes[source.alias.lower()] = place.path

    def expand(self, path: Path) -> tuple[str, ...]:
        """The path without the FROM object's name or alias, and with other aliases written out."""
        first, rest = path.parts[0], path.parts[1:]
        if not rest:
            return path.parts
        if first.lower() in self.prefixes:
            return self.prefixes[first.lower()] + rest
        own = {*self.names, self.sobject.name.lower()}
        if first.lower() in own and self._reference(self.sobject, first) is None:
            return rest
        return path.parts

    def resolve(self, path: Path) -> Value:
        """The column that a field path names.

        Raises:
            OrgFault: INVALID_FIELD when a relationship or the field does not exist for this user.
        """
        parts = self.expand(path)
        place = self.climb(parts[:-1], path.pos)
        return self.column(place, parts[-1], path.pos)

    def climb(self, parents: tuple[str, ...], pos: int, start: Place | None = None) -> Place:
        """The place that a chain of relationship names leads to, from the queried row or another place."""
        place = start or self.root
        if len(place.path) + len(parents) > MAX_PARENTS + (start is not None):
            message = f"A field path may not climb more than {MAX_PARENTS} relationships"
            raise faults.invalid_field(self.context.text, pos, message)
        for name in parents:
            key = (*(p.lower() for p in place.path), name.lower())
            if key not in self.places:
                self.places[key] = self._parent(place, name, pos)
            place = self.places[key]
        return place

    def narrowed(self, place: Place, target: SObject) -> Place:
        """A polymorphic place seen as one of its objects, as a TYPEOF branch sees it."""
        path = (*place.path, f"<{target.name}>")
        key = tuple(p.lower() for p in path)
        if key not in self.places:
            self.places[key] = Place(path, (target,), place.key, reference=place.reference, tables=place.tables)
        return self.places[key]

    def column(self, place: Place, name: str, pos: int) -> Value:
        """One field of a place."""
        if place.polymorphic:
            return self._shared_column(place, name, pos)
        sobject = place.targets[0]
        found = self.context.visible(sobject, name)
        if found is None:
            raise faults.no_such_column(self.context.text, pos, name, sobject.name)
        return self.field_value(place, sobject, found)

    def field_value(self, place: Place, sobject: SObject, f: Field) -> Value:
        """The value of a field of one target of a place; its table is joined."""
        table = self.table_of(place, sobject)
        column = f"{table}.{quoted(f.name)}" if f.stored else "NULL"
        if f.worked_out:
            moment = formulas.moment_of(self.context.now, self.context.access.time_zone)
            column = f"({formulas.worked_out(self.context.schema, sobject, f, table, moment)})"
        return Value(Sql(column), f.type, (*place.path, f.name), f, sobject, joined=place is not self.root)

    def table_of(self, place: Place, sobject: SObject) -> str:
        """The alias of a target's table, joined when it is first asked for."""
        if sobject.name not in place.tables:
            if len(self.joins) >= _MAX_JOINS or len(self.places) > MAX_RELATIONSHIPS + 1:
                message = f"SOQL statements cannot query more than {MAX_RELATIONSHIPS} parent relationships"
                raise faults.malformed(self.context.text, 0, message)
            alias = self.context.alias()
            place.tables[sobject.name] = alias
            # A parent that the user may not see is as good as missing.
            seen = sharing.condition(self.context.schema, self.context.access, sobject, alias)
            bound = f"{alias}.{quoted('Id')} = {place.key}" + (f" AND {seen}" if seen else "")
            self.joins.append(f"LEFT JOIN {quoted(sobject.name)} AS {alias} ON {bound}")
        return place.tables[sobject.name]

    def type_sql(self, place: Place) -> str:
        """SQL that names the object of a polymorphic parent, told by the key prefix of its Id."""
        known = [t for t in place.targets if t.key_prefix and t.name.isidentifier()]
        # A group that owns a record is a queue, and is called one.
        names = {t.key_prefix: "Queue" if t.name == "Group" else t.name for t in known}
        whens = "".join(f" WHEN '{prefix}' THEN '{name}'" for prefix, name in names.items())
        return f"(CASE substr({place.key}, 1, 3){whens} END)" if whens else "NULL"

    def from_sql(self, source: str = "") -> str:
        """The FROM clause with its joins, the main table read from another source if there is one."""
        return " ".join([f"FROM {source or self.source} AS {self.table}", *self.joins])

    def _reference(self, sobject: SObject, name: str) -> Field | None:
        for f in self.context.fields(sobject):
            relation = parent_name(f)
            if relation is not None and relation.lower() == name.lower() and f.reference_to:
                return f
        return None

    def _parent(self, place: Place, name: str, pos: int) -> Place:
        origin, f = self._owner_of(place, name)
        targets = tuple(t for t in (self.context.readable(o) for o in f.reference_to) if t) if f else ()
        if f is None or origin is None or not targets:
            raise faults.no_such_parent(self.context.text, pos, name)
        key = f"{self.table_of(place, origin)}.{quoted(f.name)}"
        path = (*place.path, parent_name(f) or name)
        return Place(path, targets, key, polymorphic=len(f.reference_to) > 1, reference=f)

    def _owner_of(self, place: Place, name: str) -> tuple[SObject | None, Field | None]:
        """The target of a place that has the relationship; a polymorphic place only has those of ``Name``."""
        if place.polymorphic and name.lower() not in _NAME_PARENTS:
            return None, None
        for target in place.targets:
            f = self._reference(target, name)
            if f is not None:
                return target, f
        return None, None

    def _shared_column(self, place: Place, name: str, pos: int) -> Value:
        lower = name.lower()
        if lower == "type":
            return Value(Sql(f"{self.type_sql(place)} COLLATE NOCASE"), "picklist", (*place.path, "Type"),
                         _TYPE_FIELD, None, joined=True)  # fmt: skip
        if lower == "id":
            found = place.targets[0].field("Id")
            return Value(Sql(place.key), "id", (*place.path, "Id"), found, None, joined=True)
        values = [self.field_value(place, t, f) for t, f in self._shared_fields(place, lower)]
        if not values:
            raise faults.no_such_column(self.context.text, pos, name, "Name")
        if len(values) == 1:
            return values[0]
        first = values[0]
        collation = "" if first.type in ("boolean", "id", "reference", "datetime") else " COLLATE NOCASE"
        text = f"COALESCE({', '.join(v.sql.text for v in values)}){collation}"
        label = first.field.name if first.field and lower != "name" else "Name"
        return Value(Sql(text), first.type, (*place.path, label), first.field, None, joined=True)

    def _shared_fields(self, place: Place, lower: str) -> Iterator[tuple[SObject, Field]]:
        for target in place.targets:
            f = self.context.visible(target, lower) if lower in NAME_FIELDS else None
            if f is None and lower == "name":
                # A Case answers its number where others have a name.
                f = next((g for g in self.context.fields(target) if g.name_field), None)
            if f is not None:
                yield target, f


def source_object(context: Context, source: Source) -> SObject:
    """The object that a FROM names.

    Raises:
        OrgFault: INVALID_TYPE when it does not exist for this user.
    """
    sobject = context.readable(source.path.text)
    if sobject is None and source.path.text.lower() in TIMELINES:
        message = f"entity type {source.path.text} does not support query"
        raise faults.at(context.text, source.path.pos, "INVALID_TYPE_FOR_OPERATION", message)
    if sobject is None:
        raise faults.no_such_object(context.text, source.path.pos, source.path.text)
    if not sobject.queryable:
        message = f"entity type {sobject.name} does not support query"
        raise faults.at(context.text, source.path.pos, "INVALID_TYPE_FOR_OPERATION", message)
    return sobject


def refuse(context: Context, pos: int, message: str) -> OrgFault:
    """A MALFORMED_QUERY found while names were looked up."""
    return faults.malformed(context.text, pos, message)
