"""The practice org reads SOQL as an independent parser does, but for the differences listed by kind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from local_org.soql import parse, render
from tests.local_org.soql import second_parser
from tests.local_org.soql.differences import BOTH_TAKE, THEY_REFUSE, WE_REFUSE, Kind, Reading, kind_of, reading
from tests.local_org.soql.writer import Writer

pytestmark = [pytest.mark.needs("node"), pytest.mark.xdist_group("second-soql-parser")]

VALID, MUTANTS = 2_200, 1_500
KINDS = [*WE_REFUSE, *THEY_REFUSE, *BOTH_TAKE]


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    """Valid queries, every one another."""
    writer = Writer(seed=20_260_101)
    found = dict.fromkeys(writer.query() for _ in range(VALID + 200))
    return list(found)[:VALID]


@pytest.fixture(scope="module")
def readings(corpus: list[str], root: Path) -> dict[str, Reading]:
    """All queries of this module, read by both: one process of the other parser for everything."""
    writer = Writer(seed=7)
    texts = [*corpus, *(render(parse(q)) for q in corpus), *(writer.mutant() for _ in range(MUTANTS))]
    texts += [example for kind in KINDS for example in kind.examples]
    try:
        home = second_parser.install(root / "build" / "npm" / "soql")
    except second_parser.Unavailable as error:
        pytest.skip(f"npm cannot fetch soql-parser-js: {error}")
    distinct = list(dict.fromkeys(texts))
    answers = second_parser.read(home, distinct)
    return {text: reading(text, answer) for text, answer in zip(distinct, answers, strict=True)}


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
    assert [(r.text, r.fault, r.error, r.ours, r.theirs) for r in mutants if not r.alike and kind_of(r) is None] == []
