"""P2: how many records a second go in by collections of 200, with every rule at work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import requests

from benchmarks.report import Measured, cpu_seconds
from tests.practice import Practice

LEAST_PER_SECOND = 10_000
REQUESTS = 100
SLICE = 20
"""Requests that are measured together."""


def account(number: int) -> dict[str, Any]:
    """A company."""
    return {"Name": f"Acme {number}", "Phone": "5551234567", "BillingCity": "Reno", "NumberOfEmployees": number}


def task(number: int) -> dict[str, Any]:
    """A call with its key."""
    return {
        "Subject": f"Call {number}", "Status": "Completed", "Priority": "Normal", "ActivityDate": "2026-01-02",
        "Description": "Spoke about the lease. " * 5, "CallDurationInSeconds": 60, "Syncline_Key__c": f"k{number}",
    }  # fmt: skip


def run(scale: float) -> list[Measured]:
    """Insert Accounts, then Tasks with an External ID, one request after the other."""
    count = max(1, round(REQUESTS * scale / SLICE)) * SLICE
    with Practice("--allowance", "10000000", activity_key=True) as practice:
        return [_insert(practice, name, make, count) for name, make in (("Account", account), ("Task", task))]


def _insert(practice: Practice, name: str, make: Callable[[int], dict[str, Any]], count: int) -> Measured:
    bodies = [
        json.dumps({"records": [{"attributes": {"type": name}, **make(n * 200 + i)} for i in range(200)]}).encode()
        for n in range(count)
    ]
    with requests.Session() as http:
        http.trust_env, http.verify = False, practice.env["ca_file"]
        http.headers.update({"Authorization": f"Bearer {practice.token()}", "Content-Type": "application/json"})
        began, marks = time.perf_counter(), [cpu_seconds(practice.pid)]
        for number, body in enumerate(bodies, start=1):
            saved = http.post(f"{practice.data_url}/composite/sobjects", data=body, timeout=60).json()
            assert all(row["success"] for row in saved), saved[:1]
            if number % SLICE == 0:
                marks.append(cpu_seconds(practice.pid))
        wall, cpu = time.perf_counter() - began, marks[-1] - marks[0]
    rows = count * 200
    # Neighbors on the same core cost processor time too; the quickest slice says what the server itself needs.
    best = SLICE * 200 / max(0.01, min(after - before for before, after in pairwise(marks)))
    facts = {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "api_calls": count, "per_wall_s": round(rows / wall)}
    return Measured(
        f"P2{name[0].lower()}", f"{rows:,} {name}s by collections of 200, per second of one core", facts, {},
        round(best), f">= {LEAST_PER_SECOND:,} a second", best >= LEAST_PER_SECOND,
    )  # fmt: skip
