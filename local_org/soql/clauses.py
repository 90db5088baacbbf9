"""Compiles the clauses that every kind of query shares: FROM, WHERE with its semi-joins, ORDER BY, LIMIT."""

from __future__ import annotations

from collections.abc import Sequence

from local_org.org import sharing
from local_org.org.describe import scope_names
from local_org.org.model import Field, SObject
from local_org.soql import faults, functions, record_access, timeline
from local_org.soql.filters import Filter, joined, semi_joins, under_or
from local_org.soql.nodes import Order, Path, Query, Selected
from local_org.soql.scope import TIMELINES, Context, Scope, Sql, Value, quoted, source_object

MAX_OFFSET = 2_000
_KNOWN_SCOPES = frozenset(
    {"delegated", "everything", "mine", "mine_and_my_groups", "my_territory", "my_team_territory", "queue_owned",
     "scopingrule", "team", "user_owned"}
)  # fmt: skip


def bounds_sql(limit: int | None, offset: int | None) -> Sql:
    """LIMIT and OFFSET, with their numbers as parameters."""
    if limit is None and not offset:
        return Sql("")
    # SQLite knows no OFFSET without LIMIT; -1 is no limit, and its integers end where LIMIT may not.
    return Sql(" LIMIT ? OFFSET ?", (-1 if limit is None else min(limit, 2**62), offset or 0))


def counted(scope: Scope, where: Sql, limit: int | None, offset: int | None) -> Sql:
    """The number of rows that pass a filter, within LIMIT and OFFSET."""
    inner = f"{scope.from_sql()} WHERE {where.text}"
    if limit is None and not offset:
        return Sql(f"SELECT COUNT(*) {inner}", where.params)
    bounds = bounds_sql(limit, offset)
    text = f"SELECT COUNT(*) FROM (SELECT 1 {inner}{bounds.text})"
    return Sql(text, (*where.params, *bounds.params))


def open_scope(context: Context, query: Query, sobject: SObject) -> Scope:
    """The scope of a query's FROM, its aliases taken and its bounds checked."""
    if query.all_rows and not context.all_rows:
        raise faults.malformed(context.text, query.mark("ALL"), "ALL ROWS not allowed in this context")
    if (query.offset or 0) > MAX_OFFSET:
        message = f"Maximum SOQL offset allowed is {MAX_OFFSET}"
        raise faults.at(context.text, query.mark("OFFSET"), "NUMBER_OUTSIDE_VALID_RANGE", message)
    if query.categories:
        message = f"WITH DATA CATEGORY is not supported for sObject {sobject.name}"
        raise faults.malformed(context.text, query.mark("WITH"), message)
    scope = Scope(context, sobject, query.sources[0])
    if sobject.name.lower() in TIMELINES:
        scope.source = timeline.source_sql(context, sobject)
    elif sobject.name == record_access.NAME:
        scope.source = record_access.source_sql(context, query)
    for source in query.sources[1:]:
        scope.alias_path(source)
    return scope


def where_sql(scope: Scope, query: Query, *, inner: bool = False) -> Sql:
    """The whole filter of a query: recycle bin and archive, sharing, USING SCOPE, WHERE."""
    parts: list[Sql] = []
    if not scope.context.all_rows:
        # The plus keeps SQLite from choosing an index in which nearly all rows are equal.
        flags = [f for f in ("IsDeleted", "IsArchived") if scope.sobject.field(f) and _filtered(scope.sobject, f)]
        parts.extend(Sql(f"+{scope.table}.{quoted(f)} = 0") for f in flags)
    parts.extend(_visible(scope))
    parts.extend(_scope_filter(scope, query))
    if query.where is not None:
        check_semi_joins(scope, query, inner=inner)
        parts.append(Filter(scope, semi_join).compile(query.where))
    return joined(parts, "AND")


def _visible(scope: Scope) -> list[Sql]:
    """Records of others that the user may not see are left out."""
    if scope.sobject.name.lower() in TIMELINES:
        return []
    seen = sharing.condition(scope.context.schema, scope.context.access, scope.sobject, scope.table)
    return [] if seen is None else [Sql(seen)]


def _filtered(sobject: SObject, flag: str) -> bool:
    return flag == "IsDeleted" or sobject.name in ("Task", "Event")


def _scope_filter(scope: Scope, query: Query) -> list[Sql]:
    """USING SCOPE: whose records are meant; each object takes the scopes that its describe lists."""
    name = (query.scope or "everything").lower()
    if query.scope and name not in [each.lower() for each in scope_names(scope.sobject)]:
        why = f"supported for sObject {scope.sobject.name}" if name in _KNOWN_SCOPES else "a valid scope"
        message = f"Using scope '{query.scope}' is not {why}"
        raise faults.malformed(scope.context.text, query.sources[0].path.pos, message)
    owner = f"{scope.table}.{quoted('OwnerId')}"
    user = scope.context.access.user_id
    if name == "mine":
        return [Sql(f"{owner} = ?", (user,))]
    if name == "team":
        # The user and those in roles below; a queue is nobody's report.
        team = sorted(each for each in {user, *scope.context.access.owners} if each.startswith("005"))
        return [Sql(f"{owner} IN ({', '.join('?' * len(team))})", tuple(team))]
    if name in ("queue_owned", "user_owned"):
        return [Sql(f"substr({owner}, 1, 3) = ?", ("00G" if name == "queue_owned" else "005",))]
    if name == "delegated":
        return [Sql(f"({_delegated(owner)})", (user,))]
    return []


def _delegated(owner: str) -> str:
    """Activities that the user has made for somebody else."""
    t, c = owner.partition(".")[0], quoted("CreatedById")
    return f"{owner} <> {t}.{c} AND {t}.{c} = ?"


def check_semi_joins(scope: Scope, query: Query, *, inner: bool) -> None:
    """Salesforce's bounds on semi-joins: two at most, at the top, not nested, not of the object itself."""
    found = semi_joins(query.where)
    text = scope.context.text
    if not found:
        return
    if inner:
        raise faults.malformed(text, found[0].pos, "Nesting of semi join sub-selects is not supported")
    if len(found) > 2:
        raise faults.malformed(text, found[2].pos, "Maximum 2 semi join sub-selects are allowed")
    if under_or(query.where):
        message = (
            "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE "
            "expressions"
        )
        raise faults.malformed(text, under_or(query.where)[0].pos, message)


def semi_join(scope: Scope, left: Value, query: Query) -> Sql:
    """The SELECT inside a semi-join, as SQL of one column without nulls."""
    context = scope.context
    if left.type not in ("id", "reference"):
        message = (
            "The left operand field in the where expression for outer query should be an id field, cannot use: "
            f"'{left.path[-1]}'"
        )
        raise faults.malformed(context.text, query.pos, message)
    sobject = source_object(context, query.sources[0])
    if sobject.name == scope.sobject.name:
        message = "The inner and outer selects should not be on the same object type"
        raise faults.malformed(context.text, query.pos, message)
    inner = open_scope(context, query, sobject)
    no_groups(context, query)
    item = query.select[0]
    if len(query.select) != 1 or not isinstance(item, Selected) or not isinstance(item.expr, Path):
        raise faults.malformed(context.text, query.pos, "Semi join sub-selects can only select one field")
    column = inner.resolve(item.expr)
    if column.type not in ("id", "reference"):
        message = f"Semi join sub-selects can only query id fields, cannot use: '{column.path[-1]}'"
        raise faults.malformed(context.text, query.pos, message)
    where = where_sql(inner, query, inner=True)
    bounds = bounds_sql(query.limit, query.offset)
    text = f"SELECT {column.sql.text} {inner.from_sql()} WHERE {where.text} AND {column.sql.text} IS NOT NULL"
    return Sql(text + bounds.text, (*where.params, *bounds.params))


def no_groups(context: Context, query: Query) -> None:
    """Grouping belongs to the main query."""
    if query.group_by is not None:
        message = "GROUP BY is not allowed in a subquery"
        raise faults.malformed(context.text, query.mark("GROUP"), message)


def order_sql(scope: Scope, orders: Sequence[Order]) -> Sql:
    """The ORDER BY of a row query; equal rows follow their Ids, so that pages never overlap."""
    parts = [_order(scope, o) for o in orders]
    if parts:
        parts.append(Sql(scope.root.key))
    return Sql(", ".join(p.text for p in parts), tuple(v for p in parts for v in p.params))


def _order(scope: Scope, order: Order) -> Sql:
    value = functions.value(scope, order.expr)
    check_sortable(scope.context, value, order)
    suffix = order_suffix(value, order)
    key = sort_key(value, order)
    if key == value.sql:
        return Sql(key.text + suffix, key.params)
    # Values that the picklist no longer has come after the others, by their text.
    return Sql(f"{key.text}{suffix}, {value.sql.text}{suffix}", (*key.params, *value.sql.params))


def sort_key(value: Value, order: Order) -> Sql:
    """What rows are sorted by: for a picklist the place of the value in its list, else the value."""
    f = value.field
    listed = f is not None and f.type == "picklist" and bool(f.picklist) and isinstance(order.expr, Path)
    if f is None or not listed or value.aggregate:
        return value.sql
    whens = " ".join(f"WHEN ? THEN {n}" for n in range(len(f.picklist)))
    text = f"(CASE WHEN {value.sql.text} IS NOT NULL THEN CASE {value.sql.text} {whens} ELSE {len(f.picklist)} END END)"
    return Sql(text, (*value.sql.params, *value.sql.params, *(p.value for p in f.picklist)))


def check_sortable(context: Context, value: Value, order: Order) -> None:
    """An aggregate, a compound or a long text is no order for rows."""
    f = value.field
    if value.aggregate:
        raise faults.malformed(context.text, order.expr.pos, "Aggregate functions need a grouped query")
    if f is not None and (not f.sortable or f.type in ("address", "location", "base64") or _long(f)):
        message = f"field '{f.name}' can not be sorted in a query call"
        raise faults.invalid_field(context.text, order.expr.pos, message)


def order_suffix(value: Value, order: Order) -> str:
    """Direction and place of nulls, which come first unless the query says otherwise."""
    never_null = value.field is not None and not value.field.nillable and not value.joined and not value.aggregate
    direction = " DESC" if order.descending else ""
    if never_null:
        return direction
    return f"{direction} NULLS {'LAST' if order.nulls_last else 'FIRST'}"


def _long(f: Field) -> bool:
    return f.type == "textarea" and f.length > 255
