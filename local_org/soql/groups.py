"""Plans a query that returns aggregates: grouping, ROLLUP and CUBE, HAVING, and the keys of its rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_org.soql import faults, functions
from local_org.soql.clauses import bounds_sql, open_scope, order_suffix, semi_join, sort_key, where_sql
from local_org.soql.columns import Column
from local_org.soql.filters import Filter
from local_org.soql.formats import formatter
from local_org.soql.nodes import Call, Path, Query, Selected
from local_org.soql.scope import Context, Scope, Sql, Value, source_object
from local_org.soql.shapes import converter, json_form

MAX_GROUPS = 2_000
"""Rows that an aggregate query may return."""
MAX_SUBTOTALS = 3
"""Fields that ROLLUP and CUBE may list."""
_GROUPING = frozenset({"GROUPING"})


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """A query of aggregates as one SQL statement, and how its columns are named and converted."""

    scope: Scope
    sql: Sql
    keys: tuple[str, ...]
    converters: tuple[Callable[[Any], Any] | None, ...]
    columns: list[Column]


def is_aggregate(query: Query) -> bool:
    """Whether the query returns AggregateResult rows."""
    return query.group_by is not None or any(
        isinstance(i, Selected) and functions.uses(i.expr, functions.AGGREGATES) for i in query.select
    )


def is_count(query: Query) -> bool:
    """Whether the query is a bare ``COUNT()``, which answers with a total and no rows."""
    return query.select == (Selected(Call("COUNT", ())),) and query.group_by is None


def plan_groups(context: Context, query: Query) -> GroupPlan:
    """The plan of an aggregate query.

    Raises:
        OrgFault: MALFORMED_QUERY for a field that is neither grouped nor aggregated, and whatever its names earn.
    """
    scope = open_scope(context, query, source_object(context, query.sources[0]))
    return _Groups(scope, query).build()


class _Groups:
    def __init__(self, scope: Scope, query: Query) -> None:
        self.scope = scope
        self.query = query
        self.text = scope.context.text
        if query.group_by and query.group_by.mode and len(query.group_by.exprs) > MAX_SUBTOTALS:
            message = f"GROUP BY {query.group_by.mode} supports at most {MAX_SUBTOTALS} fields"
            raise faults.malformed(self.text, query.mark("GROUP"), message)
        self.grouped = [self._group(e) for e in (query.group_by.exprs if query.group_by else ())]

    def build(self) -> GroupPlan:
        """The finished plan; ROLLUP and CUBE become one SELECT per set of grouped fields."""
        values = [self._selected(item) for item in self.query.select]
        keys = self._keys()
        orders = [functions.value(self.scope, o.expr) for o in self.query.order_by]
        for order, value in zip(self.query.order_by, orders, strict=True):
            self._check_grouped(value, order.expr)
        having = self._having()
        where = where_sql(self.scope, self.query)
        forms = [self._form(v, e) for v, e in values]
        selects = [self._select(forms, values, orders, where, having, present) for present in self._sets()]
        bounds = bounds_sql(self.query.limit, self.query.offset)
        names = ", ".join(f"c{i}" for i in range(len(values)))
        inner = " UNION ALL ".join(s.text for s in selects)
        text = f"SELECT {names} FROM ({inner}){self._order(orders)}{bounds.text}"
        params = (*(p for s in selects for p in s.params), *bounds.params)
        return GroupPlan(self.scope, Sql(text, params), keys, self._converters(values), self._columns(keys, values))

    def _group(self, expr: Path | Call) -> Value:
        value = functions.value(self.scope, expr)
        f = value.field
        if value.aggregate:
            raise faults.malformed(self.text, expr.pos, "Aggregate functions are not allowed in a GROUP BY clause")
        if f is not None and isinstance(expr, Path) and not f.groupable:
            message = f"field '{f.name}' can not be grouped in a query call"
            raise faults.invalid_field(self.text, expr.pos, message)
        return value

    def _selected(self, item: object) -> tuple[Value, Path | Call]:
        if not isinstance(item, Selected):
            message = "Subqueries and TYPEOF are not allowed with aggregate functions"
            raise faults.malformed(self.text, self.query.pos, message)
        expr = item.expr
        if isinstance(expr, Call) and expr.name == "COUNT" and not expr.args:
            raise faults.malformed(self.text, expr.pos, "COUNT() must be the only element in the SELECT list")
        value = functions.value(self.scope, expr)
        self._check_grouped(value, expr)
        return value, expr

    def _check_grouped(self, value: Value, expr: Path | Call) -> None:
        if not value.aggregate and self._position(value) is None:
            message = f"Field must be grouped or aggregated: {value.path[-1]}"
            raise faults.malformed(self.text, expr.pos, message)

    def _position(self, value: Value) -> int | None:
        """Which grouped field this is; toLabel and FORMAT of a grouped field count as that field."""
        for i, group in enumerate(self.grouped):
            if group.sql == value.sql or (group.path == value.path and group.field is value.field is not None):
                return i
        return None

    def _having(self) -> Sql:
        if self.query.having is None:
            return Sql("")
        sql = Filter(self.scope, semi_join, aggregates=True).compile(self.query.having)
        return Sql(f" HAVING {sql.text}", sql.params)

    def _sets(self) -> list[frozenset[int]]:
        """The sets of grouped fields, the full one first."""
        count = len(self.grouped)
        mode = self.query.group_by.mode if self.query.group_by else ""
        if mode == "ROLLUP":
            return [frozenset(range(n)) for n in range(count, -1, -1)]
        if mode == "CUBE":
            sizes = range(count, -1, -1)
            return [frozenset(s) for n in sizes for s in itertools.combinations(range(count), n)]
        return [frozenset(range(count))]

    def _select(
        self,
        forms: list[Sql],
        values: list[tuple[Value, Path | Call]],
        orders: list[Value],
        where: Sql,
        having: Sql,
        present: frozenset[int],
    ) -> Sql:
        columns = [self._in_set(f, v, e, present) for f, (v, e) in zip(forms, values, strict=True)]
        sorts = [
            self._in_set(sort_key(v, o), v, o.expr, present) for v, o in zip(orders, self.query.order_by, strict=True)
        ]
        listed = [f"{c.text} AS c{i}" for i, c in enumerate(columns)] + [
            f"{s.text} AS o{i}" for i, s in enumerate(sorts)
        ]
        groups = [self.grouped[i].sql for i in sorted(present)]
        group = f" GROUP BY {', '.join(g.text for g in groups)}" if groups else ""
        if not groups and self.grouped:
            # The grand total of a ROLLUP exists only where there is a row.
            having = Sql(f"{having.text} AND COUNT(*) > 0" if having.text else " HAVING COUNT(*) > 0", having.params)
        text = f"SELECT {', '.join(listed)} {self.scope.from_sql()} WHERE {where.text}{group}{having.text}"
        pieces = [*columns, *sorts, where, *groups, having]
        return Sql(text, tuple(p for piece in pieces for p in piece.params))

    def _in_set(self, sql: Sql, value: Value, expr: Path | Call, present: frozenset[int]) -> Sql:
        if functions.uses(expr, _GROUPING):
            inner = expr.args[0] if isinstance(expr, Call) else expr
            position = self._position(functions.value(self.scope, inner)) if isinstance(inner, Path | Call) else None
            if position is None:
                raise faults.malformed(self.text, expr.pos, "GROUPING takes a field of the GROUP BY clause")
            return Sql("0" if position in present else "1")
        if value.aggregate:
            return sql
        return sql if self._position(value) in present else Sql("NULL")

    def _order(self, orders: list[Value]) -> str:
        parts = [f"o{i}{order_suffix(v, o)}" for i, (v, o) in enumerate(zip(orders, self.query.order_by, strict=True))]
        return f" ORDER BY {', '.join(parts)}" if parts else ""

    def _form(self, value: Value, expr: Path | Call) -> Sql:
        form = "{}" if functions.uses(expr, frozenset({"FORMAT"})) else json_form(value.type)
        return Sql(form.format(value.sql.text), value.sql.params)

    def _keys(self) -> tuple[str, ...]:
        """Aliases, the names of grouped fields, and ``expr0``, ``expr1`` for functions without an alias."""
        keys: list[str] = []
        unnamed = itertools.count()
        for item in self.query.select:
            if not isinstance(item, Selected):
                continue
            plain = isinstance(item.expr, Path) or item.expr.name == "TOLABEL"
            key = item.alias or (functions.value(self.scope, item.expr).path[-1] if plain else f"expr{next(unnamed)}")
            if key.lower() in (k.lower() for k in keys):
                raise faults.malformed(self.text, item.expr.pos, f"duplicate alias: {key}")
            keys.append(key)
        return tuple(keys)

    def _converters(self, values: list[tuple[Value, Path | Call]]) -> tuple[Callable[[Any], Any] | None, ...]:
        zone = self.scope.context.access.time_zone
        return tuple(
            formatter(v.type, zone, v.field) if functions.uses(e, frozenset({"FORMAT"})) else converter(v.type)
            for v, e in values
        )

    def _columns(self, keys: tuple[str, ...], values: list[tuple[Value, Path | Call]]) -> list[Column]:
        return [
            Column(key, v.type, f"{e.name.lower()}({'.'.join(v.path)})" if isinstance(e, Call) else key,
                   aggregate=v.aggregate)
            for key, (v, e) in zip(keys, values, strict=True)
        ]  # fmt: skip
