"""Writes a syntax tree back as the text of a query; parsing that text gives the same tree."""

from __future__ import annotations

from local_org.soql.nodes import (
    Call,
    Category,
    Comparison,
    Condition,
    Expr,
    Group,
    Literal,
    Not,
    Order,
    Path,
    Query,
    Selected,
    SelectItem,
    Source,
    Subselect,
    Values,
    When,
)


def render(query: Query) -> str:
    """The query as one line of SOQL."""
    return " ".join(part for part in _clauses(query) if part)


def _clauses(query: Query) -> list[str]:
    group = query.group_by
    grouped = ", ".join(_expr(e) for e in group.exprs) if group else ""
    return [
        "SELECT " + ", ".join(_item(i) for i in query.select),
        "FROM " + ", ".join(_source(s) for s in query.sources),
        f"USING SCOPE {query.scope}" if query.scope else "",
        f"WHERE {_condition(query.where)}" if query.where else "",
        f"WITH {query.security}" if query.security else "",
        f"WITH DATA CATEGORY {' AND '.join(_category(c) for c in query.categories)}" if query.categories else "",
        f"GROUP BY {group.mode}({grouped})" if group and group.mode else f"GROUP BY {grouped}" if group else "",
        f"HAVING {_condition(query.having)}" if query.having else "",
        "ORDER BY " + ", ".join(_order(o) for o in query.order_by) if query.order_by else "",
        f"LIMIT {query.limit}" if query.limit is not None else "",
        f"OFFSET {query.offset}" if query.offset is not None else "",
        "FOR " + ", ".join(query.purposes) if query.purposes else "",
        "UPDATE " + ", ".join(query.updates) if query.updates else "",
        "ALL ROWS" if query.all_rows else "",
    ]


def _category(category: Category) -> str:
    names = ", ".join(category.names)
    return f"{category.group} {category.selector} {f'({names})' if len(category.names) > 1 else names}"


def _source(source: Source) -> str:
    return f"{source.path.text} {source.alias}" if source.alias else source.path.text


def _item(item: SelectItem) -> str:
    if isinstance(item, Selected):
        return f"{_expr(item.expr)} {item.alias}" if item.alias else _expr(item.expr)
    if isinstance(item, Subselect):
        return f"({render(item.query)})"
    otherwise = f" ELSE {', '.join(p.text for p in item.otherwise)}" if item.otherwise else ""
    return f"TYPEOF {item.path.text} {' '.join(_when(w) for w in item.whens)}{otherwise} END"


def _when(when: When) -> str:
    return f"WHEN {when.sobject} THEN {', '.join(p.text for p in when.fields)}"


def _expr(expr: Expr) -> str:
    if isinstance(expr, Path):
        return expr.text
    if isinstance(expr, Call):
        return f"{expr.name}({', '.join(_expr(a) for a in expr.args)})"
    return _literal(expr)


def _literal(literal: Literal) -> str:
    return f"'{literal.text}'" if literal.kind == "string" else literal.text


def _condition(condition: Condition) -> str:
    if isinstance(condition, Comparison):
        return f"{_expr(condition.left)} {condition.operator} {_right(condition.right)}"
    if isinstance(condition, Not):
        return f"NOT ({_condition(condition.item)})"
    return f" {condition.connective} ".join(_bracketed(i) for i in condition.items)


def _bracketed(condition: Condition) -> str:
    text = _condition(condition)
    return f"({text})" if isinstance(condition, Group) else text


def _right(right: Literal | Values | Query) -> str:
    if isinstance(right, Literal):
        return _literal(right)
    if isinstance(right, Values):
        return f"({', '.join(_literal(i) for i in right.items)})"
    return f"({render(right)})"


def _order(order: Order) -> str:
    return f"{_expr(order.expr)}{' DESC' if order.descending else ''}{' NULLS LAST' if order.nulls_last else ''}"
