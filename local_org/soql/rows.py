"""Plans a query that returns records: its columns, its shape and its children, as SQL for SQLite."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

from local_org.org.model import Field, SObject
from local_org.org.values import part_key
from local_org.soql import faults, functions
from local_org.soql.clauses import bounds_sql, counted, no_groups, open_scope, order_sql, where_sql
from local_org.soql.columns import Column
from local_org.soql.formats import formatter
from local_org.soql.nodes import Call, Path, Query, Selected, SelectItem, Subselect, Typeof, When
from local_org.soql.scope import TIMELINES, Context, Place, Scope, Sql, Value, child_name, quoted, source_object
from local_org.soql.shapes import (
    ADDRESS_KEYS,
    Blob,
    Children,
    Compound,
    Item,
    Leaf,
    Node,
    converter,
    csv_form,
    csv_quoted,
    json_form,
)
from local_org.soql.timeline import check_bounds, source_sql, timeline

MAX_SUBQUERIES = 20
MAX_LEVELS = 5
"""Levels of child subqueries, the main query counted."""
MAX_FIELDS_LIMIT = 200
"""The LIMIT that FIELDS(ALL) and FIELDS(CUSTOM) ask for."""


@dataclass(slots=True)
class ChildPlan:
    """A child subquery: its relationship name, its own plan, and the reference that ties it to the parent."""

    name: str
    plan: RowPlan
    reference: str
    source: str = ""
    """A FROM entry that reads only the children of the parents at hand, with a parameter for each ``?`` in it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of the CSV: its header, its SQL, and the type that says whether quotes can occur."""

    header: str
    type: str
    sql: Sql


@dataclass(slots=True)
class RowPlan:
    """Everything needed to run a query that returns records."""

    scope: Scope
    root: Node
    where: Sql
    order: Sql
    limit: int | None
    offset: int | None
    selected: list[Sql] = field(default_factory=list)
    """SQL columns of the JSON form; ``root`` and its items refer to them by position."""
    flat: list[Cell] = field(default_factory=list)
    """The CSV form."""
    columns: list[Column] = field(default_factory=list)
    children: list[ChildPlan] = field(default_factory=list)

    def ids(self) -> Sql:
        """The Ids of all matching rows, in order."""
        tail = self.tail()
        text = f"SELECT {self.scope.root.key} {self.scope.from_sql()} WHERE {self.where.text}{tail.text}"
        return Sql(text, (*self.where.params, *tail.params))

    def count(self) -> Sql:
        """The number of matching rows, LIMIT and OFFSET heeded."""
        return counted(self.scope, self.where, self.limit, self.offset)

    def records(self) -> Sql:
        """The JSON columns of the rows whose Ids are given as one JSON array, the last parameter."""
        columns = ", ".join(s.text for s in self.selected)
        text = (
            f"SELECT {columns} {self.scope.from_sql()} WHERE {self.scope.root.key} IN (SELECT value FROM json_each(?))"
        )
        return Sql(text, tuple(p for s in self.selected for p in s.params))

    def cells(self) -> Sql:
        """The Id and the CSV cells of the rows whose Ids are given as one JSON array, the last parameter."""
        key = self.scope.root.key
        names = ", ".join([key, *(cell.sql.text for cell in self.flat)])
        text = f"SELECT {names} {self.scope.from_sql()} WHERE {key} IN (SELECT value FROM json_each(?))"
        return Sql(text, tuple(p for cell in self.flat for p in cell.sql.params))

    def lines(self, delimiter: str) -> Sql:
        """All matching rows in order, each as a few pieces of a finished CSV line, put together by SQLite itself.

        One piece holds up to 40 columns, since SQLite bounds the depth of an expression.
        """
        pieces = [_line_piece(self.flat[i : i + 40], delimiter) for i in range(0, len(self.flat), 40)]
        tail = self.tail()
        # A query of nothing but child subqueries has no cells, and SQL no empty SELECT.
        names = ", ".join(p.text for p in pieces) or "''"
        text = f"SELECT {names} {self.scope.from_sql()} WHERE {self.where.text}{tail.text}"
        return Sql(text, (*(v for p in pieces for v in p.params), *self.where.params, *tail.params))

    def tail(self) -> Sql:
        """ORDER BY, LIMIT and OFFSET."""
        bounds = bounds_sql(self.limit, self.offset)
        order = f" ORDER BY {self.order.text}" if self.order.text else ""
        return Sql(order + bounds.text, (*self.order.params, *bounds.params))


def _line_piece(cells: list[Cell], delimiter: str) -> Sql:
    """Neighboring cells as one text, every value quoted; the separator is a parameter."""
    params: list[object] = []
    parts = ["''"]
    for i, cell in enumerate(cells):
        if i:
            parts.append("?")
            params.append(f'"{delimiter}"')
        parts.append(csv_quoted(cell.type, cell.sql.text))
        params.extend(cell.sql.params)
    return Sql(" || ".join(parts), tuple(params))


def plan_rows(context: Context, query: Query) -> RowPlan:
    """The plan of a top-level query.

    Raises:
        OrgFault: for anything in the query that does not exist or does not fit, in Salesforce's words.
    """
    sobject = source_object(context, query.sources[0])
    return _Builder(context, query, sobject, level=1).build()


class _Builder:
    """Walks a SELECT list and fills a plan."""

    def __init__(self, context: Context, query: Query, sobject: SObject, *, level: int) -> None:
        self.context = context
        self.query = query
        self.sobject = sobject
        self.level = level
        self.scope = open_scope(context, query, sobject)
        self.urls = f"/services/data/v{context.api_version}/sobjects"
        self.seen: set[tuple[str, ...]] = set()
        self.unnamed = itertools.count()
        self.index: dict[Sql, int] = {}
        self.nodes: dict[tuple[str, ...], tuple[Node, Column | None]] = {}
        self.plan = RowPlan(
            self.scope, Node("", 0, self.urls, sobject.name, sobject.name), Sql("1"), Sql(""), query.limit, query.offset
        )

    def build(self) -> RowPlan:
        """The finished plan."""
        self._check_counts()
        self._column(Sql(self.scope.root.key))
        self.nodes[()] = (self.plan.root, None)
        for item in self.query.select:
            self._item(item)
        self.plan.where = where_sql(self.scope, self.query, inner=self.level > 1)
        self.plan.order = order_sql(self.scope, self.query.order_by)
        return self.plan

    def _check_counts(self) -> None:
        no_groups(self.context, self.query)
        children = [i for i in self.query.select if isinstance(i, Subselect)]
        if len(children) > MAX_SUBQUERIES:
            raise faults.malformed(self.context.text, children[-1].pos, "Maximum 20 child relationship queries allowed")
        if children and self.level >= MAX_LEVELS:
            message = "SOQL statements cannot query more than 5 levels of relationships"
            raise faults.malformed(self.context.text, children[0].pos, message)

    def _item(self, item: SelectItem) -> None:
        if isinstance(item, Subselect):
            self._subselect(item)
        elif isinstance(item, Typeof):
            self._typeof(item)
        elif isinstance(item.expr, Call) and item.expr.name == "FIELDS":
            self._fields(item.expr)
        else:
            self._selected(item)

    def _selected(self, item: Selected) -> None:
        expr = item.expr
        if item.alias and isinstance(expr, Path):
            raise faults.malformed(self.context.text, expr.pos, "only aggregate expressions use field aliasing")
        if functions.uses(expr, functions.DATE_FUNCTIONS | functions.AGGREGATES):
            message = f"Field must be grouped or aggregated: {_inner_name(expr)}"
            raise faults.malformed(self.context.text, expr.pos, message)
        value = functions.value(self.scope, expr)
        if tuple(p.lower() for p in value.path[:-1]) in self.seen:
            raise faults.invalid_field(self.context.text, expr.pos, f"duplicate field selected: {value.path[-2]}")
        node, column = self._node(value.path[:-1])
        self._add(node, column, value, expr, item.alias)

    def _add(self, node: Node, parent: Column | None, value: Value, expr: Path | Call, alias: str | None) -> None:
        """One leaf of the record, once; a distance without an alias is an ``expr0``."""
        key = alias or value.path[-1]
        if alias is None and functions.uses(expr, frozenset({"DISTANCE"})):
            key = f"expr{next(self.unnamed)}"
        self._once((*value.path[:-1], key), expr.pos)
        node.items.append(self._leaf(key, value, node, expr))
        text = Sql(csv_form(value.type).format(value.sql.text), value.sql.params)
        self.plan.flat.append(Cell(".".join((*value.path[:-1], key)), value.type, text))
        described = describe_column(key, value)
        (parent.columns if parent else self.plan.columns).append(described)

    def _once(self, path: tuple[str, ...], pos: int) -> None:
        lower = tuple(p.lower() for p in path)
        if lower in self.seen:
            raise faults.invalid_field(self.context.text, pos, f"duplicate field selected: {'.'.join(path)}")
        self.seen.add(lower)

    def _leaf(self, key: str, value: Value, node: Node, expr: Path | Call) -> Item:
        f = value.field
        if f is not None and f.type in ("address", "location") and value.sobject is not None:
            return self._compound(key, value, value.sobject, f)
        if functions.uses(expr, frozenset({"FORMAT"})):
            convert = formatter(value.type, self.context.access.time_zone, value.field)
            return Leaf(key, self._column(value.sql), convert)
        index = self._column(Sql(json_form(value.type).format(value.sql.text), value.sql.params))
        if value.type == "base64" and value.sobject is not None:
            return Blob(key, index, node.id_index, f"{self.urls}/{value.sobject.name}")
        return Leaf(key, index, converter(value.type))

    def _compound(self, key: str, value: Value, sobject: SObject, f: Field) -> Compound:
        place = self.scope.places[tuple(p.lower() for p in value.path[:-1])]
        parts: dict[str, int | None] = dict.fromkeys(ADDRESS_KEYS) if f.type == "address" else {}
        for name in f.compound_of:
            part = self.context.visible(sobject, name)
            label = part_key(name, f)
            parts[label] = self._column(self.scope.field_value(place, sobject, part).sql) if part else None
        return Compound(key, tuple(parts.items()))

    def _column(self, sql: Sql) -> int:
        """The position of an SQL column, added when it is new."""
        if sql not in self.index:
            self.index[sql] = len(self.plan.selected)
            self.plan.selected.append(sql)
        return self.index[sql]

    def _node(self, path: tuple[str, ...]) -> tuple[Node, Column | None]:
        """The record in the shape that a chain of parents leads to, made with its own parents on first use."""
        if path not in self.nodes:
            place = self.scope.places[tuple(p.lower() for p in path)]
            node, column = self._parent_node(place), _parent_column(place)
            above, above_column = self._node(path[:-1])
            above.items.append(node)
            (above_column.columns if above_column else self.plan.columns).append(column)
            self.nodes[path] = (node, column)
        return self.nodes[path]

    def _parent_node(self, place: Place) -> Node:
        name = place.path[-1]
        if not place.polymorphic:
            target = place.targets[0]
            key = f"{self.scope.table_of(place, target)}.{quoted('Id')}"
            return Node(name, self._column(Sql(key)), self.urls, target.name, target.name)
        prefixes = {t.key_prefix: t.name for t in place.targets if t.key_prefix}
        return Node(name, self._column(Sql(place.key)), self.urls, "Name", None, prefixes)

    def _fields(self, call: Call) -> None:
        """FIELDS(ALL), FIELDS(STANDARD) and FIELDS(CUSTOM) stand for all such fields that the user sees."""
        group = call.args[0].parts[0].upper() if isinstance(call.args[0], Path) else ""
        if group not in ("ALL", "STANDARD", "CUSTOM") or len(call.args) != 1:
            message = "The SOQL FIELDS function takes ALL, STANDARD or CUSTOM"
            raise faults.malformed(self.context.text, call.pos, message)
        if group != "STANDARD" and (self.query.limit is None or self.query.limit > MAX_FIELDS_LIMIT):
            message = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_FIELDS_LIMIT}"
            raise faults.malformed(self.context.text, call.pos, message)
        for f in self.context.fields(self.sobject):
            if group == "ALL" or f.custom == (group == "CUSTOM"):
                self._selected(Selected(Path((f.name,), call.pos)))

    def _typeof(self, item: Typeof) -> None:
        context, path = self.context, item.path
        place = self.scope.climb(self.scope.expand(Path((*path.parts, "Id"), path.pos))[:-1], path.pos)
        if not place.polymorphic:
            message = f"TYPEOF is not allowed on the relationship '{path.text}', which is not polymorphic"
            raise faults.invalid_field(context.text, path.pos, message)
        self._once(place.path, path.pos)
        if place.path in self.nodes:
            raise faults.invalid_field(context.text, path.pos, f"duplicate field selected: {path.text}")
        node = self._parent_node(place)
        node.type_name, node.branches = None, {}
        column = _parent_column(place)
        for when in item.whens:
            target = next((t for t in place.targets if t.name.lower() == when.sobject.lower()), None)
            if target is None:
                raise faults.no_such_object(context.text, when.pos, when.sobject)
            node.branches[target.name] = self._branch(self.scope.narrowed(place, target), when, node.id_index, column)
        if item.otherwise:
            values = [(p, self.scope.column(place, p.parts[-1], p.pos)) for p in item.otherwise]
            node.branches[""] = [self._leaf(v.path[-1], v, node, p) for p, v in values]
        above, above_column = self._node(place.path[:-1])
        above.items.append(node)
        (above_column.columns if above_column else self.plan.columns).append(column)

    def _branch(self, place: Place, when: When, id_index: int, column: Column) -> list[Item]:
        """What a TYPEOF shows of one object; a path may climb on from it."""
        node = Node("", id_index, self.urls)
        self.nodes[place.path] = (node, column)
        for path in when.fields:
            above = self.scope.climb(path.parts[:-1], path.pos, start=place)
            value = self.scope.column(above, path.parts[-1], path.pos)
            inner, described = self._node(above.path)
            self._once(value.path, path.pos)
            inner.items.append(self._leaf(value.path[-1], value, inner, path))
            (described or column).columns.append(describe_column(value.path[-1], value))
        return node.items

    def _subselect(self, item: Subselect) -> None:
        query = item.query
        child, reference = self._child(query)
        inner = _Builder(self.context, query, child, level=self.level + 1).build()
        name = child_name(reference) or ""
        self._once((name,), item.pos)
        self.plan.root.items.append(Children(name, 0))
        self.plan.columns.append(Column(name, aggregate=True, columns=inner.columns))
        source = source_sql(self.context, child, reference.name) if child.name.lower() in TIMELINES else ""
        self.plan.children.append(ChildPlan(name, inner, f"{inner.scope.table}.{quoted(reference.name)}", source))

    def _child(self, query: Query) -> tuple[SObject, Field]:
        """The child object and its reference that a subquery's FROM names."""
        source = query.sources[0]
        parts = source.path.parts
        if len(parts) == 2 and parts[0].lower() in {*self.scope.names, self.sobject.name.lower()}:
            parts = parts[1:]
        found = timeline(self.context, self.sobject, parts[0]) if len(parts) == 1 else None
        if found:
            check_bounds(self.context, found[0], query)
            return found[1:]
        for child in self.context.schema.objects if len(parts) == 1 else ():
            for f in child.fields:
                if (child_name(f) or "").lower() != parts[0].lower() or self.sobject.name not in f.reference_to:
                    continue
                if self.context.readable(child.name) and self.context.visible(child, f.name):
                    return child, f
        raise faults.no_such_child(self.context.text, source.path.pos, source.path.text)


def _parent_column(place: Place) -> Column:
    return Column(place.path[-1], foreign_key=place.reference.name if place.reference else None)


def describe_column(name: str, value: Value) -> Column:
    """The description of a selected field."""
    f = value.field
    if f is None:
        return Column(name, value.type)
    return Column(name, value.type, f.name if f.name == name else name, f.custom, False, f.createable, f.updateable)


def _inner_name(expr: Path | Call) -> str:
    while isinstance(expr, Call) and expr.args and isinstance(expr.args[0], Path | Call):
        expr = expr.args[0]
    return expr.parts[-1] if isinstance(expr, Path) else expr.name
