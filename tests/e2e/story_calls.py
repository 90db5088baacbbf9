"""Third chapter: calls come in by file and by the API, and arrive in the org as Tasks."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.e2e.driver import Console
from tests.e2e.stage import Stage

CALLER = "marcus.oyelaran@harbor-pine.example"
PHONE, SHARED_PHONE = "+12065550142", "+12065550177"


class People:
    """The people that the story's calls are about; they are in the org before the first run."""

    def __init__(self, stage: Stage) -> None:
        org = stage.org
        self.account = org.create("Account", Name="Story Street Holdings", Website="https://story-street.example")
        self.person = self._contact(stage, "Iris", "Story", PHONE)
        self.twins = [self._contact(stage, name, "Twin", SHARED_PHONE) for name in ("Ada", "Bea")]
        self.owner = str(org.soql(f"SELECT Id FROM User WHERE Email = '{CALLER}'")[0]["Id"])

    def _contact(self, stage: Stage, first: str, last: str, phone: str) -> str:
        email = f"{first.lower()}@story-street.example"
        return stage.org.create(
            "Contact", FirstName=first, LastName=last, Phone=phone, Email=email, AccountId=self.account
        )


def call(key: str, **more: Any) -> dict[str, Any]:
    """A call of ten minutes ago, by the caller to the story's person."""
    now = datetime.now(UTC)
    return {
        "source": "dialer",
        "external_id": key,
        "kind": "call",
        "occurred_at": (now - timedelta(minutes=10)).isoformat(),
        "updated_at": now.isoformat(),
        "duration_s": 321,
        "direction": "outbound",
        "person": {"phone": PHONE},
        "user": CALLER,
        "subject": key,
        "notes": f"Wants a tour next week. [{key}]",
        "outcome": "connected",
        **more,
    }


def arrives_by_itself(stage: Stage, people: People, measured: Path) -> str:
    """A call that was posted is a Task without anybody's doing, right in every field; its Id.

    How many seconds it took is kept beside the pictures: on a machine at rest one or two.
    """
    began = time.monotonic()
    stage.post("activities", call("story-first"))
    (task,) = stage.tasks_when(f"WhoId = '{people.person}'")
    measured.write_text(f"posted call to Task: {time.monotonic() - began:.1f} s\n", encoding="utf-8")
    wanted = {
        "WhoId": people.person,
        "WhatId": people.account,
        "OwnerId": people.owner,
        "Subject": "Call: Iris Story",
        "Type": "Call",
        "Status": "Completed",
        "Priority": "Normal",
        "Call_Outcome__c": "Connected",
        "CallType": "Outbound",
        "CallDurationInSeconds": 321,
        "Description": "Wants a tour next week. [story-first]",
    }
    assert {k: task[k] for k in wanted} == wanted
    return str(task["Id"])


def shows_a_green_row(console: Console, stage: Stage, task: str) -> None:
    """Runs has the run, done, with the row that was created; Record tells the whole story of it."""
    stage.quiet()
    run = next(r for r in stage.workspace().runs(limit=20, job="calls_out") if r["counts"]["created"])
    console.open("runs", run=run["run_id"]).shows("Done", run["run_id"])
    console.says("Wrote")
    console.picture("08-runs-first-call")
    console.open("record", key=task)
    console.says("Iris Story")
    console.says("In step")
    console.picture("09-record-first-call")


def takes_in_the_sample(stage: Stage) -> int:
    """The generated calls come by the command line, broken rows and all; how many Tasks they made."""
    before = stage.org.count("SELECT COUNT() FROM Task WHERE TaskSubtype = 'Call'")
    answers = stage.take_in("activities", "calls.ndjson")
    assert answers
    stage.quiet()
    made = stage.org.count("SELECT COUNT() FROM Task WHERE TaskSubtype = 'Call'") - before
    assert made > 100, made
    return made
