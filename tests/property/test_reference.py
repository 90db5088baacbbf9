"""Planning on whole frames and the plain reference, record by record, give the same answer on thousands of rows."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from core.mapping.spec import Policy
from core.planning.conflicts import decide
from tests.property.reference import consent
from tests.unit.planning import reference
from tests.unit.planning import test_two_way as frames
from tests.unit.planning.reference import Times

VALUES = (None, "", "a", "b", "c", "a ", "x\r\ny", "x\ny", "x\n\ny", 'q"\\', "\u65e5", "{}", "null", "true", "0")
GAPS = (-3600.0, -60.0, -2.0, -1.001, -1.0, -0.5, 0.0, 0.5, 1.0, 1.001, 2.0, 60.0, 3600.0)
OFFSETS = (0.0, 1.5, -30.0, 3600.0)
CHUNK = 500


class Maker:
    """Makes cases from one seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def value(self) -> str | None:
        return self.dice.choice(VALUES)

    def row(self, names: tuple[str, ...], near: dict[str, str | None] | None = None) -> dict[str, str | None]:
        """Values, mostly those of another row, so that equal ones are as usual as they are in life."""
        return {n: near[n] if near and n in near and self.dice.random() < 0.5 else self.value() for n in names}

    def at(self) -> datetime | None:
        if self.dice.random() < 0.1:
            return None
        return frames.NOON + timedelta(seconds=self.dice.choice(GAPS))

    def base(self, names: tuple[str, ...], near: dict[str, str | None]) -> dict[str, str | None]:
        known = [n for n in names if self.dice.random() < 0.7]
        return {**self.row(tuple(known), near), **({"Extra__c": self.value()} if self.dice.random() < 0.3 else {})}

    def sent(self, names: tuple[str, ...]) -> dict[str, bool]:
        return {n: self.dice.random() < 0.8 for n in names}

    def policies(self, names: Any) -> dict[str, str]:
        return {n: self.dice.choice(list(Policy)).value for n in names}

    def case_out(self) -> frames.Case:
        ours = self.row(frames.OUT_FIELDS)
        theirs = self.row(frames.OUT_FIELDS, ours)
        base = self.base(frames.OUT_FIELDS, self.dice.choice([ours, theirs]))
        return frames.Case(
            ours, theirs, base, self.sent(frames.OUT_FIELDS), self.at(), self.at(), gone=self.dice.random() < 0.1
        )

    def case_in(self) -> frames.Case:
        theirs = self.row(frames.TRACKED)
        near = {t: theirs.get(s) for t, s in frames.SOURCES.items()}
        ours = self.row(tuple(frames.SOURCES), near)
        back = {s: ours[t] for t, s in frames.SOURCES.items()}
        base = self.base(frames.TRACKED, self.dice.choice([theirs, {**theirs, **back}]))
        return frames.Case(
            ours, theirs, base, self.sent(tuple(frames.SOURCES)), self.at(), self.at(),
            made_here=self.dice.random() < 0.5,
        )  # fmt: skip


def outbound_agrees(rows: int, seed: int) -> None:
    maker = Maker(seed)
    for _ in range(rows // CHUNK):
        cases = [maker.case_out() for _ in range(CHUNK)]
        by_field, offset = maker.policies(frames.OUT_FIELDS), maker.dice.choice(OFFSETS)
        found = frames.plan_out(cases, by_field, offset)
        for case, said in zip(cases, found, strict=True):
            times = Times(case.ours_at, case.theirs_at, offset)
            wanted = reference.outbound(case.ours, case.sent, case.theirs, case.base, times, by_field, case.gone)
            assert said == wanted, (seed, case, by_field, offset)


def inbound_agrees(rows: int, seed: int) -> None:
    maker = Maker(seed)
    for _ in range(rows // CHUNK):
        cases = [maker.case_in() for _ in range(CHUNK)]
        by_field, offset = maker.policies(frames.SOURCES), maker.dice.choice(OFFSETS)
        fill_only = maker.dice.choice([(), ("notes",), ("notes", "user")])
        clears = maker.dice.choice([None, frozenset[str](), frozenset({"Description"})])
        silent = () if clears is None else [t for t, s in frames.SOURCES.items() if s not in clears]
        found = frames.said(frames.plan_in_rows(cases, by_field, offset, fill_only, clears))
        for case, said in zip(cases, found, strict=True):
            born = case.theirs_at is not None and case.theirs_at <= frames.NOON + timedelta(seconds=2)
            wanted = reference.inbound(
                case.ours, frames.org_row(case), frames.SOURCES, case.sent, case.base,
                Times(case.ours_at, case.theirs_at, offset), by_field, fill_only, silent, case.made_here and born,
            )  # fmt: skip
            assert said == frames.tracked(wanted), (seed, case, by_field, offset, fill_only, clears)


def consent_agrees(rows: int, seed: int) -> None:
    dice = random.Random(seed)
    flags = ("true", "false", None)
    made: list[dict[str, Any]] = [
        {
            "ours": dice.choice(flags), "theirs": dice.choice(flags), "base": dice.choice(flags),
            "has_base": dice.random() < 0.7, "is_released": dice.random() < 0.3,
            "ruling": dice.choice([None, "ours", "theirs"]), "policy": dice.choice(list(Policy)).value,
            "ours_at": frames.NOON, "theirs_at": frames.NOON + timedelta(seconds=dice.choice(GAPS)),
            "is_consent": True,
        }
        for _ in range(rows)
    ]  # fmt: skip
    schema = {
        **dict.fromkeys(("ours", "theirs", "base", "ruling", "policy"), pl.String),
        **dict.fromkeys(("has_base", "is_released", "is_consent"), pl.Boolean),
        **dict.fromkeys(("ours_at", "theirs_at"), frames.INSTANT),
    }
    judged = decide(pl.DataFrame(made, schema=schema))
    for row, decision in zip(made, judged["decision"], strict=True):
        wanted = consent(
            row["ours"], row["theirs"], row["base"], has_base=row["has_base"], released=row["is_released"],
            ruling=row["ruling"],
        )  # fmt: skip
        assert wanted in (None, decision), (row, decision)
        is_out = "true" in (row["ours"], row["theirs"])
        taken = {"ours": row["ours"], "theirs": row["theirs"]}.get(decision, "true")
        by_hand = row["is_released"] and row["base"] == "true" and row["has_base"]
        assert not is_out or row["ours"] == row["theirs"] or taken == "true" or by_hand, f"opted in again: {row}"


AGREE = [outbound_agrees, inbound_agrees, consent_agrees]


@pytest.mark.requirement("O2", "X10")
@pytest.mark.parametrize("agrees", AGREE, ids=lambda f: f.__name__)
def test_frames_and_reference_agree_on_three_thousand_rows(agrees: Any) -> None:
    agrees(3_000, seed=7)


@pytest.mark.nightly
@pytest.mark.parametrize("agrees", AGREE, ids=lambda f: f.__name__)
def test_frames_and_reference_agree_on_a_hundred_thousand_rows(agrees: Any) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    agrees(100_000, seed=seed)
