"""One neutral form of a query for two parsers: plain lists and dicts that say what was read, not how it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from local_org.soql.nodes import (
    Call,
    Comparison,
    Condition,
    Expr,
    Group,
    Literal,
    Not,
    Path,
    Query,
    Selected,
    SelectItem,
    Values,
)
from local_org.soql.nodes import Subselect as Child

Neutral = dict[str, Any]
_KINDS = {
    "STRING": "string", "INTEGER": "number", "DECIMAL": "number", "BOOLEAN": "boolean", "NULL": "null",
    "DATE": "date", "DATETIME": "datetime", "DATE_LITERAL": "range", "DATE_N_LITERAL": "range",
    "INTEGER_WITH_CURRENCY_PREFIX": "currency", "DECIMAL_WITH_CURRENCY_PREFIX": "currency",
}  # fmt: skip
_EXACT = ("string", "number", "date", "datetime")


# What the practice org reads.


def ours(query: Query) -> Neutral:
    """The neutral form of a syntax tree of the practice org."""
    source = query.sources[0]
    group = query.group_by
    return _filled(
        fields=[_our_item(i) for i in query.select],
        source=source.path.text,
        alias=source.alias,
        others=[[s.path.text, s.alias] for s in query.sources[1:]],
        scope=query.scope,
        where=_our_condition(query.where) if query.where else None,
        security=query.security,
        categories=[[c.group, c.selector, list(c.names)] for c in query.categories],
        group=[group.mode, [_our_expr(e) for e in group.exprs]] if group else None,
        having=_our_condition(query.having) if query.having else None,
        order=[[_our_expr(o.expr), o.descending, o.nulls_last] for o in query.order_by],
        limit=query.limit,
        offset=query.offset,
        purposes=list(query.purposes),
        updates=list(query.updates),
        all_rows=query.all_rows,
    )


def _our_item(item: SelectItem) -> Any:
    if isinstance(item, Selected):
        return [_our_expr(item.expr), item.alias]
    if isinstance(item, Child):
        return {"query": ours(item.query)}
    whens = [[w.sobject, [p.text for p in w.fields]] for w in item.whens]
    return {"typeof": item.path.text, "whens": whens, "else": [p.text for p in item.otherwise]}


def _our_expr(expr: Expr) -> Any:
    if isinstance(expr, Path):
        return expr.text
    if isinstance(expr, Call):
        return {expr.name: [_our_expr(a) for a in expr.args]}
    return f"'{expr.text}'" if expr.kind == "string" else expr.text


def _our_condition(condition: Condition) -> Any:
    if isinstance(condition, Not):
        return ["NOT", _our_condition(condition.item)]
    if isinstance(condition, Group):
        return [condition.connective, *(_our_condition(i) for i in condition.items)]
    return _our_comparison(condition)


def _our_comparison(atom: Comparison) -> Any:
    if isinstance(atom.right, Query):
        right: Any = ours(atom.right)
    elif isinstance(atom.right, Values):
        right = [_our_literal(i) for i in atom.right.items]
    else:
        right = _our_literal(atom.right)
    return {"left": _our_expr(atom.left), "operator": atom.operator, "right": right}


def _our_literal(literal: Literal) -> list[str]:
    return [literal.kind, literal.text]


# What soql-parser-js reads.


def theirs(tree: dict[str, Any]) -> Neutral:
    """The neutral form of a tree of soql-parser-js."""
    source = [*tree.get("sObjectPrefix", []), tree["relationshipName"]] if "relationshipName" in tree else None
    return _filled(
        fields=[_their_field(f) for f in tree["fields"]],
        source=".".join(source) if source else tree["sObject"],
        alias=tree.get("sObjectAlias"),
        others=[],
        scope=tree.get("usingScope"),
        where=_their_condition(tree["where"]) if "where" in tree else None,
        security="SECURITY_ENFORCED" if tree.get("withSecurityEnforced") else tree.get("withAccessLevel", "").upper(),
        categories=[
            [c["groupName"], c["selector"].upper(), c["parameters"]]
            for c in tree.get("withDataCategory", {}).get("conditions", [])
        ],
        group=_their_group(_listed(tree.get("groupBy"))),
        having=_their_condition(tree["having"]) if "having" in tree else None,
        order=[
            [_their_operand(o), o.get("order", "").upper() == "DESC", o.get("nulls", "").upper() == "LAST"]
            for o in _listed(tree.get("orderBy"))
        ],
        limit=tree.get("limit"),
        offset=tree.get("offset"),
        purposes=[word.upper() for word in _listed(tree.get("for"))],
        updates=[word.upper() for word in _listed(tree.get("update"))],
        all_rows=False,
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _their_field(field: dict[str, Any]) -> Any:
    kind = field["type"]
    if kind == "FieldSubquery":
        return {"query": theirs(field["subquery"])}
    if kind == "FieldTypeof":
        branches = field["conditions"]
        whens = [[c["objectType"], c["fieldList"]] for c in branches if c["type"] == "WHEN"]
        return {
            "typeof": field["field"],
            "whens": whens,
            "else": [name for c in branches if c["type"] == "ELSE" for name in c["fieldList"]],
        }
    if kind == "FieldFunctionExpression":
        return [_their_call(field), field.get("alias")]
    parts = [*_listed(field.get("objectPrefix")), *field.get("relationships", []), field["field"]]
    return [".".join(parts), field.get("alias")]


def _their_call(call: dict[str, Any]) -> Any:
    return {call["functionName"].upper(): [a if isinstance(a, str) else _their_call(a) for a in call["parameters"]]}


def _their_operand(holder: dict[str, Any]) -> Any:
    return _their_call(holder["fn"]) if "fn" in holder else holder["field"]


def _their_group(groups: list[dict[str, Any]]) -> Any:
    if not groups:
        return None
    first = groups[0].get("fn")
    if first and first["functionName"].upper() in ("ROLLUP", "CUBE"):
        inner = [a if isinstance(a, str) else _their_call(a) for a in first["parameters"]]
        return [first["functionName"].upper(), inner]
    return ["", [_their_operand(g) for g in groups]]


def _their_condition(clause: dict[str, Any]) -> Any:
    tokens = list(_their_tokens(clause))
    tree, rest = _joined(tokens)
    assert not rest, rest
    return tree


def _their_tokens(clause: dict[str, Any] | None) -> Iterator[Any]:
    """The condition as it was written: it is kept as a chain that only counts its brackets."""
    while clause is not None:
        left, operator = clause["left"] or {}, clause.get("operator")
        yield from "(" * left.get("openParen", 0)
        if "operator" in left:
            yield {"left": _their_operand(left), "operator": _operator(left["operator"]), "right": _their_right(left)}
        yield from ")" * left.get("closeParen", 0)
        if operator:
            yield operator
        clause = clause.get("right")


def _operator(text: str) -> str:
    return "!=" if text == "<>" else " ".join(text.upper().split())


def _joined(tokens: list[Any]) -> tuple[Any, list[Any]]:
    item, rest = _single(tokens)
    items, word = [item], rest[0] if rest else None
    while rest and rest[0] == word and word in ("AND", "OR"):
        item, rest = _single(rest[1:])
        items.append(item)
    return ([word, *items] if len(items) > 1 else items[0]), rest


def _single(tokens: list[Any]) -> tuple[Any, list[Any]]:
    first, rest = tokens[0], tokens[1:]
    if first == "NOT":
        item, rest = _single(rest)
        return ["NOT", item], rest
    if first == "(":
        item, rest = _joined(rest)
        assert rest[0] == ")", rest
        return item, rest[1:]
    return first, rest


def _their_right(atom: dict[str, Any]) -> Any:
    if "valueQuery" in atom:
        return theirs(atom["valueQuery"])
    value, kinds = atom["value"], atom["literalType"]
    if not isinstance(value, list):
        return _their_literal(kinds, value)
    return [
        _their_literal(k, v)
        for k, v in zip(kinds if isinstance(kinds, list) else [kinds] * len(value), value, strict=True)
    ]


def _their_literal(kind: str, text: str) -> list[str]:
    word = _KINDS[kind]
    bare = text[1:-1] if word == "string" else text
    return [word, bare if word in _EXACT else bare.upper()]


def _filled(**parts: Any) -> Neutral:
    """Only what a query has."""
    return {name: value for name, value in parts.items() if value not in (None, [], False, "")}
