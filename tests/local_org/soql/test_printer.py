"""Generated trees, printed and parsed again, come back equal."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_org.soql import parse, render
from local_org.soql.lexer import quote, string_value
from local_org.soql.nodes import (
    Call,
    Category,
    Comparison,
    Condition,
    Group,
    GroupBy,
    Literal,
    Not,
    Order,
    Path,
    Query,
    Selected,
    Source,
    Subselect,
    Typeof,
    Values,
    When,
)
from local_org.soql.periods import RANGE_NAMES, RANGE_NAMES_N

words = st.sampled_from(["Id", "Name", "Amount__c", "ns__Field__c", "Account", "Owner", "Type", "Group", "End"])
paths = st.lists(words, min_size=1, max_size=4).map(lambda parts: Path(tuple(parts)))
calls = st.builds(Call, st.sampled_from(["COUNT", "MAX", "CALENDAR_YEAR", "TOLABEL"]), st.tuples(paths))
exprs = paths | calls | st.builds(Call, st.just("FORMAT"), st.tuples(calls))
literals = st.one_of(
    st.text(max_size=12).map(lambda s: Literal("string", quote(s)[1:-1])),
    st.integers().map(lambda n: Literal("number", str(n))),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(lambda d: Literal("number", f"{d:.2f}")),
    st.sampled_from([Literal("boolean", "TRUE"), Literal("boolean", "FALSE"), Literal("null", "NULL")]),
    st.dates().map(lambda d: Literal("date", d.isoformat())),
    st.datetimes().map(lambda d: Literal("datetime", d.replace(microsecond=0).isoformat() + "Z")),
    st.builds("{}{}".format, st.sampled_from(["USD", "EUR"]), st.integers(0)).map(lambda t: Literal("currency", t)),
    st.just(Literal("currency", "USD9.50")),
    st.times().map(lambda t: Literal("time", t.strftime("%H:%M:%S.000Z"))),
    st.sampled_from(sorted(RANGE_NAMES)).map(lambda n: Literal("range", n)),
    st.builds(lambda n, i: Literal("range", f"{n}:{i}"), st.sampled_from(sorted(RANGE_NAMES_N)), st.integers(0, 999)),
)
several = st.lists(literals, min_size=1, max_size=3).map(lambda items: Values(tuple(items)))
comparisons = st.one_of(
    st.builds(Comparison, exprs, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), literals),
    st.builds(Comparison, exprs, st.just("LIKE"), literals.filter(lambda x: x.kind == "string")),
    st.builds(Comparison, exprs, st.sampled_from(["IN", "NOT IN", "INCLUDES", "EXCLUDES"]), several),
)


def compound(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    groups = st.builds(
        lambda word, items: Group(word, tuple(items)), st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2)
    )
    return st.builds(Not, inner) | groups


conditions: st.SearchStrategy[Condition] = st.recursive(comparisons, compound, max_leaves=6)
orders = st.builds(Order, exprs, st.booleans(), st.booleans())
aliases = st.none() | st.sampled_from(["a", "alias1", "total"])
categories = st.builds(
    Category,
    st.sampled_from(["Geography__c", "Product__c"]),
    st.sampled_from(["AT", "ABOVE", "BELOW", "ABOVE_OR_BELOW"]),
    st.lists(st.sampled_from(["usa__c", "uk__c"]), min_size=1, max_size=2).map(tuple),
)
counts = st.none() | st.integers(0, 5000)


def queries(children: st.SearchStrategy[Query] | None = None) -> st.SearchStrategy[Query]:
    items: st.SearchStrategy[object] = st.builds(Selected, exprs, aliases) | st.builds(
        Typeof,
        paths,
        st.lists(st.builds(When, words, st.lists(paths, min_size=1, max_size=2).map(tuple)), min_size=1).map(tuple),
        st.lists(paths, max_size=2).map(tuple),
    )
    atoms = conditions
    if children is not None:
        items = items | st.builds(Subselect, children)
        atoms = atoms | st.builds(Comparison, paths, st.sampled_from(["IN", "NOT IN"]), children)
    return st.builds(
        Query,
        select=st.lists(items, min_size=1, max_size=3).map(tuple),
        sources=st.lists(st.builds(Source, paths, aliases), min_size=1, max_size=2).map(tuple),
        scope=st.sampled_from([None, "mine", "everything"]),
        where=st.none() | atoms,
        security=st.sampled_from([None, "SECURITY_ENFORCED", "USER_MODE"]),
        group_by=st.none()
        | st.builds(
            GroupBy, st.lists(exprs, min_size=1, max_size=2).map(tuple), st.sampled_from(["", "ROLLUP", "CUBE"])
        ),
        having=st.none() | conditions,
        order_by=st.lists(orders, max_size=2).map(tuple),
        limit=counts,
        offset=counts,
        purposes=st.sampled_from([(), ("VIEW",), ("VIEW", "REFERENCE")]),
        updates=st.sampled_from([(), ("TRACKING",), ("TRACKING", "VIEWSTAT")]),
        all_rows=st.booleans(),
        categories=st.lists(categories, max_size=2).map(tuple),
    ).map(_fitting)


def _fitting(query: Query) -> Query:
    """HAVING belongs to GROUP BY, and a query has one WITH."""
    having = query.having if query.group_by else None
    return replace(query, having=having, security=None if query.categories else query.security)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(queries(queries()))
def test_printed_trees_parse_to_themselves(query: Query) -> None:
    assert parse(render(query)) == query


@given(st.text())
def test_any_text_survives_as_a_literal(value: str) -> None:
    assert string_value(quote(value)[1:-1]) == value
