"""The planning of whole frames gives the same answer as the plain reference, record by record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.mapping.spec import Blank, FieldMapping, JobSpec, PairSpec, Policy
from core.planning import inbound, outbound, plan
from core.records import Direction, Kind
from core.syncing import first_contact, plan_in
from tests.unit.planning import reference
from tests.unit.planning.reference import Said, Times

INSTANT = pl.Datetime("us", "UTC")
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
STAMP = "2026-11-02T12:00:00Z"
ROBOT = "005ROBOT"
OUT_FIELDS = ("Subject", "Description", "OwnerId")
SOURCES = {
    "subject": "Subject",
    "notes": "Description",
    "user": "Owner.Email",
    "updated_at": "LastModifiedDate",
    "created_by": "CreatedBy.Email",
}
TRACKED = ("Subject", "Description", "Owner.Email", "OwnerId", "CreatedBy.Email", "CreatedById", "Extra__c")

values = st.sampled_from([None, "a", "b", "c", "a ", "x\r\ny", "x\ny", 'q"\\', "", "\u65e5"])
gaps = st.sampled_from([-60.0, -2.0, -1.001, -1.0, -0.5, 0.0, 0.5, 1.0, 1.001, 2.0, 60.0])
instants = st.one_of(st.none(), gaps.map(lambda s: NOON + timedelta(seconds=s)))
policies = st.sampled_from([p.value for p in Policy])
offsets = st.sampled_from([0.0, 1.5, -30.0])


def bases(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, str | None]]:
    return st.dictionaries(st.sampled_from(names), values)


@dataclass(frozen=True)
class Case:
    """One linked record: both sides, the baseline, and what the mapping sends."""

    ours: dict[str, str | None]
    theirs: dict[str, str | None]
    base: dict[str, str | None]
    sent: dict[str, bool]
    ours_at: datetime | None
    theirs_at: datetime | None
    gone: bool = False
    made_here: bool = False


def whole(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, str | None]]:
    return st.fixed_dictionaries(dict.fromkeys(names, values))


def flags(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, bool]]:
    return st.fixed_dictionaries(dict.fromkeys(names, st.sampled_from([True, True, True, False])))


def cases_out() -> st.SearchStrategy[list[Case]]:
    case = st.builds(
        Case,
        whole(OUT_FIELDS),
        whole(OUT_FIELDS),
        bases((*OUT_FIELDS, "Extra__c")),
        flags(OUT_FIELDS),
        instants,
        instants,
        st.sampled_from([False, False, False, True]),
    )
    return st.lists(case, min_size=1, max_size=6)


def cases_in() -> st.SearchStrategy[list[Case]]:
    names = tuple(SOURCES)
    case = st.builds(
        Case,
        whole(names),
        whole(TRACKED),
        bases(TRACKED),
        flags(names),
        instants,
        instants,
        made_here=st.booleans(),
    )
    return st.lists(case, min_size=1, max_size=6)


def job(direction: Direction, mappings: list[FieldMapping], policy: str) -> JobSpec:
    pair = PairSpec(sobject="Task", mappings=tuple(mappings))
    return JobSpec(name="j", title="J", direction=direction, kind=Kind.TASK, pairs=(pair,), policy=Policy(policy))


# --- outbound


def plan_out(cases: list[Case], by_field: dict[str, str], offset_s: float) -> list[Said]:
    return said(planned_out(cases, by_field, offset_s).rows)


def planned_out(cases: list[Case], by_field: dict[str, str], offset_s: float) -> plan.Planned:
    mappings = [FieldMapping(source=f.lower(), target=f, policy=Policy(by_field[f])) for f in OUT_FIELDS]
    spec = job(Direction.OUTBOUND, mappings, "ask")
    rows = pl.DataFrame(
        [
            {"local_id": i, "org_id": f"T{i}", "baseline": json.dumps(c.base), "updated_at": c.ours_at}
            for i, c in enumerate(cases)
        ],
        schema={"local_id": pl.Int64, "org_id": pl.String, "baseline": pl.String, "updated_at": INSTANT},
    )
    texts = ("what_id", "account_org_id", "who_id", "_key", "_title")
    verdicts = plan.open_verdict(rows).with_columns(
        pl.lit(None, dtype=INSTANT).alias("deleted_at"),
        *(pl.lit(None, dtype=pl.String).alias(c) for c in texts),
        is_create=pl.lit(value=False),
    )
    mapped = pl.DataFrame(
        [
            {"local_id": i} | {f"o:{f}": c.ours[f] for f in OUT_FIELDS} | {f"s:{f}": c.sent[f] for f in OUT_FIELDS}
            for i, c in enumerate(cases)
        ],
        schema={"local_id": pl.Int64}
        | {f"o:{f}": pl.String for f in OUT_FIELDS}
        | {f"s:{f}": pl.Boolean for f in OUT_FIELDS},
    )
    org_now = pl.DataFrame(
        [{"org_id": f"T{i}", "_modified_at": c.theirs_at, "_gone": c.gone, **c.theirs} for i, c in enumerate(cases)],
        schema={
            "org_id": pl.String,
            "_modified_at": INSTANT,
            "_gone": pl.Boolean,
            **dict.fromkeys(OUT_FIELDS, pl.String),
        },
    )
    none = pl.DataFrame()
    ground = outbound.Ground(none, none, none, none, none, none, "", NOON, clock_offset_s=offset_s)
    return outbound.updates(spec, spec.pairs[0], verdicts, mapped, org_now, ground)


def said(rows: pl.DataFrame) -> list[Said]:
    ordered = rows.sort("record_id").iter_rows(named=True)
    return [
        Said(r["outcome"], r["cause"], reference.parsed(r["payload"]), reference.parsed(r["baseline"])) for r in ordered
    ]


@pytest.mark.requirement("O2", "X10")
@settings(max_examples=60, deadline=None)
@given(cases_out(), st.fixed_dictionaries(dict.fromkeys(OUT_FIELDS, policies)), offsets)
def test_outbound_updates_are_those_of_the_reference(
    cases: list[Case], by_field: dict[str, str], offset_s: float
) -> None:
    expected = [
        reference.outbound(c.ours, c.sent, c.theirs, c.base, Times(c.ours_at, c.theirs_at, offset_s), by_field, c.gone)
        for c in cases
    ]
    assert plan_out(cases, by_field, offset_s) == expected


@settings(max_examples=40, deadline=None)
@given(cases_out(), st.fixed_dictionaries(dict.fromkeys(OUT_FIELDS, policies)))
def test_what_was_written_is_written_once(cases: list[Case], by_field: dict[str, str]) -> None:
    """The org takes the payload, the link the baseline: planned again, the same record gives no write."""
    live = [Case(**{**vars(c), "gone": False}) for c in cases]
    after = [
        Case(
            **{
                **vars(c),
                "theirs": {**c.theirs, **(s.payload or {})},
                "base": c.base if s.baseline is None else s.baseline,
            }
        )
        for c, s in zip(live, plan_out(live, by_field, 0.0), strict=True)
    ]
    again = plan_out(after, by_field, 0.0)
    assert all(s.payload is None for s in again)
    assert all(s.outcome == "held" or (s.baseline or {}) == c.base for c, s in zip(after, again, strict=True))


# --- inbound


def frame(rows: list[dict[str, Any]], **schema: Any) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema)


def captured(cases: list[Case]) -> pl.DataFrame:
    stamped = [
        {"Id": f"T{i}", "SystemModstamp": STAMP, "LastModifiedDate": STAMP, "IsDeleted": "false",
         "LastModifiedById": ROBOT, "CreatedDate": STAMP} | c.theirs
        for i, c in enumerate(cases)
    ]  # fmt: skip
    return pl.DataFrame(stamped, schema=dict.fromkeys(stamped[0], pl.String))


def as_mapped(rows: pl.DataFrame, cases: list[Case] | None) -> pl.DataFrame:
    """The simplest mapping there is: every workspace field is its source."""
    out = rows.select("local_id", *(pl.col(s).alias(f"w:{t}") for t, s in SOURCES.items()))
    if cases is None:
        return out
    return out.with_columns(pl.Series(f"s:{t}", [c.sent[t] for c in cases], dtype=pl.Boolean) for t in SOURCES)


def plan_in_rows(
    cases: list[Case],
    by_field: dict[str, str],
    offset_s: float,
    fill_only: tuple[str, ...],
    clears: frozenset[str] | None = None,
) -> pl.DataFrame:
    mappings = [
        FieldMapping(
            source=s, target=t, policy=Policy(by_field[t]), blank=Blank.FILL_ONLY if t in fill_only else Blank.CLEAR
        )
        for t, s in SOURCES.items()
    ]
    spec = job(Direction.INBOUND, mappings, "ask")
    pair, org_rows = spec.pairs[0], captured(cases)
    rows = plan_in.with_values(org_rows)
    links = frame(
        [
            {"Id": f"T{i}", "record_id": i, "baseline": json.dumps(c.base), "org_stamp_at": None, "linked_kind": "task",
             "updated_at": c.ours_at, "is_gone": False, "is_adopted": False, "made_here": c.made_here, "was": None,
             "was_how": None}
            for i, c in enumerate(cases)
        ],
        Id=pl.String, record_id=pl.Int64, baseline=pl.String, org_stamp_at=INSTANT, linked_kind=pl.String,
        updated_at=INSTANT, is_gone=pl.Boolean, is_adopted=pl.Boolean, made_here=pl.Boolean, was=pl.String,
        was_how=pl.String,
    )  # fmt: skip
    ground = inbound.Ground(
        links,
        pl.DataFrame(schema=first_contact.MATCHES),
        frame([], AccountId=pl.String, account_record_id=pl.Int64),
        frame([], WhoId=pl.String, person_record_id=pl.Int64),
        clock_offset_s=offset_s,
        own_user=ROBOT,
        twin_clears=clears,
    )
    verdicts = inbound.resolve(spec, rows, ground)
    verdicts = verdicts.with_columns(pl.Series("modified_at", [c.theirs_at for c in cases], dtype=INSTANT))
    base_rows = plan_in.baseline_rows(pair, verdicts, org_rows.columns)
    mapped_base = plan_in.with_known(pair, as_mapped(base_rows, None), base_rows)
    ours = frame(
        [{"record_id": i, **c.ours} for i, c in enumerate(cases)],
        record_id=pl.Int64,
        **dict.fromkeys(SOURCES, pl.String),
    )
    return inbound.finish(spec, pair, verdicts, as_mapped(rows, cases), mapped_base, ours, ground).rows


def org_row(case: Case) -> dict[str, str | None]:
    return {**case.theirs, "LastModifiedDate": STAMP}


def tracked(said_: Said) -> Said:
    """System fields are no part of a baseline."""
    base = None if said_.baseline is None else {k: v for k, v in said_.baseline.items() if k != "LastModifiedDate"}
    return Said(said_.outcome, said_.cause, said_.payload, base)


@pytest.mark.requirement("O2", "X10")
@settings(max_examples=60, deadline=None)
@given(
    cases_in(),
    st.fixed_dictionaries(dict.fromkeys(SOURCES, policies)),
    offsets,
    st.sampled_from([(), ("notes",), ("notes", "user")]),
    st.sampled_from([None, frozenset[str](), frozenset({"Description"})]),
)
def test_inbound_updates_are_those_of_the_reference(
    cases: list[Case],
    by_field: dict[str, str],
    offset_s: float,
    fill_only: tuple[str, ...],
    clears: frozenset[str] | None,
) -> None:
    silent = () if clears is None else [t for t, s in SOURCES.items() if s not in clears]
    expected = [
        reference.inbound(
            c.ours,
            org_row(c),
            SOURCES,
            c.sent,
            c.base,
            Times(c.ours_at, c.theirs_at, offset_s),
            by_field,
            fill_only,
            silent,
            c.made_here and c.theirs_at is not None and c.theirs_at <= NOON + timedelta(seconds=2),
        )
        for c in cases
    ]
    assert said(plan_in_rows(cases, by_field, offset_s, fill_only, clears)) == [tracked(s) for s in expected]


@settings(max_examples=40, deadline=None)
@given(cases_in(), st.fixed_dictionaries(dict.fromkeys(SOURCES, policies)))
def test_what_came_in_comes_in_once(cases: list[Case], by_field: dict[str, str]) -> None:
    first = said(plan_in_rows(cases, by_field, 0.0, ()))
    after = [
        Case(
            **{**vars(c), "ours": {**c.ours, **(s.payload or {})}, "base": c.base if s.baseline is None else s.baseline}
        )
        for c, s in zip(cases, first, strict=True)
    ]
    again = said(plan_in_rows(after, by_field, 0.0, ()))
    assert all(s.payload is None for s in again)


# --- our own writes, and lookups


def step(**over: Any) -> Case:
    org = {"Subject": "a", "Owner.Email": "ana@x.example", "OwnerId": "U1", "CreatedById": "U0"}
    both = {**dict.fromkeys(TRACKED), **org}
    ours = {
        "subject": "a",
        "notes": None,
        "user": "ana@x.example",
        "updated_at": "2026-11-01T00:00:00Z",
        "created_by": None,
    }
    base = {"Subject": "a", "Description": None, "OwnerId": "U1"}
    parts: dict[str, Any] = {"ours": ours, "theirs": both, "base": base}
    for name in parts:
        parts[name] = {**parts[name], **over.get(name, {})}
    return Case(**parts, sent=dict.fromkeys(SOURCES, True), ours_at=NOON, theirs_at=NOON + timedelta(minutes=5))


EVERY = dict.fromkeys(SOURCES, "last_update_wins")


def one(case: Case) -> dict[str, Any]:
    return plan_in_rows([case], EVERY, 0.0, ()).row(0, named=True)


def test_an_own_write_read_back_changes_nothing_though_the_org_stamped_it_later() -> None:
    row = one(step())
    assert (row["outcome"], row["action"], row["payload"]) == ("unchanged", "none", None)
    assert json.loads(row["baseline"])["Owner.Email"] == "ana@x.example"


def test_an_echo_that_the_org_changed_on_the_way_is_a_change() -> None:
    row = one(step(theirs={"Subject": "A (by a flow)"}))
    assert json.loads(row["payload"])["subject"] == "A (by a flow)"


def test_passengers_come_along_only_with_a_change() -> None:
    assert one(step())["payload"] is None
    moved = json.loads(one(step(theirs={"Subject": "b"}))["payload"])
    assert moved == {"subject": "b", "updated_at": STAMP}


def test_who_made_a_record_is_filled_once_and_never_rewritten() -> None:
    theirs = {"Subject": "b", "CreatedBy.Email": "robot@x.example"}
    assert json.loads(one(step(theirs=theirs))["payload"])["created_by"] == "robot@x.example"
    kept = json.loads(one(step(theirs=theirs, ours={"created_by": "ana@x.example"}))["payload"])
    assert "created_by" not in kept


def test_an_owner_is_known_by_the_id_that_we_wrote() -> None:
    """The outbound job knows only OwnerId; that is enough to see that only our side changed since."""
    row = one(step(ours={"user": "ben@x.example"}))
    assert (row["outcome"], row["payload"]) == ("unchanged", None)
    assert "user" in row["reason"]
    kept = {"Subject": "a", "Description": None, "OwnerId": "U1"}
    assert json.loads(row["baseline"]) == {**kept, "CreatedBy.Email": None, "CreatedById": "U0"}


def test_an_owner_that_the_org_changed_comes_in() -> None:
    row = one(step(theirs={"OwnerId": "U2", "Owner.Email": "ben@x.example"}))
    assert json.loads(row["payload"])["user"] == "ben@x.example"
    assert json.loads(row["baseline"])["OwnerId"] == "U2"


def test_a_field_that_only_the_outbound_job_knows_keeps_its_baseline() -> None:
    row = one(step(theirs={"Subject": "b", "Extra__c": "theirs"}, base={"Extra__c": "what we wrote"}))
    assert json.loads(row["baseline"])["Extra__c"] == "what we wrote"


def test_every_conflict_is_kept_with_both_values_and_the_reason() -> None:
    case = Case(
        ours={"Subject": "o", "Description": "same", "OwnerId": "U1"},
        theirs={"Subject": "t", "Description": "same", "OwnerId": "U2"},
        base={"Subject": "b", "Description": "b", "OwnerId": "U1"},
        sent=dict.fromkeys(OUT_FIELDS, True),
        ours_at=NOON,
        theirs_at=NOON,
    )
    planned = planned_out([case], dict.fromkeys(OUT_FIELDS, "last_update_wins"), 0.0)
    assert planned.decisions is not None
    (kept,) = planned.decisions.select("field", "ours", "theirs", "base", "decision", "why").iter_rows()
    assert kept == ("Subject", "o", "t", "b", "theirs", "tie within one second: the org wins")
    assert planned.rows["reason"].item() == "The org's newer OwnerId, Subject comes in with the inbound job."
