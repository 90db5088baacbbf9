"""Writes valid queries from a seed: every clause, function and literal, in any case and with any white space."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

OBJECTS = ["Account", "Contact", "Task", "Event", "Lead", "Opportunity", "Case", "ns__Lease__c", "Building__c"]
FIELDS = ["Id", "Name", "Subject", "CreatedDate", "Amount", "IsClosed", "ns__Area__c", "Floor__c", "Type", "Status",
          "ActivityDate", "x1", "Markets__c", "BillingCity"]  # fmt: skip
PARENTS = ["Account", "Owner", "What", "Who", "CreatedBy", "Building__r", "ns__Deal__r", "Parent"]
CHILDREN = ["Contacts", "Tasks", "Events", "Tenants__r", "ns__Leases__r", "ActivityHistories"]
DATE_PARTS = ["CALENDAR_YEAR", "CALENDAR_QUARTER", "CALENDAR_MONTH", "DAY_IN_MONTH", "DAY_IN_WEEK", "DAY_IN_YEAR",
              "DAY_ONLY", "FISCAL_YEAR", "FISCAL_QUARTER", "FISCAL_MONTH", "HOUR_IN_DAY", "WEEK_IN_MONTH",
              "WEEK_IN_YEAR"]  # fmt: skip
UNITS = ["DAYS", "WEEKS", "MONTHS", "QUARTERS", "YEARS", "FISCAL_QUARTERS", "FISCAL_YEARS"]
RANGES = ["TODAY", "YESTERDAY", "TOMORROW", "LAST_WEEK", "THIS_MONTH", "NEXT_QUARTER", "LAST_YEAR", "LAST_90_DAYS",
          "NEXT_90_DAYS", "THIS_FISCAL_QUARTER", "NEXT_FISCAL_YEAR"]  # fmt: skip
TEXTS = ["", "a", "O\\'Hara", "50\\%", "\\u00e9t\\u00E9", "two\\nlines", "a;b", "say \\\"hi\\\"", "back\\\\slash",
         "x_%", "SELECT (", "ünï"]  # fmt: skip
_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|[\w.:+-]+|<=|>=|<>|!=|\S")
STRAYS = ["AND", "OR", "NOT", "(", ")", ",", "=", "<", "LIKE", "IN", "WHERE", "FROM", "SELECT", "GROUP BY", "ORDER BY",
          "HAVING", "LIMIT", "OFFSET", "5", "-1", "1.5", "'x'", "null", "TODAY", "LAST_N_DAYS:3", "Name", "Owner.Name",
          "COUNT(", "ALL ROWS", "FOR VIEW", "TYPEOF", "END", "WHEN", "THEN", "ELSE", "AS", "NULLS LAST", "DESC", "Id",
          "'a\\qb'", "2026-02-30", "2026-01-01", "10:00:00Z", "USD5", "ROLLUP(", "INCLUDES", "COUNT()", "#", "WITH",
          "USING", "1e3", "+2", ".5"]  # fmt: skip
T = TypeVar("T")
_STRING = re.compile(r"('(?:[^'\\]|\\.)*')")
_BLANK = re.compile(r"(?<!order)(?<!group)(?<!data) ", re.IGNORECASE)


class Writer:
    """Valid queries, one after the other; the same seed writes the same ones."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def query(self) -> str:
        """The next query, some as people type them and some as nobody does."""
        text = self._grouped() if self.dice.random() < 0.25 else self._records(depth=0)
        return self._noisy(text) if self.dice.random() < 0.5 else text

    def mutant(self) -> str:
        """A valid query with a token or two lost, doubled, swapped or replaced: mostly invalid."""
        text = self.query()
        while len(text) > 300:
            text = self.query()
        tokens = _TOKEN.findall(text)
        for _ in range(self.dice.choice([1, 1, 2])):
            at = self.dice.randrange(len(tokens))
            token, stray = tokens[at], self._pick(STRAYS)
            tokens[at : at + 1] = self._pick([[], [token, token], [stray], [stray, token]])
            if self.dice.random() < 0.2:
                tokens[at : at + 2] = tokens[at : at + 2][::-1]
            tokens = tokens or ["SELECT"]
        return " ".join(tokens)

    # Whole queries.

    def _records(self, depth: int, source: str | None = None) -> str:
        clauses = [
            f"SELECT {self._select(depth)}",
            f"FROM {source or self._pick(OBJECTS)}{self._maybe(0.15, lambda: ' ' + self._pick(['a', 'b2', 'this1']))}",
            self._maybe(0.1, lambda: f"USING SCOPE {self._pick(['mine', 'everything', 'team'])}") if not depth else "",
            self._maybe(0.7, lambda: f"WHERE {self._where(joins=2 if not depth else 0)}"),
            self._maybe(0.15, self._with) if not depth else "",
            self._maybe(0.4, lambda: f"ORDER BY {self._several(self._order)}"),
            self._maybe(0.4, self._bounds),
            self._maybe(0.15, lambda: f"FOR {self._pick(['VIEW', 'REFERENCE', 'UPDATE'])}") if not depth else "",
            self._maybe(0.05, lambda: f"UPDATE {self._pick(['TRACKING', 'VIEWSTAT'])}") if not depth else "",
        ]
        return " ".join(c for c in clauses if c)

    def _grouped(self) -> str:
        if self.dice.random() < 0.1:
            return f"SELECT COUNT() FROM {self._pick(OBJECTS)} WHERE {self._where(joins=1)}"
        form = self._pick(["{}", "{}", "ROLLUP({})", "CUBE({})"])
        key = self._group_key if form == "{}" else self._path
        keys = [key() for _ in range(self.dice.randint(1, 3))]
        totals = [self._total() + self._pick(["", f" t{n}"]) for n in range(self.dice.randint(1, 3))]
        clauses = [
            f"SELECT {', '.join([*keys, *totals])} FROM {self._pick(OBJECTS)}",
            self._maybe(0.5, lambda: f"WHERE {self._where(joins=1)}"),
            f"GROUP BY {form.format(', '.join(keys))}",
            self._maybe(0.5, lambda: f"HAVING {self._tree(self._having, 2, negated=0)}"),
            self._maybe(0.5, lambda: f"ORDER BY {self._total()}{self._maybe(0.5, lambda: ' DESC')}"),
            self._maybe(0.3, lambda: f"LIMIT {self.dice.randint(1, 2_000)}"),
        ]
        return " ".join(c for c in clauses if c)

    # Lists.

    def _select(self, depth: int) -> str:
        if self.dice.random() < 0.05:
            return f"FIELDS({self._pick(['ALL', 'STANDARD', 'CUSTOM'])})"
        kinds: list[Callable[[], str]] = [self._path] * 6 + [self._presented]
        if not depth:
            kinds += [self._typeof, self._distance]
        if depth < 2:
            kinds.append(lambda: f"({self._records(depth + 1, self._child())})")
        return self._several(lambda: self._pick(kinds)(), 5)

    def _child(self) -> str:
        return f"{self._maybe(0.1, lambda: self._pick(OBJECTS) + '.')}{self._pick(CHILDREN)}"

    def _presented(self) -> str:
        inner = self._path()
        call = self._pick(["toLabel({})", "FORMAT({})", "convertCurrency({})", "FORMAT(convertCurrency({}))"])
        return call.format(inner) + self._maybe(0.5, lambda: " shown")

    def _typeof(self) -> str:
        whens = " ".join(
            f"WHEN {self._pick(OBJECTS)} THEN {self._several(self._path)}" for _ in range(self.dice.randint(1, 3))
        )
        otherwise = self._maybe(0.6, lambda: f" ELSE {self._several(self._path)}")
        return f"TYPEOF {self._pick(PARENTS)} {whens}{otherwise} END"

    def _order(self) -> str:
        key = self._distance() if self.dice.random() < 0.1 else self._path()
        nulls = self._maybe(0.3, lambda: f" NULLS {self._pick(['FIRST', 'LAST'])}")
        return f"{key}{self._pick(['', ' ASC', ' DESC'])}{nulls}"

    def _bounds(self) -> str:
        offset = self._maybe(0.3, lambda: f" OFFSET {self.dice.randrange(2_001)}")
        return f"LIMIT {self.dice.randrange(50_000)}{offset}"

    def _with(self) -> str:
        words = ["SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"]
        return f"WITH {self._pick([*words, f'DATA CATEGORY {self._categories()}'])}"

    def _categories(self) -> str:
        def one() -> str:
            names = self._pick(["usa__c", "(usa__c)", "(usa__c, uk__c)"])
            return f"Geography__c {self._pick(['AT', 'ABOVE', 'BELOW', 'ABOVE_OR_BELOW'])} {names}"

        return " AND ".join(one() for _ in range(self.dice.randint(1, 2)))

    # Expressions.

    def _path(self) -> str:
        climb = self.dice.choices([0, 1, 2, 5], [70, 20, 8, 2])[0]
        return ".".join([*(self._pick(PARENTS) for _ in range(climb)), self._pick(FIELDS)])

    def _group_key(self) -> str:
        inner = self._path()
        if self.dice.random() < 0.6:
            return inner
        return f"{self._pick(DATE_PARTS)}({self._pick(['{}', 'convertTimezone({})']).format(inner)})"

    def _total(self) -> str:
        return f"{self._pick(['COUNT', 'COUNT_DISTINCT', 'SUM', 'AVG', 'MIN', 'MAX'])}({self._path()})"

    def _distance(self) -> str:
        place = f"GEOLOCATION({self.dice.uniform(-90, 90):.4f}, {self.dice.randint(-180, 180)})"
        return f"DISTANCE({self._path()}, {place}, '{self._pick(['mi', 'km'])}')"

    # Conditions.

    def _where(self, joins: int) -> str:
        tree = self._tree(self._atom, 3)
        found = [self._semi_join() for _ in range(joins) if self.dice.random() < 0.1]
        return " AND ".join([f"({tree})", *found]) if found else tree

    def _tree(self, atom: Callable[[], str], depth: int, negated: float = 0.1) -> str:
        """Conditions under one connective; what has another stands in brackets."""
        count = self.dice.choices([1, 2, 3, 6], [40, 35, 20, 5])[0] if depth else 1
        items = []
        for _ in range(count):
            plain = depth < 1 or self.dice.random() < 0.7
            item = atom() if plain else f"({self._tree(atom, depth - 1, negated)})"
            bare = not item.lstrip("(").startswith("NOT")  # the other parser loses a bracket of three NOTs in a row
            items.append(f"NOT {item}" if bare and self.dice.random() < negated else item)
            if self.dice.random() < 0.05:
                items[-1] = f"({items[-1]})"
        return f" {self._pick(['AND', 'OR'])} ".join(items)

    def _atom(self) -> str:
        path = self._path()
        kind = self.dice.randrange(8)
        if kind == 0:
            return f"{path} LIKE {self._string()}"
        if kind == 1:
            return f"{path} {self._pick(['IN', 'NOT IN'])} ({self._several(self._literal)})"
        if kind == 2:
            return f"{path} {self._pick(['INCLUDES', 'EXCLUDES'])} ({self._several(self._string)})"
        if kind == 3:
            part = f"{self._pick(DATE_PARTS)}({self._pick(['{}', 'convertTimezone({})']).format(path)})"
            return f"{part} {self._compare()} {self._literal()}"
        if kind == 4:
            return f"{self._distance()} {self._pick(['<', '>'])} {self.dice.randint(1, 500)}"
        return f"{path} {self._compare()} {self._literal()}"

    def _having(self) -> str:
        return f"{self._total()} {self._compare()} {self.dice.randint(0, 99)}"

    def _semi_join(self) -> str:
        inner = self._maybe(0.6, lambda: f" WHERE {self._tree(self._atom, 1)}")
        word = self._pick(["IN", "NOT IN"])
        return f"{self._path()} {word} (SELECT {self._pick(FIELDS)} FROM {self._pick(OBJECTS)}{inner})"

    def _compare(self) -> str:
        return self._pick(["=", "!=", "<>", "<", "<=", ">", ">="])

    def _literal(self) -> str:
        day = f"20{self.dice.randrange(100):02}-{self.dice.randint(1, 12):02}-{self.dice.randint(1, 28):02}"
        clock = f"{self.dice.randrange(24):02}:{self.dice.randrange(60):02}:{self.dice.randrange(60):02}"
        unit = self._pick(UNITS)
        return self._pick(
            [
                self._string(),
                str(self.dice.randint(-99, 10**6)),
                f"{self.dice.uniform(-9, 9):.3f}",
                self._pick(["TRUE", "FALSE", "NULL"]),
                day,
                f"{day}T{clock}{self._pick(['Z', '.000Z', '+01:00', '.123-08:00'])}",
                self._pick(RANGES),
                f"{self._pick([f'LAST_N_{unit}', f'NEXT_N_{unit}', f'N_{unit}_AGO'])}:{self.dice.randint(1, 99)}",
                self._pick(["USD5000", "EUR9.50"]),
            ]
        )

    def _string(self) -> str:
        return f"'{self._pick(TEXTS)}'"

    # Dice and dress.

    def _pick(self, options: Sequence[T]) -> T:
        return self.dice.choice(options)

    def _maybe(self, chance: float, make: Callable[[], str]) -> str:
        return make() if self.dice.random() < chance else ""

    def _several(self, make: Callable[[], str], most: int = 3) -> str:
        return ", ".join(make() for _ in range(self.dice.randint(1, most)))

    def _noisy(self, text: str) -> str:
        """Other cases for the words in capitals, and other white space; what is quoted stays as it is.

        The other parser takes GROUP BY and its like for one word with one blank in it: they keep theirs.
        """
        parts = _STRING.split(text)
        parts[::2] = [self._dressed(p) for p in parts[::2]]
        return "".join(parts)

    def _dressed(self, text: str) -> str:
        cased = re.sub(r"\b[A-Z_]{2,}\b", lambda m: self._pick([m.group(), m.group().lower(), m.group().title()]), text)
        return re.sub(_BLANK, lambda _: self._pick([" ", " ", "  ", "\n", "\r\n", "\t"]), cased)
