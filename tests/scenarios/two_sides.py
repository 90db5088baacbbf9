"""Plays edits of both sides through the planning functions, in memory: the steps of a run without store and HTTP.

Both jobs read everything at every run, which is stricter than reading what changed: nothing may depend on a row being
left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from core.identity.match import CANDIDATE
from core.mapping import canonical
from core.mapping.compile import inbound as compile_inbound
from core.mapping.compile import outbound as compile_outbound
from core.mapping.compile import soql_fields
from core.mapping.load import make_job
from core.mapping.spec import FieldMapping, JobSpec
from core.planning import guards, inbound, outbound, plan
from core.records import Direction, Outcome
from core.syncing import first_contact, plan_in
from tests.unit.schema.describes import orgs

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ANA, BEN = "ana@ours.example", "ben@ours.example"
USERS = {ANA: "005000000000AAAAA1", BEN: "005000000000BBBAA1"}
ROBOT = "005000000000ROBAA1"
ACCOUNT, ACCOUNT_ID = 900, "001000000000ACCAA1"
INSTANT = pl.Datetime("us", "UTC")
TEXTS = ("external_id", "subject", "notes", "status", "priority", "user", "created_by")
PEOPLE = {
    **dict.fromkeys(("record_id", "home"), pl.Int64),
    **dict.fromkeys(("org_id", "sobject", "person_name", "person_email"), pl.String),
}


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def changed_mappings(spec: JobSpec, change: Callable[[FieldMapping], FieldMapping]) -> JobSpec:
    """The job with each of its field mappings replaced."""
    pair = spec.pairs[0]
    return spec.model_copy(update={"pairs": (pair.model_copy(update={"mappings": tuple(map(change, pair.mappings))}),)})


@dataclass
class TwoSides:
    """A workspace and an org with tasks, the links between them, and the two jobs of the templates."""

    job_in: JobSpec = field(default_factory=lambda: make_job("tasks_in"))
    job_out: JobSpec = field(default_factory=lambda: make_job("tasks_out"))
    here: dict[int, dict[str, Any]] = field(default_factory=dict)
    there: dict[str, dict[str, Any]] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    inactive: set[str] = field(default_factory=set)
    now: datetime = START
    decisions: list[dict[str, Any]] = field(default_factory=list)

    # --- what people do

    def wait(self, seconds: float = 60) -> None:
        self.now += timedelta(seconds=seconds)

    def make_here(self, **values: Any) -> int:
        number = len(self.here) + 1
        base = {"external_id": f"t-{number}", "status": "Not Started", "priority": "Normal", "user": ANA}
        base |= {"created_by": ANA, "created_on": self.now}
        self.here[number] = {**base, "deleted_at": None, "account": ACCOUNT, **values, "updated_at": self.now}
        return number

    def make_there(self, **values: Any) -> str:
        number = f"00T{len(self.there) + 1:012d}AAA"
        base = {"Status": "Not Started", "Priority": "Normal", "OwnerId": USERS[ANA], "AccountId": ACCOUNT_ID}
        times = {"CreatedDate": stamp(self.now), "IsDeleted": "false", "IsArchived": "false"}
        self.there[number] = {"Id": number, **base, **times, "CreatedById": USERS[ANA]}
        return self.edit_there(number, **values)

    def edit_here(self, number: int, **values: Any) -> None:
        self.here[number] |= {**values, "updated_at": self.now}

    def edit_there(self, number: str, **values: Any) -> str:
        self.there[number] |= {**values, "LastModifiedDate": stamp(self.now), "SystemModstamp": stamp(self.now)}
        return number

    def delete_here(self, number: int) -> None:
        self.edit_here(number, deleted_at=self.now)

    def delete_there(self, number: str) -> None:
        self.edit_there(number, IsDeleted="true")

    # --- what runs do

    def run(self, direction: Direction) -> pl.DataFrame:
        """One run; returns the rows of its plan, which the guards and the books have seen."""
        if direction is Direction.OUTBOUND:
            planned, read, job = self.plan_out(), len(self.here), self.job_out
        else:
            planned, read, job = self.plan_in(), len(self.there), self.job_in
        rows = planned.rows
        self.check_books(rows, read)
        if planned.decisions is not None:
            self.decisions += planned.decisions.to_dicts()
        if not guards.check(rows, len(self.links), job.guards):
            (self._apply_out if direction is Direction.OUTBOUND else self._apply_in)(rows)
        self.wait(5)
        return rows

    def check_books(self, rows: pl.DataFrame, read: int) -> None:
        """Input = sum of outcomes; every row has one of the ten, and what stopped says why."""
        counts = plan.counts(rows)
        assert sum(counts.values()) == rows.height == read, counts
        assert set(rows["outcome"]) <= {o.value for o in Outcome}
        stopped = rows.filter(pl.col("outcome").is_in(["filtered", "skipped", "waiting", "held", "rejected"]))
        assert stopped.filter((pl.col("cause") == "") | pl.col("reason").is_null()).is_empty()
        assert rows.filter((pl.col("action") != "none") & (pl.col("cause") != "")).is_empty()

    def sync(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Inbound, then outbound, as a tick runs them."""
        return self.run(Direction.INBOUND), self.run(Direction.OUTBOUND)

    def settle(self) -> None:
        """After at most two rounds nothing is left to do (I7), and doing it again changes nothing."""
        self.sync()
        self.sync()
        before = self.state()
        for rows in self.sync():
            assert set(rows["action"]) <= {"none"}, rows.filter(pl.col("action") != "none").to_dicts()
        assert self.state() == before

    def state(self) -> str:
        links = {k: {n: v for n, v in link.items() if n != "stamp"} for k, link in self.links.items()}
        return json.dumps([self.here, self.there, links], default=str, sort_keys=True)

    # --- planning, in the order of core.syncing

    def plan_out(self) -> plan.Planned:
        pair, org = self.job_out.pairs[0], orgs()["Task"]
        rows = self._here_frame().with_columns(upsert_key=pl.lit(None, dtype=pl.String))
        resolved = outbound.resolve(self.job_out, pair, rows, self._out_ground(rows))
        mapped = compile_outbound(self.job_out, pair, org, zone="UTC").apply(resolved)
        verdicts = outbound.held_by_mapping(self.job_out, resolved, mapped)
        verdicts = outbound.deletes_looked_at(self.job_out, pair, verdicts, self._org_now())
        others = outbound.creates_and_deletes(pair, verdicts, mapped)
        todo = verdicts.filter(pl.col("_outcome").is_null() & ~pl.col("is_create") & pl.col("deleted_at").is_null())
        differing = outbound.differing(todo, mapped)
        idle = todo.join(differing, on="local_id", how="anti")
        same = plan.shaped(idle.with_columns(record_id="local_id", _outcome=pl.lit("unchanged")))
        moving = verdicts.join(differing, on="local_id", how="semi")
        changed = outbound.updates(self.job_out, pair, moving, mapped, self._org_now(), self._out_ground(rows))
        return plan.Planned(
            pl.concat([others, same.drop("baseline").pipe(plan.shaped), changed.rows]), {}, changed.decisions
        )

    def plan_in(self) -> plan.Planned:
        pair, org = self.job_in.pairs[0], orgs()["Task"]
        captured = self._captured()
        rows = plan_in.with_values(captured)
        ground = self._in_ground()
        resolved = inbound.resolve(self.job_in, rows, ground)
        compiled = compile_inbound(self.job_in, pair, org, zone="UTC")
        mapped = compiled.apply(resolved)
        verdicts = inbound.rejected_by_mapping(resolved, mapped)
        moving = verdicts.filter(pl.col("_outcome").is_null() & pl.col("record_id").is_not_null())
        base_rows = plan_in.baseline_rows(pair, moving, captured.columns)
        mapped_base = plan_in.with_known(pair, compiled.apply(base_rows), base_rows)
        return inbound.finish(self.job_in, pair, verdicts, mapped, mapped_base, self._present(), ground)

    def _here_frame(self) -> pl.DataFrame:
        rows = [{"local_id": i, **{c: r.get(c) for c in self._columns()}} for i, r in self.here.items()]
        schema = {"local_id": pl.Int64, **self._columns()}
        frame = pl.DataFrame([{**r, "account": r["account"]} for r in rows], schema=schema)
        return frame.with_columns(
            pl.col("due_at").str.to_date("%Y-%m-%d"),
            _key="external_id",
            _title="subject",
            related_id=pl.lit(None, dtype=pl.String),
        ).drop("account")

    def _columns(self) -> dict[str, Any]:
        times = dict.fromkeys(("updated_at", "deleted_at", "created_on"), INSTANT)
        return {**dict.fromkeys(TEXTS, pl.String), "due_at": pl.String, "account": pl.Int64, **times}

    def _present(self) -> pl.DataFrame:
        frame = self._here_frame()
        text = [
            canonical.text_of(pl.col(c), t).alias(c)
            for c, t in frame.schema.items()
            if c not in ("local_id", "_key", "_title")
        ]
        return frame.select(pl.col("local_id").alias("record_id"), *text).with_columns(
            account=pl.lit(str(ACCOUNT)), person=pl.lit(None, dtype=pl.String)
        )

    def _out_ground(self, rows: pl.DataFrame) -> outbound.Ground:
        ids = rows.select("local_id")
        users = [{"user": u, "org_user_id": i, "org_active": u not in self.inactive} for u, i in USERS.items()]
        return outbound.Ground(
            links=pl.DataFrame(
                [{"local_id": v["record_id"], "org_id": k, "baseline": v["baseline"]} for k, v in self.links.items()],
                schema={"local_id": pl.Int64, "org_id": pl.String, "baseline": pl.String},
            ),
            people=pl.DataFrame(schema=PEOPLE),
            accounts=pl.DataFrame({"record_id": [ACCOUNT], "org_id": [ACCOUNT_ID], "account_name": ["Acme"]}),
            person_match=ids.with_columns(
                person_record_id=pl.lit(None, dtype=pl.Int64), status=pl.lit("no_reference"),
                candidates=pl.lit(None, dtype=pl.List(CANDIDATE)),
            ),
            account_match=ids.with_columns(account_record_id=pl.lit(ACCOUNT, dtype=pl.Int64), status=pl.lit("unique"),
                candidates=pl.lit(None, dtype=pl.List(CANDIDATE)),
            ),
            users=pl.DataFrame(users).with_columns(row_zone=pl.lit(None, dtype=pl.String)),
            integration_user=ROBOT,
            now=self.now,
        )  # fmt: skip

    def _in_ground(self) -> inbound.Ground:
        linked = [
            {"Id": k, "record_id": v["record_id"], "baseline": v["baseline"], "org_stamp_at": v["stamp"],
             "linked_kind": "task", "updated_at": self.here[v["record_id"]]["updated_at"],
             "is_gone": self.here[v["record_id"]]["deleted_at"] is not None,
             "is_adopted": False, "made_here": v.get("made_here", False), "was": None, "was_how": None}
            for k, v in self.links.items()
        ]  # fmt: skip
        schema = {
            "Id": pl.String, "record_id": pl.Int64, "baseline": pl.String, "org_stamp_at": INSTANT,
            "linked_kind": pl.String, "updated_at": INSTANT, "is_gone": pl.Boolean,
            "is_adopted": pl.Boolean, "made_here": pl.Boolean, "was": pl.String, "was_how": pl.String,
        }  # fmt: skip
        return inbound.Ground(
            links=pl.DataFrame(linked, schema=schema),
            matches=pl.DataFrame(schema=first_contact.MATCHES),
            accounts=pl.DataFrame({"AccountId": [ACCOUNT_ID], "account_record_id": [ACCOUNT]}),
            people=pl.DataFrame(schema={"WhoId": pl.String, "person_record_id": pl.Int64}),
        )

    def _captured(self) -> pl.DataFrame:
        org = orgs()["Task"]
        fields = dict.fromkeys(soql_fields(self.job_in.pairs[0], org))
        fields |= dict.fromkeys(soql_fields(self.job_out.pairs[0], org, direction=Direction.OUTBOUND))
        fields |= dict.fromkeys(("OwnerId", "CreatedById"))
        mail = {i: u for u, i in USERS.items()}
        rows = [
            {**r, "Owner.Email": mail.get(r["OwnerId"]), "CreatedBy.Email": mail.get(r["CreatedById"])}
            for r in self.there.values()
        ]
        return pl.DataFrame([{f: r.get(f) for f in fields} for r in rows], schema=dict.fromkeys(fields, pl.String))

    def _org_now(self) -> pl.DataFrame:
        frame = self._captured()
        return frame.with_columns(
            org_id="Id",
            _modified_at=pl.col("LastModifiedDate").str.to_datetime("%Y-%m-%dT%H:%M:%S%#z", time_unit="us"),
            _gone=pl.col("IsDeleted") == "true",
        ).drop("Id")

    # --- writing, as core.syncing does

    def _apply_out(self, rows: pl.DataFrame) -> None:
        for row in rows.filter(pl.col("action") != "none").to_dicts():
            values = json.loads(row["payload"] or "{}")
            if row["action"] == "delete":
                self.delete_there(row["org_id"])
                del self.links[row["org_id"]]
                continue
            if row["action"] == "create":
                row["org_id"] = self.make_there(OwnerId=ROBOT, CreatedById=ROBOT)
                self.links[row["org_id"]] = {"record_id": row["record_id"], "stamp": None}
            self.edit_there(row["org_id"], **values)
            self.links[row["org_id"]]["baseline"] = row["baseline"]

    def _apply_in(self, rows: pl.DataFrame) -> None:
        for row in rows.to_dicts():
            stays = row["outcome"] == "unchanged" and row["baseline"] is not None
            if row["action"] == "none" and not stays:
                continue
            number = row["record_id"]
            if row["action"] == "delete":
                self.here[number] |= {"deleted_at": self.now, "updated_at": self.now}
                del self.links[row["org_id"]]
                continue
            if row["action"] == "create":
                number = self.make_here(**dict.fromkeys(("user", "status", "priority", "created_by", "created_on")))
                self.here[number]["updated_at"] = self.now
            self._take(number, json.loads(row["payload"] or "{}"))
            known = json.loads(row["extra"])["stamp"]
            link = self.links.setdefault(row["org_id"], {"record_id": number, "baseline": None})
            link["baseline"] = row["baseline"] or link["baseline"]
            link["stamp"] = datetime.fromisoformat(known)

    def _take(self, number: int, values: dict[str, Any]) -> None:
        for name, text in values.items():
            if name in ("updated_at", "created_on"):
                self.here[number][name] = datetime.fromisoformat(text)
            elif name in (*TEXTS, "due_at") and name != "external_id":
                self.here[number][name] = text
