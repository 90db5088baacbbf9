"""A small workspace with one of everything that audit tells about, put straight into the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import SQLModel

from core.mapping import load
from core.mapping.spec import JobSpec
from core.store.codec import dumps
from core.store.database import Database
from core.store.tables import (
    Account,
    Activity,
    Capture,
    Change,
    Connection,
    ContactPoint,
    Event,
    EventValue,
    Job,
    Link,
    Mark,
    OpenRow,
    OrgUser,
    Person,
    Plan,
    RecordResult,
    Run,
    Worker,
    WorkspaceUser,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
WS = 1
DANA, ERIN = 11, 12
SENT, HELD, WAITING, FILTERED, FRESH, GONE, NATIVE = range(21, 28)
ORG_TASK = "00T000000000001EAA"
ORG_DANA = "003000000000001AAA"
ORG_LOOSE = "00T000000000009EAA"


def specs() -> list[JobSpec]:
    """The jobs of the small workspace."""
    return [load.make_job(name, job_name=None, orgs={}) for name in ("calls_out", "tasks_in")]


def put(db: Database, *rows: SQLModel) -> None:
    """Add rows as they are."""
    with db.writing() as session:
        session.add_all(rows)
        session.commit()


def call(id: int, **values: Any) -> Activity:
    """A call made in the workspace."""
    given: dict[str, Any] = {
        "kind": "call", "source": "dialer", "external_id": f"c-{id}", "user_email": "ann@team.example",
        "subject": f"Call {id}", "occurred_at": NOW - timedelta(hours=3), "updated_at": NOW - timedelta(hours=3),
        "created_at": NOW - timedelta(hours=2), "seq": id,
    }  # fmt: skip
    return Activity(workspace_id=WS, id=id, **{**given, **values})


def result(row: int, record_id: int | None, outcome: str, **values: Any) -> RecordResult:
    """What the calls' run made of a record."""
    given: dict[str, Any] = {"run_id": "run_out", "job": "calls_out", "sobject": "Task", "key": f"c-{record_id}"}
    more = {"title": f"Call {record_id}", "at": NOW - timedelta(hours=1)}
    return RecordResult(workspace_id=WS, row=row, record_id=record_id, outcome=outcome, **{**given, **more, **values})


def opened(record_id: int, outcome: str, cause: str, **values: Any) -> OpenRow:
    """A row of the calls' job that is open."""
    given: dict[str, Any] = {
        "job": "calls_out", "subject": str(record_id), "sobject": "Task", "key": f"c-{record_id}",
        "title": f"Call {record_id}", "run_id": "run_out", "first_at": NOW - timedelta(hours=1),
        "last_at": NOW - timedelta(hours=1), "reason": f"because of {cause}",
    }  # fmt: skip
    return OpenRow(workspace_id=WS, record_id=record_id, outcome=outcome, cause=cause, **{**given, **values})


def run(run_id: str, job: str, direction: str, status: str = "complete", **values: Any) -> Run:
    """A run of an hour ago."""
    given: dict[str, Any] = {
        "actor": "ann", "reason": "by hand", "requested_at": NOW - timedelta(hours=1),
        "started_at": NOW - timedelta(hours=1), "ended_at": NOW - timedelta(minutes=59), "plan_id": f"plan_{run_id}",
    }  # fmt: skip
    return Run(workspace_id=WS, run_id=run_id, job=job, direction=direction, status=status, **{**given, **values})


def job(spec: JobSpec, **values: Any) -> Job:
    """A job that is switched on."""
    given: dict[str, Any] = {"is_enabled": True, "enabled_by": "ann", "next_run_at": NOW + timedelta(minutes=5)}
    times = {"created_at": NOW, "updated_at": NOW}
    return Job(workspace_id=WS, name=spec.name, spec=spec.model_dump(mode="json"), **{**given, **times, **values})


def fill(db: Database) -> None:
    """One call in each state that a call can be in, one task from the org, and everything around them."""
    link: dict[str, Any] = {"workspace_id": WS, "run_id": "run_out", "created_at": NOW, "updated_at": NOW}
    baseline = dumps({"Subject": "Call 21", "Status": "Completed"})
    put(db, *(job(s) for s in specs()))
    put(
        db,
        Account(workspace_id=WS, id=1, seq=1, source="crm", external_id="a-1", name="Acme", domain="acme.example"),
        Person(workspace_id=WS, id=DANA, seq=2, source="crm", external_id="p-1", name="Dana Fox", account_record_id=1,
               email="dana@acme.example", phone="+13125550101"),
        Person(workspace_id=WS, id=ERIN, seq=3, source="crm", external_id="p-2", name="Erin Hale"),
        ContactPoint(workspace_id=WS, table_name="person", record_id=DANA, kind="email", value="dana@acme.example"),
        ContactPoint(workspace_id=WS, table_name="person", record_id=DANA, kind="phone", value="+13125550101"),
        ContactPoint(workspace_id=WS, table_name="account", record_id=1, kind="domain", value="acme.example"),
        call(SENT, person_record_id=DANA, account_record_id=1, outcome="Connected", updated_at=NOW),
        call(HELD, outcome="Connected"),
        call(WAITING, person_phone="(312) 555-0199", outcome="Voicemail"),
        call(FILTERED, outcome="Busy"),
        call(FRESH),
        call(GONE, deleted_at=NOW),
        call(NATIVE, kind="task", source="salesforce", external_id="00t000000000002eaa"),
        Link(id=31, table_name="activity", record_id=SENT, sobject="Task", org_id=ORG_TASK, how="created_out",
             job="calls_out", baseline=baseline, **link),
        Link(id=32, table_name="activity", record_id=NATIVE, sobject="Task", org_id="00T000000000002EAA",
             how="created_in", job="tasks_in", **link),
        Link(id=33, table_name="person", record_id=DANA, sobject="Contact", org_id=ORG_DANA, how="matched",
             evidence="email", job="people_in", **link),
    )  # fmt: skip
    put(
        db,
        run("run_out", "calls_out", "outbound", n_input=4, n_created=1, n_held=1, n_waiting=1, n_filtered=1),
        run("run_in", "tasks_in", "inbound", n_input=2, n_created=1, n_filtered=1),
        Capture(workspace_id=WS, run_id="run_out", source="workspace", n_rows=4, at=NOW),
        Plan(workspace_id=WS, plan_id="plan_run_out", job="calls_out", run_id="run_out", made_at=NOW),
        Change(workspace_id=WS, plan_id="plan_run_out", row=1, record_id=SENT, sobject="Task", action="create",
               outcome="created", payload=dumps({"Subject": "Call 21"})),
        result(1, SENT, "created", action="create", org_id=ORG_TASK, request=dumps({"Subject": "Call 21"}),
               answer=dumps({"id": ORG_TASK, "success": True})),
        result(2, HELD, "held", cause="ambiguous"),
        result(3, WAITING, "waiting", cause="orphan"),
        result(4, FILTERED, "filtered", cause="filter", reason="The job's filter leaves it out."),
        RecordResult(workspace_id=WS, run_id="run_in", row=1, job="tasks_in", sobject="Task", org_id=ORG_LOOSE,
                     outcome="filtered", cause="deleted", reason="It was never here.", at=NOW),
        opened(HELD, "held", "ambiguous", candidates=dumps([{"record_id": DANA, "rule": "phone"},
                                                                           {"record_id": ERIN, "rule": "phone"}])),
        opened(WAITING, "waiting", "orphan", reason="Nobody has 100% of_this"),
        Mark(workspace_id=WS, job="calls_out", sobject="Task", workspace_seq=FILTERED),
        Event(workspace_id=WS, id=41, at=NOW, actor="ann", kind="conflict.decided", subject="c-21", run_id="run_out",
              detail="Subject: the workspace wins"),
        EventValue(workspace_id=WS, event_id=41, body=dumps({"workspace": "a", "org": "b"})),
        Connection(workspace_id=WS, name="Org", login_url="https://x.example", state="ok", username="int@x.example",
                   api_used=10, api_limit=1000, created_at=NOW),
        OrgUser(workspace_id=WS, org_id="005000000000001AAA", name="Ann Roe", username="ann@x.example"),
        WorkspaceUser(workspace_id=WS, email="ann@team.example", name="Ann", org_user_id="005000000000001AAA"),
        Worker(worker_id="w", started_at=NOW, seen_at=NOW - timedelta(seconds=5)),
    )  # fmt: skip
