"""The parser: what it reads, and the words and places of its complaints."""

from __future__ import annotations

import pytest

from local_org.org.model import OrgFault
from local_org.soql import parse
from local_org.soql.nodes import Call, Comparison, Group, Literal, Not, Path, Query, Selected, Source, Values


def test_reads_every_clause() -> None:
    query = parse(
        "SELECT Id, Account.Name, COUNT(Id) n FROM Contact c, c.Account a USING SCOPE mine WHERE Name = 'x' "
        "WITH SECURITY_ENFORCED GROUP BY ROLLUP(Name) HAVING COUNT(Id) > 1 ORDER BY Name DESC NULLS LAST, Id "
        "LIMIT 5 OFFSET 2 FOR VIEW UPDATE TRACKING ALL ROWS"
    )
    assert query.select[1:] == (Selected(Path(("Account", "Name"))), Selected(Call("COUNT", (Path(("Id",)),)), "n"))
    assert query.sources == (Source(Path(("Contact",)), "c"), Source(Path(("c", "Account")), "a"))
    assert (query.scope, query.security, query.purposes, query.updates) == (
        "mine", "SECURITY_ENFORCED", ("VIEW",), ("TRACKING",))  # fmt: skip
    assert query.group_by is not None
    assert query.group_by.mode == "ROLLUP"
    assert [(o.descending, o.nulls_last) for o in query.order_by] == [(True, True), (False, False)]
    assert (query.limit, query.offset, query.all_rows) == (5, 2, True)


def test_not_binds_to_the_next_comparison_only() -> None:
    where = parse("SELECT Id FROM Account WHERE NOT Name = 'a' AND Name != 'b'").where
    assert isinstance(where, Group)
    assert isinstance(where.items[0], Not)
    assert isinstance(where.items[1], Comparison)


def test_brackets_let_and_and_or_mix() -> None:
    where = parse("SELECT Id FROM Account WHERE Name = 'a' AND (Name = 'b' OR Name = 'c')").where
    assert isinstance(where, Group)
    assert where.connective == "AND"
    assert isinstance(where.items[1], Group)


@pytest.mark.parametrize(
    ("text", "kind", "source"),
    [
        ("'it\\'s'", "string", "it\\'s"),
        ("-1.5e3", "number", "-1.5e3"),
        ("2026-01-02", "date", "2026-01-02"),
        ("2026-01-02T03:04:05.000+0100", "datetime", "2026-01-02T03:04:05.000+0100"),
        ("10:30:00.000Z", "time", "10:30:00.000Z"),
        ("tRuE", "boolean", "TRUE"),
        ("null", "null", "NULL"),
        ("today", "range", "TODAY"),
        ("last_n_days : 7", "range", "LAST_N_DAYS:7"),
        ("N_FISCAL_QUARTERS_AGO:2", "range", "N_FISCAL_QUARTERS_AGO:2"),
    ],
)
def test_literals(text: str, kind: str, source: str) -> None:
    where = parse(f"SELECT Id FROM Account WHERE A__c IN ({text})").where
    assert isinstance(where, Comparison)
    assert where.right == Values((Literal(kind, source),))  # type: ignore[arg-type]


@pytest.mark.parametrize("word", ["Group", "Order", "Case"])
def test_objects_named_like_keywords(word: str) -> None:
    assert parse(f"SELECT Id FROM {word} LIMIT 1").sources[0].path.text == word


def test_semi_join_and_subselect_are_queries() -> None:
    query = parse("SELECT Id, (SELECT Id FROM Contacts) FROM Account WHERE Id NOT IN (SELECT AccountId FROM Contact)")
    assert isinstance(query.where, Comparison)
    assert isinstance(query.where.right, Query)
    assert query.where.operator == "NOT IN"


@pytest.mark.parametrize(
    ("query", "column", "token"),
    [
        ("SELECT Id, FROM Account", 12, "FROM"),
        ("SELECT FROM Account", 8, "FROM"),
        ("SELECT Id FROM", 15, "<EOF>"),
        ("SELECT Id FROM Account WHERE", 29, "<EOF>"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", 56, "OR"),
        ("SELECT Id FROM Account WHERE Name = 'a' OR Name = 'b' AND Name = 'c'", 55, "AND"),
        ("SELECT Id FROM Account LIMIT x", 30, "x"),
        ("SELECT Id FROM Account WHERE Name LIKE 5", 40, "5"),
        ("SELECT Id FROM Account ORDER Name", 24, "ORDER"),
        ("SELECT Id FROM Account)", 23, ")"),
        ("DELETE FROM Account", 1, "DELETE"),
        ("SELECT Id FROM Account WHERE Name IN ()", 39, ")"),
        ("SELECT Id FROM Account WHERE LastName = Smith", 41, "Smith"),
    ],
)
def test_unexpected_token_points_at_it(query: str, column: int, token: str) -> None:
    with pytest.raises(OrgFault) as caught:
        parse(query)
    assert caught.value.code == "MALFORMED_QUERY"
    assert caught.value.message == (
        f"\n{query}\n{' ' * (column - 1)}^\nERROR at Row:1:Column:{column}\nunexpected token: '{token}'"
    )


def test_second_row_is_echoed_alone() -> None:
    with pytest.raises(OrgFault) as caught:
        parse("SELECT Id\r\nFROM Account WHERE\r\n  Name ==")
    assert caught.value.message == "\n  Name ==\n        ^\nERROR at Row:3:Column:9\nunexpected token: '='"


def test_long_lines_are_echoed_around_the_caret() -> None:
    text = "SELECT Id FROM Account WHERE Name IN ('" + "a" * 3000 + "') LIMIT x"
    with pytest.raises(OrgFault) as caught:
        parse(text)
    _, echo, caret, place, message = caught.value.message.split("\n")
    assert len(echo) < 200
    assert echo[len(caret) - 1] == "x"
    assert (place, message) == (f"ERROR at Row:1:Column:{len(text)}", "unexpected token: 'x'")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT Id FROM A WHERE B = 'x", "line 1:29 mismatched character '<EOF>' expecting '''"),
        ("SELECT Id FROM A WHERE B = #", "line 1:27 no viable alternative at character '#'"),
        ("SELECT Id FROM A WHERE B = 'a\\qb'",
         "\nSELECT Id FROM A WHERE B = 'a\\qb'\n                             ^\nERROR at Row:1:Column:30\n"
         "Invalid string literal 'a\\qb'. Illegal character sequence '\\q' in string literal."),
        ("SELECT Id FROM A WHERE B = 2026-02-30",
         "\nSELECT Id FROM A WHERE B = 2026-02-30\n                           ^\nERROR at Row:1:Column:28\n"
         "Invalid date: 2026-02-30"),
    ],
)  # fmt: skip
def test_what_is_no_token(query: str, message: str) -> None:
    with pytest.raises(OrgFault) as caught:
        parse(query)
    assert (caught.value.code, caught.value.message) == ("MALFORMED_QUERY", message)


@pytest.mark.parametrize("depth", [101, 20_000])
def test_deep_nesting_is_refused_not_fatal(depth: int) -> None:
    with pytest.raises(OrgFault, match="Too many nested parentheses"):
        parse("SELECT Id FROM A WHERE " + "(" * depth)


def test_statements_end_at_100000_characters() -> None:
    with pytest.raises(OrgFault, match="cannot be longer than 100000 characters"):
        parse("SELECT Id FROM Account WHERE Name = '" + "x" * 100_000 + "'")
