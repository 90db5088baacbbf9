"""The practice org reads SOQL as an independent parser does, but for the differences listed by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local_org.org.model import OrgFault
from local_org.soql import parse, render
from local_org.soql.nodes import Query
from tests.local_org.soql import differences, second_parser
from tests.local_org.soql.differences import BOTH_TAKE, THEY_REFUSE, WE_REFUSE, Kind, Reading, kind_of, reading
from tests.local_org.soql.writer import Writer

pytestmark = [pytest.mark.needs("node"), pytest.mark.xdist_group("second-soql-parser")]

VALID, MUTANTS = 2_200, 1_500
KINDS = [*WE_REFUSE, *THEY_REFUSE, *BOTH_TAKE]
LIMITED, WRONG = "SELECT Id FROM Account LIMIT 5", "SELECT Id FROM Account WHERE A = = 1"


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    """Valid queries, every one another."""
    writer = Writer(seed=20_260_101)
    found = dict.fromkeys(writer.query() for _ in range(VALID + 200))
    return list(found)[:VALID]


@pytest.fixture(scope="module")
def answers(corpus: list[str], root: Path) -> dict[str, dict[str, Any]]:
    """What the other parser says about all queries of this module: one process for everything."""
    writer = Writer(seed=7)
    texts = [*corpus, *(render(parse(q)) for q in corpus), *(writer.mutant() for _ in range(MUTANTS))]
    texts += [LIMITED, WRONG, *(example for kind in KINDS for example in kind.examples)]
    try:
        home = second_parser.install(root / "build" / "npm" / "soql")
    except second_parser.Unavailable as error:
        pytest.skip(f"npm cannot fetch soql-parser-js: {error}")
    distinct = list(dict.fromkeys(texts))
    return dict(zip(distinct, second_parser.read(home, distinct), strict=True))


@pytest.fixture(scope="module")
def readings(answers: dict[str, dict[str, Any]]) -> dict[str, Reading]:
    """All queries of this module, read by both."""
    return {text: reading(text, answer) for text, answer in answers.items()}


def unheard_of(read: Iterable[Reading]) -> list[Reading]:
    """The differences that are of no known kind."""
    return [r for r in read if not r.alike and kind_of(r) is None]


def test_both_take_every_valid_query_for_the_same(corpus: list[str], readings: dict[str, Reading]) -> None:
    refused = [(r.text, r.fault, r.error) for r in map(readings.get, corpus) if r and not (r.ours and r.theirs)]
    assert refused == []
    assert [r for r in map(readings.get, corpus) if r and not r.alike] == []
    assert len(corpus) == VALID


def test_the_corpus_holds_every_clause(corpus: list[str], readings: dict[str, Reading]) -> None:
    used = Counter(name for text in corpus for name in readings[text].ours or {})
    clauses = {"fields", "source", "alias", "scope", "where", "security", "categories", "group", "having", "order",
               "limit", "offset", "purposes", "updates"}  # fmt: skip
    assert clauses <= set(used)
    assert all(used[name] >= 25 for name in clauses), used


def test_what_we_print_is_read_alike_elsewhere(corpus: list[str], readings: dict[str, Reading]) -> None:
    for text in corpus:
        printed = readings[render(parse(text))]
        assert printed.ours == printed.theirs == readings[text].ours, text


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_known_kinds_of_difference(kind: Kind, readings: dict[str, Reading]) -> None:
    for example in kind.examples:
        r = readings[example]
        assert not r.alike, r
        assert kind_of(r) == kind.name, r


def test_mutants_differ_in_no_other_way(readings: dict[str, Reading]) -> None:
    writer = Writer(seed=7)
    mutants = [readings[writer.mutant()] for _ in range(MUTANTS)]
    refused_by_both = sum(1 for r in mutants if r.ours is None and r.theirs is None)
    assert refused_by_both > MUTANTS // 2
    assert unheard_of(mutants) == []


def loses_limits(text: str) -> Query:
    """A parser that takes LIMIT and forgets it."""
    return replace(parse(text), limit=None)


def refuses_limits(text: str) -> Query:
    """A parser that knows no LIMIT."""
    if parse(text).limit is not None:
        raise OrgFault("MALFORMED_QUERY", "\nERROR at Row:1:Column:24\nunexpected token: 'LIMIT'")
    return parse(text)


def takes_anything(text: str) -> Query:
    """A parser that understands what cannot be understood."""
    return parse(text.replace("= =", "="))


@pytest.mark.parametrize(
    ("broken", "text"), [(loses_limits, LIMITED), (refuses_limits, LIMITED), (takes_anything, WRONG)]
)
def test_a_difference_of_a_new_kind_is_not_passed_over(
    broken: Any, text: str, answers: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reading(text, answers[text]).alike
    monkeypatch.setattr(differences, "parse", broken)
    planted = reading(text, answers[text])
    assert unheard_of([planted]) == [planted]


def test_a_planted_fault_shows_in_the_corpus(
    corpus: list[str], answers: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = {text for text in corpus if parse(text).limit is not None}
    monkeypatch.setattr(differences, "parse", loses_limits)
    assert {text for text in corpus if not reading(text, answers[text]).alike} == limited
    assert len(limited) >= 25
